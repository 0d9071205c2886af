"""The row that the statement reads for a line of a file."""

from collections.abc import Mapping
from typing import Any

from taskapp.tasks.bulk.operations import logged_columns
from taskapp.tasks.recurrence.series import continued_series
from taskapp.tasks.transfer.checks import CheckedLine
from taskapp.tasks.writes import column_values, complete_changes

# What a line has beside the fields that a client may set.
_TIMES = ("created_at", "completed_at")


def row_of(line: CheckedLine) -> dict[str, Any]:
    """Return a line as :mod:`taskapp.tasks.transfer.found` describes it, without its position."""
    fields = {name: value for name, value in line.fields.items() if name not in ("uid", *_TIMES)}
    if fields.get("completed") is None:
        fields.pop("completed", None)
    fields = complete_changes(fields)
    times = {name: line.fields[name] for name in _TIMES if line.fields.get(name) is not None}
    put = {**_columns(fields), **times, "uid": line.fields["uid"]}
    return {"uid": line.fields["uid"], "put": put, "logged": logged_columns(frozenset(fields))}


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    recurrence = fields.get("recurrence")
    values = column_values({name: value for name, value in fields.items() if name != "recurrence"})
    if "recurrence" in fields:
        values["recurrence"] = recurrence and continued_series(recurrence, fields["due_date"])
    return values
