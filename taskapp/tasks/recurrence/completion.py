"""The statement that changes whether a task is completed, with what that means for the series of a recurring task.

If a pending occurrence is completed, the next one is created. If it is reopened right after that, the next one is
deleted again, unless it was changed since. Both tasks are changed by one write, with two numbers: undo takes back both.

A write waits for the user's turn, and sees what came before it. So of several that complete an occurrence at the same
time, only the first one finds it pending. A unique index stands behind that.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Text,
    Time,
    bindparam,
    case,
    cast,
    false,
    func,
    not_,
    null,
    or_,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as postgresql_insert

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.batch import TABLE, fields_of, row_image
from taskapp.tasks.changes.log import NOT_LOGGED, Values, logged_update, update_logged, without
from taskapp.tasks.changes.models import Change
from taskapp.tasks.due import due_order
from taskapp.tasks.models import Task
from taskapp.tasks.recurrence.documents import following_occurrence, is_known, next_day, with_days
from taskapp.tasks.representation import expressions

# The days that follow, if those of the task are used up: see documents.with_days. Null in the first attempt.
_DAYS = cast(bindparam("days", type_=Text), JSONB)
# What the next occurrence takes over.
_COPIED = ("user_id", "title", "description", "priority", "tags", "due_time", "time_zone")


def completing_task(values: Values, *conditions: ColumnElement[bool]) -> Any:
    """Return the statement of an update that sets ``completed``.

    It returns the task, the next occurrence if it created one, ``next``, as JSON, and the number of the change. It does
    nothing if the task does not say what follows; see :func:`taskapp.tasks.recurrence.documents.is_known`.

    Args:
        values: as for :func:`taskapp.tasks.changes.log.changed_task`.
        conditions: as for the same.
    """
    logged = logged_update(values, *conditions, _is_possible(values), is_operation=Task.recurrence.is_not(None))
    updated = update_logged(logged, values).returning(*TABLE.columns).cte("updated")
    created = _created(updated, logged)
    removed = _removed(updated, logged)
    row = updated.c
    following = case((created.c.id.is_not(None), fields_of(created.c))).label("next")
    result = db.select(*expressions(row).values(), following, row.version.label("change"))
    result = result.select_from(updated.outerjoin(created, true()))
    return result.add_cte(_logged(updated, created, removed))


def _is_possible(values: Values) -> ColumnElement[bool]:
    """Return whether the task says what follows it, if that is needed."""
    at = func.clock_timestamp()
    new = values(at)
    recurrence = with_days(new.get("recurrence", Task.recurrence), _DAYS)
    following = next_day(recurrence, new.get("time_zone", Task.time_zone), at)
    return or_(recurrence.is_(None), Task.completed, not_(new["completed"]), is_known(recurrence, following))


def _created(updated: CTE, logged: CTE) -> CTE:
    """Return the next occurrence, created if the task was pending."""
    row = updated.c
    series = with_days(row.recurrence, _DAYS)
    was_completed = logged.c.before.op("->>")("completed") == "true"
    day = next_day(series, row.time_zone, row.updated_at).label("day")
    occurrence = db.select(updated, series.label("series"), day).select_from(updated.join(logged, true()))
    occurrence = occurrence.where(row.recurrence.is_not(None), row.completed, not_(was_completed)).cte("occurrence")
    row = occurrence.c
    columns = {
        **{name: row[name] for name in _COPIED},
        "completed": false(),
        "due_date": row.day,
        "due_order": due_order(row.day, cast(row.due_time, Time)),
        "recurrence": following_occurrence(row.series, row.day),
        "version": row.version + 1,
        "created_at": row.updated_at,
        "updated_at": row.updated_at,
    }
    new = db.select(*columns.values()).where(row.day.is_not(None))
    # The occurrence may exist: a client has changed it, reopened this one, and completes it again.
    insert = postgresql_insert(Task).from_select(list(columns), new).on_conflict_do_nothing()
    created: CTE = insert.returning(*TABLE.columns, row_image(TABLE).label("image")).cte("next")
    return created


def _removed(updated: CTE, logged: CTE) -> CTE:
    """Return the next occurrence, deleted if the completion that is taken back made it, and nobody has changed it."""
    row, entry = updated.c, logged.c
    made = db.select(Change.task_id).where(Change.user_id == ACTING_USER, Change.number == entry.previous + 1)
    delete = db.delete(Task).where(
        Task.user_id == ACTING_USER,
        Task.id == made.where(Change.before.is_(None)).scalar_subquery(),
        Task.version == entry.previous + 1,
        not_(Task.completed),
        Task.recurrence.op("->")("series_id") == row.recurrence.op("->")("series_id"),
        entry.before.op("->>")("completed") == "true",
        not_(row.completed),
    )
    removed: CTE = delete.returning(Task.id, Task.version, Task.updated_at, row_image(TABLE).label("image")).cte(
        "removed"
    )
    return removed


def _logged(updated: CTE, created: CTE, removed: CTE) -> CTE:
    """Return the part that logs what happened to the next occurrence."""
    row = updated.c
    of_write = (ACTING_USER, row.version + 1, row.version, row.updated_at)
    nothing = cast(null(), JSONB)
    new = without(created.c.image, *NOT_LOGGED, "created_at")
    old = without(removed.c.image, *NOT_LOGGED)
    creation = db.select(*of_write, created.c.id, null(), null(), nothing, new)
    deletion = db.select(*of_write, removed.c.id, removed.c.version, removed.c.updated_at, old, nothing)
    entries = union_all(
        creation.select_from(updated.join(created, true())), deletion.select_from(updated.join(removed, true()))
    )
    names = ["user_id", "number", "operation", "at", "task_id", "previous", "previous_at", "before", "after"]
    logged: CTE = db.insert(Change).from_select(names, entries).cte("logged_next")
    return logged
