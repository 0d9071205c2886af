"""The row that the statement reads for a line of a file."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from taskapp.tasks.bulk.operations import logged_columns
from taskapp.tasks.recurrence.series import continued_series
from taskapp.tasks.representation import WRITABLE_FIELDS
from taskapp.tasks.transfer.checks import CheckedLine
from taskapp.tasks.writes import column_values, complete_changes

# What a line has beside the fields that a client may set.
_TIMES = ("created_at", "completed_at", "reminded_at")
# The columns of a new task for which nothing was set.
_NEW = column_values({**dict.fromkeys(WRITABLE_FIELDS), "completed": False})


def row_of(line: CheckedLine) -> dict[str, Any]:
    """Return a line as :mod:`taskapp.tasks.transfer.found` describes it, without its position."""
    fields = dict(line.fields)
    uid = fields.pop("uid")
    times = {name: time for name in _TIMES if (time := fields.pop(name, None)) is not None}
    if fields.get("completed") is None:
        fields.pop("completed", None)
    fields = complete_changes(fields)
    put = {**_NEW, **_columns(fields), **times, "uid": uid}
    absent, logged = _names_of(frozenset(fields))
    return {"uid": uid, "put": put, "absent": absent, "logged": logged}


@lru_cache(1024)
def _names_of(fields: frozenset[str]) -> tuple[list[str], list[str]]:
    """Return the names of the columns that a line with some fields does not have, and of those that it logs."""
    return [name for name in _NEW if name not in fields], logged_columns(fields)


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    recurrence = fields.get("recurrence")
    if recurrence is None:
        return column_values(fields)
    values = column_values({name: value for name, value in fields.items() if name != "recurrence"})
    return {**values, "recurrence": continued_series(recurrence, fields["due_date"])}
