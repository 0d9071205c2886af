"""The next occurrences of recurring tasks that operations create or delete. The rules are those of single writes.

Operations see the tasks as they are before the write. So one that completes a task whose next occurrence exists creates
none, even if another operation deletes that. If an operation reopens a task, and another one is about the next
occurrence, only the latter decides about it.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    false,
    func,
    not_,
    or_,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from taskapp.db import db
from taskapp.db.one_node import ON_ONE_NODE
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.batch import TABLE, UPDATED, part, row_image, tasks_among
from taskapp.tasks.changes.images import value_in
from taskapp.tasks.changes.models import Change
from taskapp.tasks.recurrence.documents import following_occurrence, next_day, today_in, with_days
from taskapp.tasks.recurrence.occurrences import completed_at_in, in_series, is_made_by

# The days of tasks whose stored days are used up: an object with what documents.with_days needs, by their ids.
_DAYS = cast(bindparam("days", type_=Text), JSONB)
# Whether to look for next occurrences that exist. No index can do that, because row-level security comes first. So only
# if one is in the way, the statement is sent again with this.
_LOOK = bindparam("look_for_occurrences", type_=Boolean)


def was_completed(row: Any) -> ColumnElement[bool]:
    """Return whether the task of an operation is completed as it is."""
    return func.coalesce(cast(row.now.op("->>")("completed"), Boolean), false())


def following(shaped: CTE, at: Any) -> CTE:
    """Return the operations that complete a pending occurrence.

    Args:
        shaped: the operations with the columns of each task as they become.
        at: the time of the write.

    Returns:
        The columns of the operations; ``series``, the column ``recurrence`` with the days that follow; ``today``, on
        the clock of the task; ``day``, that of the next occurrence, null if there is none; and its column
        ``next_recurrence``.
    """
    row = shaped.c
    series = with_days(row.recurrence, _DAYS.op("->")(cast(row.task_id, Text))).label("series")
    today = today_in(row.time_zone, at).label("today")
    completes = (row.type == UPDATED, row.recurrence.is_not(None), row.completed, not_(was_completed(row)))
    completion = part(db.select(shaped, series, today).where(*completes), "completed")
    row = completion.c
    dated = part(db.select(completion, next_day(row.series, row.time_zone, at).label("day")), "dated")
    recurrence = following_occurrence(dated.c.series, dated.c.day).label("next_recurrence")
    return part(db.select(dated, recurrence), "following")


def created(shaped: CTE, following: CTE) -> CTE:
    """Return those operations of :func:`following` that create the next occurrence, because it does not exist yet.

    If several would create the same one, only the first one does.
    """
    stored = db.select(*_occurrence(TABLE.c.recurrence))
    stored = stored.where(TABLE.c.user_id == ACTING_USER, TABLE.c.recurrence.is_not(None), _LOOK)
    own = db.select(*_occurrence(shaped.c.now.op("->")("recurrence"))).where(ON_ONE_NODE)
    existing = union_all(stored, own).cte("existing").prefix_with("MATERIALIZED")
    row = following.c
    series_id, occurrence = (each.element for each in _occurrence(row.next_recurrence))
    rank = func.row_number().over(partition_by=(series_id, occurrence), order_by=row.index)
    new = db.select(following, rank.label("rank"))
    is_same = and_(existing.c.series_id == series_id, existing.c.occurrence == occurrence)
    new = new.outerjoin_from(following, existing, is_same)
    new = new.where(row.day.is_not(None), existing.c.series_id.is_(None)).subquery("new")
    return part(db.select(new).where(new.c.rank == 1), "next")


def _occurrence(recurrence: Any) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Return which occurrence of which series a task is."""
    day = cast(recurrence.op("->>")("occurrence"), Date)
    return recurrence.op("->>")("series_id").label("series_id"), day.label("occurrence")


def removed(shaped: CTE) -> CTE:
    """Return the next occurrences of tasks that operations reopen, if a completion created them and they are untouched.

    Args:
        shaped: as for :func:`following`.

    Returns:
        The columns of the table; the ``index`` of the operation; and ``now``, the image of the task.
    """
    row = shaped.c
    series = value_in(row.now, "recurrence")
    reopens = (row.type == UPDATED, series.is_not(None), was_completed(row), not_(row.completed))
    completed_at = completed_at_in(row.now).label("completed_at")
    reopened = db.select(row.index, row.task_id, series.label("series"), completed_at).where(*reopens)
    reopened = part(reopened, "reopened")
    columns = (column for column in TABLE.c if column.key != "created_at")
    now = row_image(TABLE).label("now")
    made = part(tasks_among(TABLE.c.created_at, reopened.c.completed_at, *columns, now), "made")
    entry = part(_entries(made.c.version), "entry")
    creation, completion = entry.alias("creation"), entry.alias("completion")
    is_of_series = and_(made.c.created_at == reopened.c.completed_at, in_series(made.c, reopened.c.series))
    joined = reopened.join(made, is_of_series)
    joined = joined.join(creation, creation.c.number == made.c.version)
    joined = joined.join(completion, is_made_by(made.c.version, creation.c, completion.c, reopened.c.task_id))
    has_operation = made.c.id.in_(db.select(row.task_id).where(row.task_id.is_not(None)))
    return part(db.select(made, reopened.c.index).select_from(joined).where(not_(has_operation)), "removed")


def _entries(numbers: Any) -> Any:
    """Return a query of the changes with some numbers, and of those before and after each."""
    arrays = (
        cast(db.select(func.array_agg(each)).scalar_subquery(), ARRAY(BigInteger))
        for each in (numbers, numbers - 1, numbers + 1)
    )
    is_listed = or_(*(Change.number == any_(each) for each in arrays))
    columns = (Change.number, Change.operation, Change.task_id, Change.before, Change.after)
    return db.select(*columns).where(Change.user_id == ACTING_USER, is_listed)
