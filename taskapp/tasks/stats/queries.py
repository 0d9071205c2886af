"""The statement that counts tasks. It names the acting user in every use of the table, like those on tasks."""

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Date, DateTime, Text, bindparam, cast, func, not_, true

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.due import is_over
from taskapp.tasks.models import PRIORITIES, Task

_owned = Task.user_id == ACTING_USER
_zone = bindparam("time_zone", type_=Text)
_pending = not_(Task.completed)
_today = cast(func.timezone(_zone, func.now()), Date)


def _count(*conditions: Any) -> ColumnElement[int]:
    number: ColumnElement[int] = func.count().filter(*conditions)
    return number


# What is counted, by the names in the API.
COUNTS = {
    "total": func.count(),
    "pending": _count(_pending),
    "completed": _count(Task.completed),
    "overdue": _count(_pending, is_over(_zone)),
    "due_today": _count(_pending, Task.due_date == _today),
    "no_due_date": _count(_pending, Task.due_date.is_(None)),
}
COUNTS_BY_PRIORITY = {
    word or "none": _count(_pending, Task.priority == position) for position, word in enumerate(PRIORITIES)
}


def _by_day(moment: Any, condition: Any) -> ColumnElement[Any]:
    """Return how many moments between ``earliest`` and ``latest`` are on each day of the reader, as a JSON object.

    An index can look up the two bounds, but not the days. Days without any task are added in Python.
    """
    day = cast(func.timezone(_zone, moment), Date)
    earliest, latest = (cast(bindparam(name), DateTime(timezone=True)) for name in ("earliest", "latest"))
    grouped = (
        db.select(day.label("day"), func.count().label("tasks"))
        .where(_owned, condition, moment >= earliest, moment < latest)
        .group_by(day)
        .subquery()
    )
    days = func.jsonb_object_agg(cast(grouped.c.day, Text), grouped.c.tasks)
    result: ColumnElement[Any] = db.select(days).select_from(grouped).scalar_subquery()
    return result


@cache
def count_tasks(*, by_day: bool) -> Any:
    """Return the statement that counts the tasks of the user: :data:`COUNTS`, then :data:`COUNTS_BY_PRIORITY`.

    Args:
        by_day: whether to add two JSON objects: how many tasks were created and completed on each day that has any.
    """
    days = (_by_day(Task.created_at, true()), _by_day(Task.completed_at, Task.completed)) if by_day else ()
    return db.select(*COUNTS.values(), *COUNTS_BY_PRIORITY.values(), *days).where(_owned)
