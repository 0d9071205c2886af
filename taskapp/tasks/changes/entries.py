"""Entries: changes as clients see them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func

from taskapp.http.json_provider import with_microseconds
from taskapp.tasks.changes.models import Change
from taskapp.tasks.representation import CREATABLE_FIELDS, FIELDS, WRITABLE_FIELDS, value_from_json

# The task of markers, changes before which are unknown.
MARKER = 0
_CHANGING = frozenset({*WRITABLE_FIELDS, *CREATABLE_FIELDS, "completed_at", "reminded_at"})
# The fields whose changes are shown. due_at follows from others, and the version is the number of the change.
CHANGING_FIELDS = tuple(name for name in FIELDS if name in _CHANGING)
# The fields whose changes by others are in the way of undo. That the service has reminded meanwhile is not.
COMPARED_FIELDS = tuple(name for name in CHANGING_FIELDS if name != "reminded_at")
TYPES = ("created", "updated", "deleted")


class Entry(NamedTuple):
    """A row of the log: the columns of :func:`entry_columns`."""

    number: int
    write: int
    undoes: int | None
    task_id: int
    at: Any
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


def entry_columns(change: Any = Change) -> Sequence[Any]:
    """Return what a statement selects for an :class:`Entry`.

    Args:
        change: the table, or the columns of a subquery.
    """
    write = func.coalesce(change.operation, change.number).label("write")
    return (change.number, write, change.undoes, change.task_id, change.at, change.before, change.after)


def changed_fields(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> dict[str, dict[str, Any]]:
    """Return the fields that a change changed, each with its value ``from`` before and ``to`` after.

    Args:
        before: the written columns as they were; None if there was no task.
        after: the same as they became.
    """
    images = [image or {} for image in (before, after)]
    changed = {}
    for name in CHANGING_FIELDS:
        old, new = (value_from_json(name, image[name]) if name in image else None for image in images)
        if old != new:
            changed[name] = {"from": old, "to": new}
    return changed


def type_of(entry: Entry) -> str:
    """Return what happened to the task: one of :data:`TYPES`. A restored task was created."""
    return "created" if entry.before is None else "deleted" if entry.after is None else "updated"


def entry_to_dict(entry: Entry) -> dict[str, Any]:
    """Return an entry as a dict of JSON values."""
    return {
        "number": entry.number,
        "write": entry.write,
        "undoes": entry.undoes,
        "task_id": entry.task_id,
        "type": type_of(entry),
        "at": with_microseconds(entry.at),
        "changed": changed_fields(entry.before, entry.after),
    }
