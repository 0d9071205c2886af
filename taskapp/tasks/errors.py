"""Errors of operations on tasks. They know no HTTP status; ``taskapp.tasks.views`` maps them to responses."""

from collections.abc import Collection, Mapping
from typing import Any


class TaskNotFound(Exception):
    """The user has no such task."""


class ReadOnlyFields(Exception):
    """The write would change fields that clients cannot set.

    Args:
        names: the names of these fields.
    """

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(names)
        self.names = names


class SearchTooSlow(Exception):
    """The search took too long and was stopped."""


class VersionConflict(Exception):
    """The task has changed: it has none of the versions that the write requires.

    Args:
        current: the current fields of the task.
    """

    def __init__(self, current: Mapping[str, Any]) -> None:
        super().__init__(current["version"])
        self.current = current
