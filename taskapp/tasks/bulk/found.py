"""The operations of a statement, each with the task as it is. They come from a list, or are one for all that match.

The columns of a part, in this order:

- ``index``: the position of the operation;
- ``type``, ``task_id``: as in :mod:`taskapp.tasks.changes.batch`;
- ``required``: the version that the task must have, or null;
- ``put``: the columns that the operation sets, as an image, null for a deletion; ``add_tags`` and ``remove_tags``: both
  null, or arrays;
- ``logged``: the names of the columns that an update logs;
- ``sent``: the values that fixed fields of the task must have, as JSON, or null;
- ``now``: the image of the task, null if there is none; ``current`` and ``current_at``: its version and the time of its
  last change; ``was_`` and the name: its fixed fields;
- ``other``: the image of another task that has the uid of a new one.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    Text,
    and_,
    bindparam,
    cast,
    column,
    func,
    null,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.batch import CREATED, DELETED, TABLE, UPDATED, part, row_image, tasks_among, uid_owners
from taskapp.tasks.representation import EXPRESSIONS, READ_ONLY_FIELDS, is_time

# The fields that nobody sets, and that a client may send back. ``id`` and ``version`` say which task is meant.
FIXED_FIELDS = tuple(name for name in READ_ONLY_FIELDS if name not in ("id", "version"))

_KINDS = {"updated": UPDATED, "deleted": DELETED}
# The columns of an operation in a list. Its type may be any text.
_SENT = (
    column("index", Integer),
    column("type", Text),
    column("task_id", BigInteger),
    column("required", BigInteger),
    column("put", JSONB),
    column("add_tags", ARRAY(Text)),
    column("remove_tags", ARRAY(Text)),
    column("logged", ARRAY(Text)),
    column("sent", JSONB),
)


def differs(row: Any, name: str) -> ColumnElement[bool]:
    """Return whether a fixed field of a task differs from the value that was sent; null or false if none was."""
    value, current = row.sent.op("->>")(name), row[f"was_{name}"]
    if is_time(name):
        current = func.date_trunc(row.sent.op("->>")(f"precision_{name}"), current)
    return and_(row.sent.has_key(name), current.is_distinct_from(cast(value, EXPRESSIONS[name].type)))


def current_columns() -> list[Any]:
    """Return what a query of tasks selects of the task as it is."""
    return [
        row_image(TABLE).label("now"),
        TABLE.c.version.label("current"),
        TABLE.c.updated_at.label("current_at"),
        *(EXPRESSIONS[name].element.label(f"was_{name}") for name in FIXED_FIELDS),
    ]


def listed(*conditions: ColumnElement[bool], lock: bool) -> CTE:
    """Return the operations of the JSON array ``operations``.

    Args:
        conditions: the conditions on which there are any.
        lock: as for :func:`taskapp.tasks.changes.batch.tasks_among`.
    """
    sent = func.jsonb_to_recordset(cast(bindparam("operations", type_=Text), JSONB)).table_valued(*_SENT, name="sent")
    operation = part(db.select(sent.render_derived(with_types=True)).where(*conditions), "operation")
    row = operation.c
    task = part(tasks_among(TABLE.c.id, row.task_id, *current_columns(), lock=lock), "task")
    other, has_uid = uid_owners(row.put, row.type == CREATED)
    joined = operation.outerjoin(task, task.c.id == row.task_id).outerjoin(other, has_uid)
    current = (each for each in task.c if each.key != "id")
    return part(db.select(operation, *current, other.c.image.label("other")).select_from(joined), "found")


def matching(kind: str, *conditions: ColumnElement[bool], most: Any, lock: bool) -> CTE:
    """Return one operation for each of the user's tasks that satisfy conditions, in the order of their ids.

    Args:
        kind: ``updated`` or ``deleted``. The operation has the parameters ``put``, ``add_tags``, ``remove_tags`` and
            ``logged``.
        conditions: the conditions.
        most: one more than this are returned at the most.
        lock: as for :func:`listed`.
    """
    tasks = db.select(TABLE.c.id, *current_columns()).where(TABLE.c.user_id == ACTING_USER, *conditions)
    tasks = tasks.order_by(TABLE.c.id).limit(most + 1)
    task = part(tasks.with_for_update() if lock else tasks, "task")
    arrays = (cast(bindparam(name), ARRAY(Text)).label(name) for name in ("add_tags", "remove_tags", "logged"))
    found = db.select(
        (func.row_number().over(order_by=task.c.id) - 1).label("index"),
        _KINDS[kind].label("type"),
        task.c.id.label("task_id"),
        cast(null(), BigInteger).label("required"),
        cast(bindparam("put", type_=Text), JSONB).label("put"),
        *arrays,
        cast(null(), JSONB).label("sent"),
        *(each for each in task.c if each.key != "id"),
        cast(null(), JSONB).label("other"),
    )
    return part(found, "found")
