"""The rows of a statement that applies operations: one for each operation, and one for each next occurrence.

Each has all columns of its task as it becomes.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CTE, Date, Time, case, cast, false, func, null, or_, true

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.bulk import occurrences
from taskapp.tasks.bulk.occurrences import was_completed
from taskapp.tasks.changes.batch import COLUMNS, CREATED, DELETED
from taskapp.tasks.due import due_order
from taskapp.tasks.recurrence.occurrences import next_columns
from taskapp.tasks.reminders.documents import remind_at_of, reminded_at

_KEPT = ("index", "is_next", "type", "task_id", "logged", "now", "current", "current_at")


def rows_of_operations(judged: CTE, at: Any, *, dry_run: bool) -> Any:
    """Return a query of the operations with all columns of each task as it becomes."""
    row = judged.c
    is_new = row.type == CREATED
    # Only a line of a file says when a task was completed.
    is_kept = or_(was_completed(row), row.put.has_key("completed_at"))
    completed_at = case((row.completed, case((is_kept, row.completed_at), else_=at)))
    instant = remind_at_of(row)
    # As above, of a reminder.
    was_reminded = case(
        (row.put.has_key("reminded_at"), row.reminded_at), else_=reminded_at(row.reminded_at, row.remind_at, instant)
    )
    computed = {
        "is_next": false(),
        "id": row.task_id,
        "user_id": ACTING_USER,
        "completed_at": case((row.put.has_key("completed"), completed_at), else_=row.completed_at),
        "due_order": due_order(cast(row.due_date, Date), cast(row.due_time, Time)),
        "remind_at": instant,
        "reminded_at": was_reminded,
        "created_at": case((is_new & ~row.put.has_key("created_at"), at), else_=row.created_at),
        "version": row.current,
        "updated_at": at,
    }
    if dry_run:
        computed["uid"] = case((or_(~is_new, row.put.has_key("uid")), row.uid))
        computed["updated_at"] = func.coalesce(row.current_at, at)
    return _row(computed, row)


def _rows_of_created(created: CTE, at: Any, *, dry_run: bool) -> Any:
    row = created.c
    nothing = dict.fromkeys((*_KEPT, *COLUMNS), null())
    new = next_columns(row, row.next_recurrence, row.day, at)
    uid = null() if dry_run else func.gen_random_uuid()
    return _row({**nothing, **new, "index": row.index, "is_next": true(), "type": CREATED, "uid": uid}, row)


def _rows_of_removed(removed: CTE) -> Any:
    row = removed.c
    computed = {"is_next": true(), "type": DELETED, "task_id": row.id, "logged": null()}
    return _row({**computed, "current": row.version, "current_at": row.updated_at}, row)


def _row(computed: Mapping[str, Any], row: Any) -> Any:
    names = (*_KEPT, *COLUMNS)
    return db.select(*((computed[name] if name in computed else row[name]).label(name) for name in names))


def rows_of_next(shaped: CTE, following: CTE | None, plan: CTE, *, reopens: bool, dry_run: bool) -> tuple[Any, ...]:
    """Return queries of the next occurrences that are created and removed."""
    at = db.select(plan.c.at).scalar_subquery()
    rows = []
    if following is not None:
        rows.append(_rows_of_created(occurrences.created(shaped, following), at, dry_run=dry_run))
    if reopens:
        rows.append(_rows_of_removed(occurrences.removed(shaped)))
    return tuple(rows)
