"""The statement that reads the history of a task. It names the acting user in every use of a table."""

from typing import Any

from sqlalchemy import BigInteger, Integer, bindparam, cast, func, literal_column, true

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.entries import entry_columns
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task

_task_id = cast(bindparam("task_id"), BigInteger)
_NO_OFFSET: Any = literal_column("0")


def _change(number: Any) -> Any:
    """Return the change of a number, to join.

    OFFSET 0 keeps PostgreSQL from planning a join, which would scan the log of the user, and from not using the key for
    a number that is an expression, because of row-level security.
    """
    columns = (*entry_columns(), Change.previous)
    change = db.select(*columns).where(Change.user_id == ACTING_USER, Change.number == number)
    return change.offset(_NO_OFFSET).lateral("change")


def _get_history() -> Any:
    """Return the statement that reads ``page_size`` changes of the task ``task_id``, the newest first.

    It walks from the version of the task, or from its last deletion, along ``previous``. It starts at the number
    ``start`` instead if that is not null. Each row begins with the number of the newest change, null if neither the
    task nor a deletion of it is known. If no change is known, there is one row, without a change.
    """
    version = db.select(Task.version).where(Task.user_id == ACTING_USER, Task.id == _task_id).scalar_subquery()
    deletion = (
        db.select(Change.number)
        .where(Change.user_id == ACTING_USER, Change.task_id == _task_id, Change.after.is_(None))
        .order_by(Change.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    newest = db.select(func.coalesce(version, deletion).label("number")).offset(_NO_OFFSET).subquery("newest")
    start = db.select(
        newest.c.number.label("newest"),
        func.coalesce(cast(bindparam("start"), BigInteger), newest.c.number).label("number"),
    )
    start = start.offset(_NO_OFFSET).cte("start")
    first = _change(start.c.number)
    history = (
        db.select(*first.c, literal_column("1", type_=Integer).label("depth"))
        .select_from(start.join(first, true()))
        .where(first.c.task_id == _task_id)
        .cte("history", recursive=True)
    )
    before = _change(history.c.previous)
    history = history.union_all(
        db.select(*before.c, history.c.depth + 1)
        .select_from(history.join(before, true()))
        .where(before.c.task_id == _task_id, history.c.depth < cast(bindparam("page_size"), Integer))
    )
    walked = start.outerjoin(history, true())
    return db.select(start.c.newest, *history.c).select_from(walked).order_by(history.c.depth)


GET_HISTORY = _get_history()
