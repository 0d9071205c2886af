"""The JSON of a task: its fields, how they are selected, and how rows and stored results become JSON values."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Text, case, cast, func

from taskapp.db.idempotency import time_from_json
from taskapp.http.json_provider import with_microseconds
from taskapp.tasks.due import due_at
from taskapp.tasks.models import NO_PRIORITY, PRIORITIES, Task
from taskapp.tasks.recurrence import documents

_COLUMNS = Task.__table__.columns


def _names() -> list[str]:
    names = [column.key for column in _COLUMNS if not column.info.get("internal")]
    names.insert(names.index("time_zone") + 1, "due_at")
    return names


# The fields in responses, in their order.
FIELDS = tuple(_names())
# The fields that clients may set at any time; those that they may set in a new task only; and all others.
WRITABLE_FIELDS = tuple(column.key for column in _COLUMNS if column.info.get("writable"))
CREATABLE_FIELDS = tuple(column.key for column in _COLUMNS if column.info.get("creatable"))
READ_ONLY_FIELDS = tuple(name for name in FIELDS if name not in {*WRITABLE_FIELDS, "user_id"})


def expressions(columns: Any) -> Mapping[str, ColumnElement[Any]]:
    """Return what a statement selects for each of :data:`FIELDS`, by name.

    Args:
        columns: the model, or the columns ``c`` of a subquery with the columns of tasks.
    """
    # The fields that are not simply the value of their column.
    derived: Mapping[str, ColumnElement[Any]] = {
        # psycopg2 would make an object of each.
        "uid": cast(columns.uid, Text),
        # A release before this column existed reopens a task without clearing it.
        "completed_at": case((columns.completed, columns.completed_at)),
        "due_time": func.left(cast(columns.due_time, Text), 5),
        "due_at": due_at(columns),
        "recurrence": documents.shown(columns.recurrence),
    }
    return {name: (derived[name] if name in derived else getattr(columns, name)).label(name) for name in FIELDS}


def selected(columns: Any) -> tuple[ColumnElement[Any], ...]:
    """Return what a statement selects for :data:`FIELDS`. Arguments as for :func:`expressions`."""
    return tuple(expressions(columns).values())


# What a statement on tasks selects or returns for FIELDS.
EXPRESSIONS = expressions(Task)
SELECTED = tuple(EXPRESSIONS.values())
# The read-only fields that may be null.
NULLABLE_FIELDS = frozenset(name for name in READ_ONLY_FIELDS if name not in _COLUMNS or _COLUMNS[name].nullable)
_TIMES = frozenset(name for name, expression in EXPRESSIONS.items() if isinstance(expression.type, DateTime))
# The values of fields that are newer than a stored result.
_MISSING: Mapping[str, Any] = {"priority": NO_PRIORITY, "tags": []}


@lru_cache(1024)
def make_to_dict(fields: tuple[str, ...]) -> Callable[[Sequence[Any]], dict[str, Any]]:
    """Return a function that converts a row that begins with fields into a dict of JSON values.

    Times are naive datetimes in UTC, or text. Days are dates.
    """
    # Generated code, as in namedtuple. dict(zip(…)) takes three times as long, and a list has up to 1,000 rows.
    # Most tasks of a list lack the times that may be null.
    wrapped = {
        **dict.fromkeys(_TIMES, "time(row[{0}])"),
        **dict.fromkeys(_TIMES & NULLABLE_FIELDS, "row[{0}] and time(row[{0}])"),
        "priority": "priorities[row[{0}]]",
    }
    items = (f"{name!r}: {wrapped.get(name, 'row[{0}]').format(place)}" for place, name in enumerate(fields))
    make = f"lambda row: {{{', '.join(items)}}}"
    names = {"time": with_microseconds, "priorities": PRIORITIES}
    to_dict: Callable[[Sequence[Any]], dict[str, Any]] = eval(make, names)  # noqa: S307 # Our own names.
    return to_dict


to_dict = make_to_dict(FIELDS)


def is_time(name: str) -> bool:
    """Return whether a field is an instant."""
    return name in _TIMES


def is_unchanged(sent: Any, current: Any) -> bool:
    """Return whether a value that a client sent back is that of a task, as :func:`to_dict` returns it.

    JavaScript's ``Date`` has milliseconds, so a time without microseconds matches any time in its millisecond.
    """
    if not isinstance(sent, datetime) or current is None:
        return bool(sent == current)
    current = time_from_json(current) if isinstance(current, str) else current
    precision = timedelta(milliseconds=1) if sent.microsecond % 1000 == 0 else timedelta(microseconds=1)
    return bool(sent <= current < sent + precision)


def _time_from_json(value: str) -> Any:
    # With all digits, which most times have, the text is that of responses but for its time zone, UTC.
    return f"{value[:26]}Z" if len(value) == _FULL_TIME else with_microseconds(time_from_json(value))


_FULL_TIME = len("2026-01-01T00:00:00.000000+00:00")
# How fields that are not null become JSON values, unless they are so already.
_CONVERTED: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(_TIMES, _time_from_json),
    "priority": PRIORITIES.__getitem__,
    "due_time": lambda time: time[:5],
    "recurrence": documents.to_json,
}
_IF_MISSING = {name: _MISSING.get(name) for name in FIELDS}


def value_from_json(name: str, value: Any) -> Any:
    """Return the value of a field for responses, from the JSON of its column or of a stored result."""
    return value if value is None or name not in _CONVERTED else _CONVERTED[name](value)


def from_json(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a task for responses, from the JSON of a statement or of a stored result."""
    fields = {name: result.get(name, value) for name, value in _IF_MISSING.items()}
    for name, convert in _CONVERTED.items():
        if fields[name] is not None:
            fields[name] = convert(fields[name])
    return fields
