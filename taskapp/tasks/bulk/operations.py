"""One operation of a bulk write, and the row that the statement reads for it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import null

from taskapp.tasks.bulk.found import FIXED_FIELDS
from taskapp.tasks.values import TAG_CHANGES, changed_values
from taskapp.tasks.writes import column_values, complete_changes, precisions_of

# The name of the operation, ``op``: ``create`` with the fields of a new task, or ``update``, ``complete`` or ``delete``
# with the ``id`` of a task and optionally its ``version``. An update also has the fields to change and the read-only
# ones that must be unchanged, as for taskapp.tasks.service.update_task; ``complete`` has ``completed``.
Operation = Mapping[str, Any]

_TYPES = {"create": "created", "update": "updated", "complete": "updated", "delete": "deleted"}
_NOT_FIELDS = ("op", "id", "version")


@lru_cache(1024)
def logged_columns(fields: frozenset[str]) -> list[str]:
    """Return the names of the columns that an update of some fields logs."""
    return list(changed_values(fields, null()))


def row_of(operation: Operation) -> dict[str, Any]:
    """Return an operation as :mod:`taskapp.tasks.bulk.found` describes it, without its position."""
    kind = _TYPES[operation["op"]]
    row: dict[str, Any] = {"type": kind, "task_id": operation.get("id"), "required": operation.get("version")}
    if kind == "deleted":
        return row
    fields = {name: value for name, value in operation.items() if name not in _NOT_FIELDS}
    if kind == "created":
        return {**row, "put": column_values({name: value for name, value in fields.items() if value is not None})}
    sent = {name: fields.pop(name) for name in FIXED_FIELDS if name in fields}
    if sent:
        row["sent"] = {**sent, **precisions_of(sent)}
    fields = complete_changes(fields)
    row["logged"] = logged_columns(frozenset(fields))
    row |= {name: fields.pop(name) for name in TAG_CHANGES if name in fields}
    return {**row, "put": column_values(fields)}
