"""The sort orders of lists, and the positions in them, from which cursors are made."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Text, bindparam, cast, true, tuple_

from taskapp.tasks.models import Task

# Each sort order by its columns. The id makes it total, so that a cursor is a unique position. No column is null in a
# row that has a position, because PostgreSQL cannot look up a null in a row comparison.
ORDERS: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {
        "id": (Task.id,),
        **{name: (getattr(Task, name), Task.id) for name in ("created_at", "title", "updated_at")},
        "completed_at": (Task.completed_at, Task.id),
        "due": (Task.due_order, Task.id),
        "priority": (Task.priority, Task.due_order, Task.id),
    }
)
# The rows that have a position. A release before completed_at existed completes tasks without setting it.
_POSITIONED: Mapping[str, ColumnElement[bool]] = MappingProxyType({"completed_at": Task.completed_at.is_not(None)})
SORTS = tuple(sign + name for name in sorted(ORDERS) for sign in ("", "-"))
# A position in a list: the values of the sort columns, the id last. A list by id has the id twice, as in earlier
# versions, in which a position was a value and an id.
Position = tuple[Any, ...]


def columns_of(sort: str) -> tuple[Any, ...]:
    """Return the columns of a sort order."""
    return ORDERS[sort.removeprefix("-")]


def is_listed(sort: str) -> ColumnElement[bool]:
    """Return the condition that a row has a position."""
    return _POSITIONED.get(sort.removeprefix("-"), true())


def sorted_by(statement: Any, columns: Sequence[Any], sort: str) -> Any:
    """Return a SELECT in the order of columns, descending if ``sort`` begins with ``-``."""
    return statement.order_by(*(column.desc() if sort.startswith("-") else column for column in columns))


def follows(sort: str) -> ColumnElement[bool]:
    """Return the condition that a row follows a position, whose parameters are ``after_`` and the name of each column.

    PostgreSQL can look up a row comparison in the index, so late pages are as fast as the first
    (https://www.postgresql.org/docs/current/functions-comparisons.html#ROW-WISE-COMPARISON).
    """
    columns = columns_of(sort)
    row = tuple_(*columns)
    position = tuple_(*(bindparam(f"after_{column.key}", type_=column.type) for column in columns))
    condition: ColumnElement[bool] = row < position if sort.startswith("-") else row > position
    return condition


def position_parameters(sort: str, position: Position) -> dict[str, Any]:
    """Return the parameters of :func:`follows`."""
    names = [column.key for column in columns_of(sort)]
    return {f"after_{name}": value for name, value in zip(names, position[-len(names) :], strict=True)}


def extra_columns(sort: str, fields: Sequence[str]) -> list[ColumnElement[Any]]:
    """Return what a statement must select besides fields, so that its rows have their positions."""
    # As text, because psycopg2 reads infinity as the last moment of the year 9999.
    return [
        cast(column, Text).label(column.key) if column is Task.due_order else column
        for column in columns_of(sort)
        if column.key not in fields
    ]


@lru_cache(1024)
def _places(sort: str, fields: tuple[str, ...]) -> tuple[int, ...]:
    names = [column.key for column in columns_of(sort)]
    selected = [*fields, *(name for name in names if name not in fields)]
    places = tuple(selected.index(name) for name in names)
    return places * 2 if len(places) == 1 else places


def position_of(row: Sequence[Any], sort: str, fields: tuple[str, ...]) -> Position:
    """Return the position of a row of fields and :func:`extra_columns`."""
    return tuple(row[place] for place in _places(sort, fields))
