"""The column ``reminder`` of a task: a JSON object that says when to remind of it, and the columns that follow from it.

It has one member:

- ``minutes_before``: so many minutes before the task is due; or
- ``at``: at this time, as text in UTC.

``remind_at`` is the instant. If it changes, the reminder is pending again, and ``reminded_at`` becomes null.
"""

from typing import Any

from sqlalchemy import ColumnElement, DateTime, Integer, Text, and_, case, cast, func, literal_column
from sqlalchemy.dialects.postgresql import JSONB

# Four weeks, as in most calendars.
MAXIMUM_MINUTES = 40320
_INSTANT = DateTime(timezone=True)
_UTC: ColumnElement[Any] = literal_column("'UTC'")
# As times in responses (https://www.postgresql.org/docs/current/functions-formatting.html).
_TIME_FORMAT: ColumnElement[Any] = literal_column("""'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'""")


def _at(reminder: Any) -> ColumnElement[Any]:
    return cast(reminder.op("->>", return_type=Text())("at"), _INSTANT)


def remind_at(reminder: Any, due_date: Any, due_time: Any, time_zone: Any) -> ColumnElement[Any]:
    """Return the instant of a reminder; null if there is none, or if it counts from a time that the task has not.

    Args:
        reminder: the column, or a value of its type; the same for the others.
        due_date: the day.
        due_time: the time.
        time_zone: the time zone.
    """
    due: ColumnElement[Any] = func.timezone(time_zone, due_date.op("+")(due_time), type_=_INSTANT)
    minutes = cast(reminder.op("->>", return_type=Text())("minutes_before"), Integer)
    before = due.op("-", return_type=_INSTANT)(func.make_interval(0, 0, 0, 0, 0, minutes))
    return case((reminder.has_key("at"), _at(reminder)), else_=before)


def remind_at_of(task: Any) -> ColumnElement[Any]:
    """Return the instant of the reminder of a task. See :func:`remind_at`.

    Args:
        task: the model, or the columns of a part of a statement.
    """
    return remind_at(task.reminder, task.due_date, task.due_time, task.time_zone)


def reminded_at(current: Any, of: Any, instant: Any) -> ColumnElement[Any]:
    """Return the new value of ``reminded_at``: null if the instant has moved.

    Args:
        current: the column.
        of: the ``remind_at`` of which the service reminded then.
        instant: the new value of ``remind_at``.
    """
    return case((of.is_not_distinct_from(instant), current))


def following_reminder(task: Any, due_date: Any) -> ColumnElement[Any]:
    """Return the column for the next occurrence of a task: as many days later on the clock of its time zone.

    Args:
        task: the columns of the completed task, which has a day and a time zone.
        due_date: the day of the next occurrence.
    """
    clock = func.timezone(task.time_zone, _at(task.reminder), type_=DateTime())
    days = func.make_interval(0, 0, 0, due_date.op("-")(task.due_date))
    moved: ColumnElement[Any] = func.timezone(task.time_zone, clock.op("+")(days), type_=_INSTANT)
    text = func.to_char(func.timezone(_UTC, moved), _TIME_FORMAT)
    return case(
        (
            and_(task.reminder.is_not(None), task.reminder.has_key("at")),
            func.jsonb_build_object("at", text, type_=JSONB),
        ),
        else_=task.reminder,
    )
