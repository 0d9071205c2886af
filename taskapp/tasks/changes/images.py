"""Images of tasks in the log, and how they become tasks again.

An image is a JSON object of columns. It has the columns of the release that logged it, which may be fewer or more than
those of the release that reads it.
"""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    DefaultClause,
    Text,
    and_,
    any_,
    case,
    cast,
    column,
    func,
    literal_column,
    null,
    or_,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, array

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.log import NOT_LOGGED, image
from taskapp.tasks.due import DUE_FIELDS
from taskapp.tasks.models import Task

_COLUMNS = Task.__table__.columns
# The columns of tasks whose values the log has.
_LOGGED = tuple(column.key for column in _COLUMNS if column.key not in NOT_LOGGED)
NO_COLUMNS: ColumnElement[Any] = literal_column("'{}'::jsonb", JSONB)


def _default(name: str) -> Any:
    default: Any = _COLUMNS[name].server_default
    return default.arg if isinstance(default, DefaultClause) else null()


# The image of a task for which nothing was set. An older image lacks newer columns, which must not become null.
DEFAULTS: ColumnElement[Any] = image({name: _default(name) for name in _LOGGED})


def merged(task: ColumnElement[Any], changes: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return an image with the columns of another one set in it; null if one of them is null."""
    return task.op("||", return_type=JSONB())(changes)


def value_in(task: ColumnElement[Any], name: Any) -> ColumnElement[Any]:
    """Return the value of a column in an image, as JSON; null if the image lacks it."""
    return task.op("->", return_type=JSONB())(name)


def each_value(task: ColumnElement[Any]) -> Any:
    """Return a table of the names of the columns of an image, ``key``, and their values, ``value``."""
    return func.jsonb_each(task).table_valued("key", column("value", JSONB))


def whole(task: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the image of a whole task with all columns that this release knows."""
    return merged(DEFAULTS, task)


def what_changed(task: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return what one image of a change has that the other one lacks: the columns with other values.

    If one of the fields that make up the due date differs, all of them are returned. If the other image is null, the
    task was created or deleted, and all columns are returned. Null if the image is null.
    """
    each = each_value(task)
    due = [tuple_(*(value_in(part, name) for name in DUE_FIELDS)) for part in (task, other)]
    differs = or_(
        other.is_(None),
        each.c.value.is_distinct_from(value_in(other, each.c.key)),
        and_(each.c.key == any_(array(DUE_FIELDS)), due[0].is_distinct_from(due[1])),
    )
    part = func.coalesce(func.jsonb_object_agg(each.c.key, each.c.value), NO_COLUMNS, type_=JSONB)
    # Those that only another release knows are not written.
    known: ColumnElement[bool] = each.c.key == any_(array(_LOGGED))
    changed = db.select(part).where(known, differs).scalar_subquery()
    base = case((other.is_(None), DEFAULTS), else_=NO_COLUMNS)
    return case((task.is_not(None), merged(base, changed)))


def with_columns(task: ColumnElement[Any], **values: Any) -> ColumnElement[Any]:
    """Return an image with further columns of the task, and its user."""
    pairs = [part for pair in {**values, "user_id": cast(ACTING_USER, Text)}.items() for part in pair]
    return merged(task, func.jsonb_build_object(*pairs, type_=JSONB))


def task_from(task: ColumnElement[Any]) -> Any:
    """Return a table of one row to join: the columns of a task from its image. All are null if the image is null.

    The types of the columns are those of the table
    (https://www.postgresql.org/docs/current/functions-json.html#FUNCTIONS-JSON-PROCESSING).
    """
    record = func.jsonb_populate_record(literal_column("NULL::tasks"), task)
    return record.table_valued(*(column(each.key, each.type) for each in _COLUMNS), name="task")
