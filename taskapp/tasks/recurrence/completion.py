"""The statement that changes whether a task is completed, with what that means for the series of a recurring task.

If a pending occurrence is completed, the next one is created. If it is reopened, the next one is deleted again, unless
it was changed since. Both tasks are changed by one write, with two numbers: undo takes back both.

A write waits for the user's turn, and sees what came before it. So of several that complete an occurrence at the same
time, only the first one finds it pending. A unique index stands behind that.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
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
from taskapp.db.one_node import ON_ONE_NODE
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.batch import TABLE, fields_of, part, row_image
from taskapp.tasks.changes.log import NOT_LOGGED, Values, found_task, image, last_change, update_found, without
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task
from taskapp.tasks.recurrence import documents
from taskapp.tasks.recurrence.documents import following_occurrence, is_known, next_day, today_in
from taskapp.tasks.recurrence.occurrences import in_series, is_made_by, next_columns
from taskapp.tasks.representation import expressions


def completing_task(
    values: Values, *conditions: ColumnElement[bool], completed: bool | None = None, with_days: bool = False
) -> Any:
    """Return the statement of an update that sets ``completed``.

    It returns the task; unless ``completed`` is false, the next occurrence if it created one, ``next``, as JSON; and
    the number of the change. It does nothing if the task does not say what follows; see
    :func:`taskapp.tasks.recurrence.documents.is_known`.

    PostgreSQL plans a statement each time, and that is most of its cost. So it has only the parts that it may need.

    Args:
        values: as for :func:`taskapp.tasks.changes.log.changed_task`.
        conditions: as for the same.
        completed: what the update sets, or None if it toggles.
        with_days: whether the parameter ``days`` has the days that follow; see :func:`.documents.with_days`.
    """
    last = last_change()
    new = values(last.c.now)
    series = _series(new.get("recurrence", Task.recurrence), with_days=with_days)
    if completed is not False:
        conditions = (*conditions, _is_possible(series, new.get("time_zone", Task.time_zone), last.c.now))
    facts = {"completed": Task.completed, "completed_at": Task.completed_at, "recurrence": Task.recurrence}
    found = part(found_task(last, new, *conditions, **facts), "found")
    updated = update_found(found, values).returning(*TABLE.columns).cte("updated")
    row = updated.c
    created = _created(updated, found, with_days=with_days) if completed is not False else None
    removed = _removed(updated, found) if completed is not True else None
    logged = _logged(updated, found, new, created, removed)
    source: Any = updated
    columns = [*expressions(row).values()]
    if created is not None:
        source = updated.outerjoin(created, true())
        columns.append(case((created.c.id.is_not(None), fields_of(created.c))).label("next"))
    result = db.select(*columns, row.version.label("change")).select_from(source).where(ON_ONE_NODE)
    return result.add_cte(logged)


def _series(recurrence: Any, *, with_days: bool) -> Any:
    return documents.with_days(recurrence, cast(bindparam("days", type_=Text), JSONB)) if with_days else recurrence


def _is_possible(series: Any, time_zone: Any, at: Any) -> ColumnElement[bool]:
    """Return whether the task says what follows it, if that is needed. Without a zone, the table rejects it anyway."""
    return or_(series.is_(None), Task.completed, time_zone.is_(None), is_known(series, today_in(time_zone, at)))


def _created(updated: CTE, found: CTE, *, with_days: bool) -> CTE:
    """Return the next occurrence, created if the task was pending."""
    row = updated.c
    series = _series(row.recurrence, with_days=with_days)
    day = next_day(series, row.time_zone, row.updated_at).label("day")
    occurrence = db.select(updated, series.label("series"), day).select_from(updated.join(found, true()))
    occurrence = occurrence.where(row.recurrence.is_not(None), row.completed, not_(found.c.completed))
    row = part(occurrence, "occurrence").c
    recurrence = following_occurrence(row.series, row.day)
    columns = {**next_columns(row, recurrence, row.day, row.updated_at), "version": row.version + 1}
    new = db.select(*columns.values()).where(row.day.is_not(None), ON_ONE_NODE)
    # The occurrence may exist: a client has changed it, reopened this one, and completes it again.
    insert = postgresql_insert(Task).from_select(list(columns), new).on_conflict_do_nothing()
    created: CTE = insert.returning(*TABLE.columns, row_image(TABLE).label("image")).cte("next")
    return created


def _removed(updated: CTE, found: CTE) -> CTE:
    """Return the next occurrence, deleted if the completion that is taken back made it, and nobody has changed it.

    An index finds it by the time at which it was created, which is that of the completion.
    """
    was = found.c
    is_reopened = and_(was.recurrence.is_not(None), was.completed, not_(updated.c.completed))
    reopened = part(
        db.select(was.task_id, was.completed_at, was.recurrence).select_from(updated.join(found, is_reopened)),
        "reopened",
    )
    made = aliased(Task, name="made")
    completed_at, recurrence, task_id = (
        db.select(reopened.c[name]).scalar_subquery() for name in ("completed_at", "recurrence", "task_id")
    )
    # It was created at the time of the completion. As a range with an order, the index of times is the best one even if
    # most tasks were created at the same time. If nothing is reopened, the time is null, and nothing is read.
    is_of_time = made.created_at.between(completed_at, completed_at)
    next_one = db.select(made.id).where(made.user_id == ACTING_USER, is_of_time)
    next_one = next_one.where(_is_as_created(made, task_id, recurrence)).order_by(made.created_at, made.id)
    delete = db.delete(Task).where(Task.user_id == ACTING_USER, Task.id == next_one.limit(1).scalar_subquery())
    returned = (Task.id, Task.version, Task.updated_at, row_image(TABLE).label("image"))
    removed: CTE = delete.returning(*returned).cte("removed")
    return removed


def _is_as_created(made: Any, task_id: Any, recurrence: Any) -> ColumnElement[bool]:
    """Return whether a task is the next occurrence as the completion of the task ``task_id`` created it."""
    creation, completion = aliased(Change, name="creation"), aliased(Change, name="completion")
    is_completion = and_(completion.user_id == ACTING_USER, is_made_by(made.version, creation, completion, task_id))
    found = db.select(creation.number).select_from(join(creation, completion, is_completion))
    found = found.where(creation.user_id == ACTING_USER, creation.number == made.version, in_series(made, recurrence))
    # OFFSET keeps PostgreSQL from joining all tasks and changes, and from reading all tasks that recur.
    return exists(found.correlate(made).offset(0))


def _logged(updated: CTE, found: CTE, names: Iterable[str], created: CTE | None, removed: CTE | None) -> CTE:
    """Return the part that logs the update, and what happened to the next occurrence."""
    row, was, nothing = updated.c, found.c, cast(null(), JSONB)
    recurs = or_(row.recurrence.is_not(None), was.recurrence.is_not(None))
    update = db.select(
        ACTING_USER,
        *(was[name] for name in ("number", "at", "task_id", "previous", "previous_at", "before")),
        image({name: row[name] for name in names}),
        case((recurs, was.number)),
    ).select_from(updated.join(found, true()))
    entries = [update]
    of_write = (ACTING_USER, row.version + 1, row.updated_at)
    if created is not None:
        new = without(created.c.image, *NOT_LOGGED, "created_at")
        creation = db.select(*of_write, created.c.id, null(), null(), nothing, new, row.version)
        entries.append(creation.select_from(updated.join(created, true())))
    if removed is not None:
        old = without(removed.c.image, *NOT_LOGGED)
        deletion = db.select(
            *of_write, removed.c.id, removed.c.version, removed.c.updated_at, old, nothing, row.version
        )
        entries.append(deletion.select_from(updated.join(removed, true())))
    columns = ["user_id", "number", "at", "task_id", "previous", "previous_at", "before", "after", "operation"]
    every = union_all(*(entry.where(ON_ONE_NODE) for entry in entries))
    logged: CTE = db.insert(Change).from_select(columns, every).returning(Change.number).cte("logged")
    return logged
