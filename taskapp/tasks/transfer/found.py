"""The lines of an import, each with the task that has its uid.

The columns of a part are those of :mod:`taskapp.tasks.bulk.found`. A line that was sent has in ``put`` all columns of a
new task. If its task exists, those in ``absent`` stay as they are.
"""

from sqlalchemy import CTE, BigInteger, ColumnElement, Integer, Text, bindparam, case, cast, column, func, null
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from taskapp.db import db
from taskapp.tasks.bulk.found import FIXED_FIELDS, current_columns
from taskapp.tasks.changes.batch import CREATED, TABLE, UPDATED, part, tasks_among

_SENT = (
    column("index", Integer),
    column("uid", UUID(as_uuid=False)),
    column("put", JSONB),
    column("absent", ARRAY(Text)),
    column("logged", ARRAY(Text)),
)
_FIXED = tuple(f"was_{name}" for name in FIXED_FIELDS)


def lines(*conditions: ColumnElement[bool], lock: bool) -> CTE:
    """Return the lines of the JSON array ``lines``. Those of tasks that exist have the type ``UPDATED``.

    Args:
        conditions: the conditions on which there are any.
        lock: as for :func:`taskapp.tasks.changes.batch.tasks_among`.
    """
    sent = func.jsonb_to_recordset(cast(bindparam("lines", type_=Text), JSONB)).table_valued(*_SENT, name="sent")
    line = part(db.select(sent.render_derived(with_types=True)).where(*conditions), "line")
    owned = tasks_among(TABLE.c.uid, line.c.uid, TABLE.c.id, *current_columns(), lock=lock)
    owner = part(owned, "owner")
    row, task = line.c, owner.c
    no_tags = cast(null(), ARRAY(Text))
    found = db.select(
        row.index,
        case((task.id.is_(None), CREATED), else_=UPDATED).label("type"),
        task.id.label("task_id"),
        cast(null(), BigInteger).label("required"),
        case((task.id.is_(None), row.put), else_=row.put.op("-")(row.absent)).label("put"),
        no_tags.label("add_tags"),
        no_tags.label("remove_tags"),
        row.logged,
        cast(null(), JSONB).label("sent"),
        *(task[name] for name in ("now", "current", "current_at", *_FIXED)),
        cast(null(), JSONB).label("other"),
    )
    return part(found.select_from(line.outerjoin(owner, task.uid == row.uid)), "found")
