"""Tasks as tools show them: only the fields that a model can use, and none that are empty, to save tokens."""

from collections.abc import Mapping
from typing import Any

SHOWN = (
    "id",
    "title",
    "description",
    "completed",
    "completed_at",
    "priority",
    "tags",
    "due_date",
    "due_time",
    "time_zone",
    "recurrence",
    "reminder",
    "reminded_at",
    "version",
)
_SHOWN_OF_RECURRENCE = ("rule", "from", "next")


def brief(task: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a task that have a value."""
    shown = {name: task[name] for name in SHOWN if task.get(name) not in (None, [])}
    if "recurrence" in shown:
        shown["recurrence"] = {name: shown["recurrence"][name] for name in _SHOWN_OF_RECURRENCE}
    return shown
