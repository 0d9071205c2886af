"""The statements on reminders: what the courier sees of all users, and the write that reminds one of them."""

from typing import Any

from sqlalchemy import ARRAY, BigInteger, and_, any_, bindparam, cast, func, not_, null, true

from taskapp.db import db
from taskapp.db.message import BY_INDEX
from taskapp.db.one_node import ON_ONE_NODE
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.batch import part
from taskapp.tasks.changes.log import image, last_change
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task

# The condition of the index.
_pending = and_(Task.remind_at.is_not(None), Task.reminded_at.is_(None), not_(Task.completed))
_is_due = and_(_pending, Task.remind_at <= func.now())

# For the courier, who sees no other tasks. Null if no reminder is pending; negative if one is due.
_earliest = db.select(Task.remind_at).where(_pending).order_by(Task.remind_at).limit(1).subquery("earliest")
# The aggregate makes a row also if there is none.
_seconds = func.extract("epoch", func.min(_earliest.c.remind_at) - func.now())
SECONDS_LEFT = db.select(_seconds).execution_options(**{BY_INDEX: True})
# For the courier. The users follow ``after``, so that one whose writes fail is in nobody's way.
USERS_WITH_DUE_REMINDERS = (
    db.select(Task.user_id)
    .where(_is_due, Task.user_id > bindparam("after"))
    .distinct()
    .order_by(Task.user_id)
    .limit(bindparam("page_size"))
    .execution_options(**{BY_INDEX: True})
)


def _remind() -> Any:
    """Return the statement that reminds of the user's tasks whose reminder is due, ``most`` of them, and counts them.

    Each is a write of its own, with the next number, in the order in which they were due.
    """
    order = (Task.remind_at, Task.id)
    columns = (Task.id, Task.version, Task.updated_at, Task.remind_at)
    due = db.select(*columns).where(Task.user_id == ACTING_USER, _is_due).order_by(*order).limit(bindparam("most"))
    # A release without the log takes no turn. Its update of a task ends before the task is read.
    task = part(due.with_for_update(key_share=True), "due")
    last, row = last_change(), task.c
    start = db.select(
        func.greatest(func.max(last.c.number), func.max(row.version)).label("number"), func.max(last.c.now).label("at")
    )
    start = start.select_from(task.join(last, true())).cte("start")
    entries = {
        "user_id": ACTING_USER,
        "number": start.c.number + func.row_number().over(order_by=(row.remind_at, row.id)),
        "task_id": row.id,
        "previous": row.version,
        "previous_at": row.updated_at,
        "at": start.c.at,
        "before": image({"reminded_at": null()}),
        "after": image({"reminded_at": start.c.at}),
    }
    entry = db.select(*(value.label(name) for name, value in entries.items())).select_from(task.join(start, true()))
    entry = entry.where(ON_ONE_NODE)
    returned = (Change.number, Change.task_id, Change.at)
    logged = db.insert(Change).from_select(list(entries), entry).returning(*returned).cte("logged")
    # The array lets PostgreSQL look the tasks up. A join could be planned as a scan of all of the user's.
    ids = cast(db.select(func.array_agg(logged.c.task_id)).scalar_subquery(), ARRAY(BigInteger))
    is_logged = and_(Task.user_id == ACTING_USER, Task.id == any_(ids), Task.id == logged.c.task_id)
    new = {"reminded_at": logged.c.at, "version": logged.c.number, "updated_at": logged.c.at}
    updated = db.update(Task).where(is_logged).values(**new).returning(Task.id).cte("updated")
    return db.select(func.count(updated.c.id)).where(ON_ONE_NODE)


REMIND = _remind()
