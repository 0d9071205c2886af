"""Errors of operations on tasks. They know no HTTP status; ``taskapp.tasks.views`` maps them to responses."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple


class TaskNotFound(Exception):
    """The user has no such task."""


class InvalidChange(Exception):
    """The change would break a rule that depends on fields of the task that it does not change.

    Args:
        details: a sentence for each field of the change, by name.
    """

    def __init__(self, details: Mapping[str, str]) -> None:
        super().__init__(details)
        self.details = details


class UidTaken(Exception):
    """Another task of the user has this uid.

    Args:
        current: the fields of that task.
    """

    def __init__(self, current: Mapping[str, Any]) -> None:
        super().__init__(current["id"])
        self.current = current


class ReadOnlyFields(Exception):
    """The write would change fields that clients cannot set.

    Args:
        names: the names of these fields.
    """

    def __init__(self, names: Collection[str]) -> None:
        super().__init__(names)
        self.names = names


class UnknownTimeZone(Exception):
    """The database does not know the time zone."""


class TagNotFound(Exception):
    """The user has no task with this tag."""


class ChangesGone(Exception):
    """Not every change after the number or the time is known."""


class FutureTime(Exception):
    """The time is later than the present one of the database."""


class OperationTooSlow(Exception):
    """The operation took too long and was stopped. Nothing was changed.

    Args:
        names: the names of the parameters that make it costly; none if it is costly in any case.
    """

    def __init__(self, names: Collection[str] = ()) -> None:
        super().__init__(names)
        self.names = names


class VersionConflict(Exception):
    """The task has changed: it has none of the versions that the write requires.

    Args:
        current: the current fields of the task.
        changed: the names of the fields that changed since the one required version; None if they are unknown.
    """

    def __init__(self, current: Mapping[str, Any], changed: Sequence[str] | None = None) -> None:
        super().__init__(current["version"])
        self.current = current
        self.changed = changed


class ChangeNotFound(Exception):
    """No write of the user has this number, or its changes are no longer known."""


class UndoConflict(Exception):
    """A task was changed since the write that is to be undone, or its values from before are not possible now.

    Args:
        conflicts: a dict for each such task, as in the response.
        changes: the number of changes of the write.
        reason: why the values are not possible, if that is so. Then there are no conflicts.
    """

    def __init__(self, conflicts: Sequence[Mapping[str, Any]], changes: int, reason: str | None = None) -> None:
        super().__init__(changes)
        self.conflicts = conflicts
        self.changes = changes
        self.reason = reason


class TooManyAffected(Exception):
    """The write would change more tasks than it may.

    Args:
        most: how many it may change.
    """

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


class Failure(NamedTuple):
    """An operation of a write of many tasks that is impossible.

    Attributes:
        position: its place among all, from 0.
        task_id: the id of its task; None if it would create one.
        reason: ``missing`` if there is no such task, ``changed`` if it has another version, ``taken`` if another task
            has the uid, or ``invalid``.
        details: if it is invalid, a sentence for each field, by name; otherwise nothing.
        current: the fields of the task, or of the one that has the uid; None if there is none.
    """

    position: int
    task_id: int | None
    reason: str
    details: Mapping[str, str]
    current: Mapping[str, Any] | None


class NotApplied(Exception):
    """Some operations of a write of many tasks are impossible, so nothing was written.

    Args:
        failures: what is wrong with each of them.
        operations: the number of all operations.
    """

    def __init__(self, failures: Sequence[Failure], operations: int) -> None:
        super().__init__(len(failures))
        self.failures = failures
        self.operations = operations


class TaskExists(Exception):
    """The task to restore exists, or another task has its uid, or its values are not possible now.

    Args:
        current: the fields of this task; None if they are not known.
        reason: why the values are not possible, if that is so.
    """

    def __init__(self, current: Mapping[str, Any] | None, reason: str | None = None) -> None:
        super().__init__()
        self.current = current
        self.reason = reason


class LinesNotImported(Exception):
    """Some lines of a file are impossible, so nothing was imported.

    Args:
        failures: what is wrong with each of them, by number: a sentence for each field, by name, or by None.
        lines: the number of all lines.
    """

    def __init__(self, failures: Mapping[int, Mapping[str | None, str]], lines: int) -> None:
        super().__init__(len(failures))
        self.failures = failures
        self.lines = lines
