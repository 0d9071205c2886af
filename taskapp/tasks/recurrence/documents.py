"""The column ``recurrence`` of a task: a JSON object that describes the series and this occurrence of it.

Its members:

- ``rule``: the rule, in its canonical form;
- ``from``: ``due_date`` if the days are those of the rule, or ``completion`` if they are counted from the day on which
  the task is completed;
- ``series_id``: a UUID that all occurrences of the series have;
- ``occurrence``: the day of the rule that this task stands for, which stays if ``due_date`` moves;
- with ``due_date``: ``upcoming``, the next days of the rule; ``all``, whether these are all that follow; and ``last``,
  the day on which the series ends, or null;
- with ``completion``: ``after``, an interval of PostgreSQL.

SQL cannot expand a rule, and to read it first would take another message. So the task has the next days of its rule,
and a write that completes it finds the next occurrence by itself. Days are text, ``YYYY-MM-DD``.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Date, Interval, Text, and_, case, cast, column, func, literal_column, or_
from sqlalchemy.dialects.postgresql import JSON, JSONB

from taskapp.db import db

_SHOWN = ("rule", "from", "series_id", "occurrence")
_TRUE: ColumnElement[Any] = literal_column("'true'::jsonb", JSONB)
_NO_DAYS: ColumnElement[Any] = literal_column("'[]'::jsonb", JSONB)


def shown(recurrence: Any) -> ColumnElement[Any]:
    """Return the recurrence as clients see it, with the ``next`` day; null if there is none.

    ``next`` does not depend on the clock, so that a task of the same version is the same task. ``last`` is the day on
    which the series ends, so that a series with COUNT is known wherever it goes on; null if it does not end.
    """
    pairs = [part for name in _SHOWN for part in (name, recurrence.op("->")(name))]
    pairs += [
        "next",
        recurrence.op("->")("upcoming").op("->")(literal_column("0")),
        "last",
        recurrence.op("->")("last"),
    ]
    return case((recurrence.is_not(None), func.json_build_object(*pairs, type_=JSON)))


def to_json(recurrence: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the recurrence as :func:`shown` does, from the value of the column, or from that itself."""
    if recurrence is None:
        return None
    following = recurrence["next"] if "next" in recurrence else next(iter(recurrence.get("upcoming", ())), None)
    return {**{name: recurrence[name] for name in _SHOWN}, "next": following, "last": recurrence.get("last")}


def _days(recurrence: Any) -> tuple[Any, Any]:
    """Return a table of the stored days, and the day in it."""
    days = func.jsonb_array_elements_text(func.coalesce(recurrence.op("->")("upcoming"), _NO_DAYS))
    table = days.table_valued(column("day", Text)).render_derived()
    return table, cast(table.c.day, Date)


def today_in(time_zone: Any, at: Any) -> ColumnElement[Any]:
    """Return the day of a time on the clock of a time zone."""
    return cast(func.timezone(time_zone, at), Date)


def next_day(recurrence: Any, time_zone: Any, at: Any) -> Any:
    """Return the day of the next occurrence if this one is completed; null if none is stored.

    It is not before the day of the completion, so that no occurrence is overdue from the beginning.

    Args:
        recurrence: the column.
        time_zone: the time zone of the task, on whose clock the day begins.
        at: the time of the completion.
    """
    today = today_in(time_zone, at)
    table, day = _days(recurrence)
    stored = db.select(func.min(day)).select_from(table).where(day >= today).scalar_subquery()
    after = cast(recurrence.op("->>")("after"), Interval)
    return case((recurrence.has_key("after"), cast(today.op("+")(after), Date)), else_=stored)


def is_known(recurrence: Any, today: Any) -> ColumnElement[bool]:
    """Return whether the task says what follows it if it is completed today.

    Then the next occurrence has a day that follows it, too, unless the series ends. So at least two of the stored days
    are not before today.

    Args:
        recurrence: the column.
        today: the day of the completion, from :func:`today_in`.
    """
    second_last = cast(recurrence.op("->")("upcoming").op("->>")(literal_column("-2")), Date)
    known = or_(recurrence.has_key("after"), recurrence.op("->")("all") == _TRUE, second_last >= today)
    return func.coalesce(known, literal_column("false"))


def following_occurrence(recurrence: Any, following: Any) -> ColumnElement[Any]:
    """Return the column of the next occurrence, on the day ``following``.

    The day after a completion can be the one on which the completed occurrence was due, or before it. An occurrence
    still has a later day in the series than the one before it, because that is its identity.
    """
    table, day = _days(recurrence)
    own = func.greatest(following, cast(recurrence.op("->>")("occurrence"), Date) + 1)
    later = db.select(func.coalesce(func.jsonb_agg(table.c.day), _NO_DAYS, type_=JSONB)).select_from(table)
    upcoming = func.jsonb_build_object("upcoming", later.where(day > following).scalar_subquery(), type_=JSONB)
    moved = recurrence.op("||", return_type=JSONB())(func.jsonb_build_object("occurrence", own, type_=JSONB))
    return case((recurrence.has_key("after"), moved), else_=moved.op("||", return_type=JSONB())(upcoming))


def with_days(recurrence: Any, days: Any) -> ColumnElement[Any]:
    """Return the column with other stored days, if these are about this occurrence.

    Args:
        recurrence: the column.
        days: an object with ``series_id``, ``occurrence``, ``upcoming`` and ``all``, or null.
    """
    about_this = and_(*(days.op("->")(name) == recurrence.op("->")(name) for name in ("series_id", "occurrence")))
    return case((about_this, recurrence.op("||", return_type=JSONB())(days)), else_=recurrence)


def is_sent_back(current: Any, sent: Any) -> ColumnElement[bool]:
    """Return whether a client sent back the recurrence that it has read; null if it sent another one.

    Args:
        current: the column.
        sent: the object to store, or null. Its member ``resumes`` is what the client sent back of what it has read.
    """
    same: ColumnElement[bool] = current.op("@>", return_type=Boolean())(sent.op("->")("resumes"))
    return same


def continued(current: Any, sent: Any) -> ColumnElement[Any]:
    """Return the new value of the column: the current one if the client sent that back, or the one that was sent.

    Arguments as for :func:`is_sent_back`.
    """
    return case((is_sent_back(current, sent), current), else_=sent.op("-", return_type=JSONB())("resumes"))
