"""What statements that write many tasks at once share. They undo a write, or make a new one of several operations.

Each judges its changes first, and writes all of them or none. The names of the columns of a part, in this order:

- ``type``: what happens to the task, :data:`CREATED`, :data:`UPDATED` or :data:`DELETED`;
- ``task_id``: its id, null if it gets a new one;
- ``possible``: whether the statement writes at all;
- those of the table: the task as it becomes.
"""

from itertools import chain
from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, and_, any_, cast, func, literal_column
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.models import Task
from taskapp.tasks.representation import expressions

# Other writes of the user wait while this many tasks are written.
MAXIMUM_CHANGES = 1000

CREATED: Any = literal_column("'created'")
UPDATED: Any = literal_column("'updated'")
DELETED: Any = literal_column("'deleted'")

TABLE = Task.__table__
COLUMNS = tuple(column.key for column in TABLE.columns)
# Those that an update may set; the acting role has no grant for the others.
_NEVER_SET = {"user_id", "id", "uid", "created_at"}
_SETTABLE = tuple(name for name in COLUMNS if name not in _NEVER_SET)


def part(query: Any, name: str) -> CTE:
    """Return a part of a statement that PostgreSQL computes once, however often others refer to it."""
    cte: CTE = query.cte(name).prefix_with("MATERIALIZED")
    return cte


def row_image(tasks: Any) -> ColumnElement[Any]:
    """Return the image of all columns of a task, from its table or an alias of it."""
    return func.to_jsonb(tasks.table_valued(), type_=JSONB)


def image_of(tasks: Any, *conditions: ColumnElement[bool]) -> Any:
    """Return a query of the image of a task of the user, ``image``, with its version and the time of its last change.

    OFFSET 0 lets PostgreSQL look up one task after the other. A join could be planned as a scan of all of the user's.
    """
    query = db.select(row_image(tasks).label("image"), tasks.c.version, tasks.c.updated_at)
    return query.where(tasks.c.user_id == ACTING_USER, *conditions).offset(literal_column("0"))


def fields_of(columns: Any) -> ColumnElement[Any]:
    """Return a JSON object of the fields of a task for :func:`taskapp.tasks.representation.from_json`.

    Args:
        columns: as for :func:`taskapp.tasks.representation.expressions`.
    """
    return func.jsonb_build_object(*chain.from_iterable(expressions(columns).items()), type_=JSONB)


def _this_task(outcome: CTE) -> ColumnElement[bool]:
    # The list of ids lets PostgreSQL look the tasks up. A join could be planned as a scan of all of the user's.
    ids = db.select(func.array_agg(outcome.c.task_id)).scalar_subquery()
    is_listed = Task.id == any_(cast(ids, ARRAY(BigInteger)))
    return and_(Task.user_id == ACTING_USER, is_listed, Task.id == outcome.c.task_id, outcome.c.possible)


def update_tasks(outcome: CTE) -> Any:
    """Return the statement that updates the tasks of a part."""
    values = {name: outcome.c[name] for name in _SETTABLE}
    return db.update(Task).where(_this_task(outcome), outcome.c.type == UPDATED).values(values)


def delete_tasks(outcome: CTE) -> Any:
    """Return the statement that deletes the tasks of a part."""
    return db.delete(Task).where(_this_task(outcome), outcome.c.type == DELETED)
