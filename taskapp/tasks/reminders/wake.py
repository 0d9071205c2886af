"""Wakes the process that reminds, so that it does not sleep over a reminder that was just set."""

from collections.abc import Iterable, Mapping
from typing import Any

from taskapp.tasks.webhooks.signals import delivery_due


def wake_for(tasks: Iterable[Mapping[str, Any] | None]) -> None:
    """Send :data:`delivery_due` if a write has left a task with a pending reminder.

    Args:
        tasks: what the write returned: the fields of tasks, or None for a deleted one. Fields may be missing.
    """
    if any(
        task and task.get("reminder") and not task.get("reminded_at") and not task.get("completed") for task in tasks
    ):
        delivery_due.send()
