"""The statement that changes whether a task is completed, with what that means for the series of a recurring task.

If a pending occurrence is completed, the next one is created. If it is reopened, the next one is deleted again, unless
it was changed since. Both tasks are changed by one write, with two numbers: undo takes back both.

A write waits for the user's turn, and sees what came before it. So of several that complete an occurrence at the same
time, only the first one finds it pending. A unique index stands behind that.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    DateTime,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    join,
    not_,
    null,
    or_,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.orm import aliased

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.batch import TABLE, fields_of, part, row_image
from taskapp.tasks.changes.log import NOT_LOGGED, Values, last_change, logged_update, update_logged, without
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task
from taskapp.tasks.recurrence.documents import following_occurrence, is_known, next_day, with_days
from taskapp.tasks.recurrence.occurrences import next_columns
from taskapp.tasks.representation import expressions

# The days that follow, if those of the task are used up: see documents.with_days. Null in the first attempt.
_DAYS = cast(bindparam("days", type_=Text), JSONB)


def completing_task(values: Values, *conditions: ColumnElement[bool]) -> Any:
    """Return the statement of an update that sets ``completed``.

    It returns the task, the next occurrence if it created one, ``next``, as JSON, and the number of the change. It does
    nothing if the task does not say what follows; see :func:`taskapp.tasks.recurrence.documents.is_known`.

    Args:
        values: as for :func:`taskapp.tasks.changes.log.changed_task`.
        conditions: as for the same.
    """
    last = last_change()
    new = values(last.c.now)
    is_operation = or_(Task.recurrence.is_not(None), new.get("recurrence", Task.recurrence).is_not(None))
    logged = logged_update(last, new, *conditions, _is_possible(new, last.c.now), is_operation=is_operation)
    updated = update_logged(logged, values).returning(*TABLE.columns).cte("updated")
    created = _created(updated, logged)
    removed = _removed(updated, logged)
    row = updated.c
    following = case((created.c.id.is_not(None), fields_of(created.c))).label("next")
    result = db.select(*expressions(row).values(), following, row.version.label("change"))
    result = result.select_from(updated.outerjoin(created, true()))
    return result.add_cte(_logged(updated, created, removed))


def _is_possible(new: Mapping[str, Any], at: Any) -> ColumnElement[bool]:
    """Return whether the task says what follows it, if that is needed. Without a zone, the table rejects it anyway."""
    recurrence = with_days(new.get("recurrence", Task.recurrence), _DAYS)
    time_zone = new.get("time_zone", Task.time_zone)
    known = is_known(recurrence, next_day(recurrence, time_zone, at))
    return or_(recurrence.is_(None), Task.completed, not_(new["completed"]), time_zone.is_(None), known)


def _created(updated: CTE, logged: CTE) -> CTE:
    """Return the next occurrence, created if the task was pending."""
    row = updated.c
    series = with_days(row.recurrence, _DAYS)
    was_completed = logged.c.before.op("->>")("completed") == "true"
    day = next_day(series, row.time_zone, row.updated_at).label("day")
    occurrence = db.select(updated, series.label("series"), day).select_from(updated.join(logged, true()))
    occurrence = occurrence.where(row.recurrence.is_not(None), row.completed, not_(was_completed))
    row = part(occurrence, "occurrence").c
    recurrence = following_occurrence(row.series, row.day)
    columns = {**next_columns(row, recurrence, row.day, row.updated_at), "version": row.version + 1}
    new = db.select(*columns.values()).where(row.day.is_not(None))
    # The occurrence may exist: a client has changed it, reopened this one, and completes it again.
    insert = postgresql_insert(Task).from_select(list(columns), new).on_conflict_do_nothing()
    created: CTE = insert.returning(*TABLE.columns, row_image(TABLE).label("image")).cte("next")
    return created


def _removed(updated: CTE, logged: CTE) -> CTE:
    """Return the next occurrence, deleted if the completion that is taken back made it, and nobody has changed it.

    An index finds it by the time at which it was created, which is that of the completion.
    """
    row, entry = updated.c, logged.c
    # Of a task that does not recur, the log entry has no operation.
    is_reopened = and_(entry.operation.is_not(None), entry.before.op("->>")("completed") == "true", not_(row.completed))
    completed_at = cast(entry.before.op("->>")("completed_at"), DateTime(timezone=True))
    completed_at = db.select(completed_at).select_from(updated.join(logged, is_reopened)).scalar_subquery()
    made = aliased(Task, name="made")
    # It was created at the time of the completion. As a range with an order, the index of times is the best one even if
    # most tasks were created at the same time. If nothing is reopened, the time is null, and nothing is read.
    is_of_time = made.created_at.between(completed_at, completed_at)
    found = db.select(made.id).where(made.user_id == ACTING_USER, is_of_time, not_(made.completed))
    found = found.where(_is_as_created(made, db.select(row.id).scalar_subquery())).order_by(made.created_at, made.id)
    delete = db.delete(Task).where(Task.user_id == ACTING_USER, Task.id == found.limit(1).scalar_subquery())
    returned = (Task.id, Task.version, Task.updated_at, row_image(TABLE).label("image"))
    removed: CTE = delete.returning(*returned).cte("removed")
    return removed


def _is_as_created(made: Any, task_id: Any) -> ColumnElement[bool]:
    """Return whether a task is still as the completion of the task ``task_id`` created it: it has that version."""
    creation, completion = aliased(Change, name="creation"), aliased(Change, name="completion")
    of_completion = and_(
        completion.user_id == ACTING_USER,
        completion.number == made.version - 1,
        completion.operation == creation.operation,
        completion.task_id == task_id,
        completion.before.is_not(None),  # See taskapp.tasks.recurrence.occurrences.is_made_by.
    )
    found = db.select(creation.number).select_from(join(creation, completion, of_completion))
    found = found.where(creation.user_id == ACTING_USER, creation.number == made.version, creation.before.is_(None))
    # OFFSET keeps PostgreSQL from joining all tasks and changes.
    return exists(found.correlate(made).offset(0))


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
