"""The statements on deleted tasks. Each names the acting user in every use of a table."""

from functools import cache
from typing import Any

from sqlalchemy import BigInteger, bindparam, cast, func, true
from sqlalchemy.dialects.postgresql import distinct_on

from taskapp.db import db
from taskapp.db.idempotency import NOT_YET_WRITTEN, idempotent
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.images import task_from, whole, with_columns
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task
from taskapp.tasks.representation import selected
from taskapp.tasks.undo.reversal import take_back

_write = func.coalesce(Change.operation, Change.number).label("write")
# The index of deletions has the condition on ``after``.
_deletions = (Change.user_id == ACTING_USER, Change.after.is_(None))


@cache
def list_deleted(*, continued: bool) -> Any:
    """Return the statement that lists deleted tasks as they were, with the time and the number of the deletion.

    Args:
        continued: whether to start below the id ``below``.
    """
    # The order makes PostgreSQL look up one task after the other in the primary key. For an equal id, it could plan a
    # join, or read all tasks of the user for each if it knows none of them.
    next_id = db.select(Task.id).where(Task.user_id == ACTING_USER, Task.id >= Change.task_id)
    next_id = next_id.correlate(Change).order_by(Task.id).limit(1).scalar_subquery()
    page = db.select(
        Change.task_id, Change.number, _write, Change.at, Change.before, Change.previous, Change.previous_at
    ).where(*_deletions, next_id.is_distinct_from(Change.task_id))
    if continued:
        page = page.where(Change.task_id < cast(bindparam("below"), BigInteger))
    newest_first = (Change.task_id.desc(), Change.number.desc())
    page = page.ext(distinct_on(Change.task_id)).order_by(*newest_first).limit(bindparam("page_size"))
    last = page.subquery("last").c
    image = with_columns(whole(last.before), id=last.task_id, version=last.previous, updated_at=last.previous_at)
    task = task_from(image)
    statement = db.select(*selected(task.c), last.at, last.write)
    return statement.select_from(last.at.table.join(task, true())).order_by(last.task_id.desc())


@cache
def restore_task(*, keyed: bool) -> Any:
    """Return the statement that restores the task ``task_id``. See :func:`taskapp.tasks.undo.reversal.take_back`.

    Args:
        keyed: whether the request has an idempotency key.
    """
    task_id = cast(bindparam("task_id"), BigInteger)
    deletion = (
        db.select(Change.number, _write, Change.previous, Change.previous_at, Change.before, Change.after)
        .where(*_deletions, Change.task_id == task_id)
        .order_by(Change.number.desc())
        .limit(1)
        .subquery("deletion")
    )
    # A row without a deletion tells whether the task exists.
    wanted = db.select(task_id.label("task_id")).subquery("wanted")
    changes = db.select(wanted.c.task_id, *deletion.c).select_from(wanted.outerjoin(deletion, true()))
    statement = take_back(changes.where(*(NOT_YET_WRITTEN if keyed else ())), dry_run=False)
    return idempotent(statement) if keyed else statement
