"""What statements that write many tasks at once share. They undo a write, or make a new one of several operations.

Each judges its changes first, and writes all of them or none. The names of the columns of a part, in this order:

- ``type``: what happens to the task, :data:`CREATED`, :data:`UPDATED` or :data:`DELETED`;
- ``task_id``: its id, null if it gets a new one;
- ``possible``: whether the statement writes at all;
- those of the table: the task as it becomes.
"""

from itertools import chain
from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, and_, any_, case, cast, func, literal_column
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB

from taskapp.db import db
from taskapp.db.message import NO_NESTED_LOOPS
from taskapp.db.one_node import ON_ONE_NODE
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.models import Task
from taskapp.tasks.representation import expressions

# Other writes of the user wait while this many tasks are written.
MAXIMUM_OPERATIONS = 1000
# An operation may also create or delete the next occurrence of a recurring task. Undo takes all of that back.
MAXIMUM_CHANGES = 2 * MAXIMUM_OPERATIONS

CREATED: Any = literal_column("'created'")
UPDATED: Any = literal_column("'updated'")
DELETED: Any = literal_column("'deleted'")

TABLE = Task.__table__
COLUMNS = tuple(column.key for column in TABLE.columns)
# Those that an update may set; the acting role has no grant for the others.
_NEVER_SET = {"user_id", "id", "uid", "created_at"}
_SETTABLE = tuple(name for name in COLUMNS if name not in _NEVER_SET)


def joined_by_hash(statement: Any) -> Any:
    """Return a statement for which PostgreSQL prefers joins that read each side once.

    It cannot know how many rows a part has. If it expects one, because the user is newer than its statistics, it would
    compare each of 1,000 rows with each of 1,000 others, several times.
    """
    return statement.execution_options(**{NO_NESTED_LOOPS: True})


def part(query: Any, name: str) -> CTE:
    """Return a part of a statement that PostgreSQL computes once, however often others refer to it.

    Args:
        query: a SELECT.
        name: the name of the part.
    """
    cte: CTE = query.where(ON_ONE_NODE).cte(name).prefix_with("MATERIALIZED")
    return cte


def row_image(tasks: Any) -> ColumnElement[Any]:
    """Return the image of all columns of a task, from its table or an alias of it."""
    return func.to_jsonb(tasks.table_valued(), type_=JSONB)


def tasks_among(key: Any, values: Any, *columns: Any, lock: bool = False) -> Any:
    """Return a query of the user's tasks whose key is one of the values of a part, in the order of the key.

    The array of the values lets PostgreSQL look the tasks up. A join could be planned as a scan of all of the user's.

    Args:
        key: the column ``id`` or ``uid`` of the table of tasks, or of an alias of it.
        values: an expression of columns of the part.
        columns: what to select in addition to the key.
        lock: whether to lock the tasks. A release without the log takes no turn. Its update of a task ends before the
            task is read.
    """
    array = cast(db.select(func.array_agg(values)).scalar_subquery(), ARRAY(key.type))
    tasks = db.select(key, *columns).where(key.table.c.user_id == ACTING_USER, key == any_(array)).order_by(key)
    return tasks.with_for_update() if lock else tasks


def uid_owners(task: ColumnElement[Any], condition: ColumnElement[bool]) -> tuple[CTE, ColumnElement[bool]]:
    """Return the user's tasks that have the uids of images, and the condition that joins them to these.

    Args:
        task: the image.
        condition: whether a row is about its uid at all.

    Returns:
        A part with the columns ``uid``, ``id`` and ``image``, and the condition.
    """
    owners = TABLE.alias("owners")
    uid = case((condition, cast(task.op("->>")("uid"), owners.c.uid.type)))
    owner = part(tasks_among(owners.c.uid, uid, owners.c.id, row_image(owners).label("image")), "owner")
    return owner, owner.c.uid == uid


def fields_of(columns: Any) -> ColumnElement[Any]:
    """Return a JSON object of the fields of a task for :func:`taskapp.tasks.representation.from_json`.

    Args:
        columns: as for :func:`taskapp.tasks.representation.expressions`.
    """
    # Half the time of jsonb_build_object, which sorts the names.
    return func.json_build_object(*chain.from_iterable(expressions(columns).items()), type_=JSON)


def _tasks_of(outcome: CTE, kind: Any) -> ColumnElement[bool]:
    """Return the condition that joins the tasks of a part to what happens to them, if that is ``kind``.

    The array is for the same reason as in :func:`tasks_among`.
    """
    row = outcome.c
    ids = db.select(func.array_agg(row.task_id)).where(row.possible, row.type == kind).scalar_subquery()
    is_listed = Task.id == any_(cast(ids, ARRAY(BigInteger)))
    return and_(Task.user_id == ACTING_USER, is_listed, Task.id == row.task_id)


def update_tasks(outcome: CTE) -> Any:
    """Return the statement that updates the tasks of a part. It still needs a RETURNING, as all parts that write."""
    values = {name: outcome.c[name] for name in _SETTABLE}
    return db.update(Task).where(_tasks_of(outcome, UPDATED)).values(values)


def delete_tasks(outcome: CTE) -> Any:
    """Return the statement that deletes the tasks of a part, and returns their ids."""
    return db.delete(Task).where(_tasks_of(outcome, DELETED)).returning(Task.id)
