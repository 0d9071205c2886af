"""What can go wrong with a task, without a word on how clients are told."""

from collections.abc import Mapping
from typing import Any


class TaskNotFound(Exception):
    """The user has no such task."""


class VersionConflict(Exception):
    """The task has changed since the version that the write is for.

    Args:
        current: the fields of the task as it is now.
        version: its version now.
    """

    def __init__(self, current: Mapping[str, Any], version: int) -> None:
        super().__init__(version)
        self.current = current
        self.version = version
