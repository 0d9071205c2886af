"""When a task is due, as expressions of SQL."""

from typing import Any

from sqlalchemy import ColumnElement, DateTime, func, literal_column

from taskapp.tasks.models import Task

# The fields that together make one instant.
DUE_FIELDS = ("due_date", "due_time", "time_zone")
# The place of tasks without a day: last.
NEVER: ColumnElement[Any] = literal_column("timestamp 'infinity'")
_END_OF_DAY: ColumnElement[Any] = literal_column("time '24:00'")


def due_at(columns: Any) -> ColumnElement[Any]:
    """Return the instant at which a task with a time is due.

    A local time is an instant only with the rules of its time zone, which may change. So nothing stores the instant.

    Args:
        columns: the model, or the columns ``c`` of a subquery with the columns of tasks.
    """
    instant: ColumnElement[Any] = func.timezone(
        columns.time_zone, columns.due_date.op("+")(columns.due_time), type_=DateTime
    )
    return instant


def due_order(day: Any, time: Any) -> ColumnElement[Any]:
    """Return the value of the column ``due_order``: a day without a time is due at its end."""
    order: ColumnElement[Any] = func.coalesce(day.op("+")(func.coalesce(time, _END_OF_DAY)), NEVER)
    return order


def is_over(time_zone: Any) -> ColumnElement[bool]:
    """Return whether the day or time of a task has passed.

    Args:
        time_zone: the time zone on whose clock the days of tasks without a time zone end.
    """
    zone = func.coalesce(Task.time_zone, time_zone)
    over: ColumnElement[bool] = func.timezone(zone, Task.due_order, type_=DateTime(timezone=True)) < func.now()
    return over
