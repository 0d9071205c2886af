"""The statements on calendars, and the one of a feed. Each names the acting user in every use of a table."""

from functools import cache
from typing import Any

from sqlalchemy import (
    Date,
    DateTime,
    Text,
    Time,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    not_,
    true,
    union_all,
)

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.calendars.models import Calendar
from taskapp.tasks.due import NEVER, due_at, due_order
from taskapp.tasks.models import Task

MAXIMUM_CALENDARS = 20
MAXIMUM_EVENTS = 1000
# Of each recurring task, after the occurrence that is pending.
OCCURRENCES = 8

# The fields that clients may change.
CHANGEABLE = ("name", "time_zone", "as", "alarm_minutes")

_table = Calendar.__table__.c
_owned = Calendar.user_id == ACTING_USER
_by_id = (_owned, Calendar.id == bindparam("calendar_id"))
_SELECTED = (_table.id, *(_table[name] for name in CHANGEABLE), _table.created_at)


def _parameter(name: str) -> Any:
    parameter = bindparam(f"new_{name}", type_=_table[name].type)
    if name != "time_zone":
        return parameter
    # Fails if PostgreSQL does not know the time zone.
    return case((func.timezone(parameter, func.now()).is_not(None), parameter))


LIST_CALENDARS = db.select(*_SELECTED).where(_owned).order_by(Calendar.id)
GET_CALENDAR = db.select(*_SELECTED).where(*_by_id)
DELETE_CALENDAR = db.delete(Calendar).where(*_by_id).returning(Calendar.id)


def _creation() -> Any:
    values = {"user_id": ACTING_USER, "secret_hash": bindparam("digest", type_=_table.secret_hash.type)}
    values |= {name: _parameter(name) for name in CHANGEABLE}
    existing = db.select(func.count()).select_from(Calendar).where(_owned).scalar_subquery()
    new = db.select(*values.values()).where(existing < MAXIMUM_CALENDARS)
    return db.insert(Calendar).from_select(list(values), new).returning(*_SELECTED)


# Returns no row if there are too many calendars. It runs in the user's turn, so that no other one is created meanwhile.
CREATE_CALENDAR = _creation()


@cache
def update_calendar(fields: frozenset[str]) -> Any:
    """Return the statement that changes the calendar ``calendar_id``.

    Args:
        fields: the names of the fields to set, at least one; the parameters are ``new_`` and the name.
    """
    values = {_table[name]: _parameter(name) for name in sorted(fields)}
    return db.update(Calendar).where(*_by_id).values(values).returning(*_SELECTED)


# What an event has of its task, whichever occurrence it is.
_COPIED = ("title", "description", "priority", "tags", "due_time", "version", "updated_at")
_MORNING: Any = literal_column("time '09:00'")
_utc_now = func.timezone("UTC", func.now())
_calendar = (
    db.select(*(_table[name] for name in CHANGEABLE))
    .where(_owned, Calendar.secret_hash == bindparam("digest", type_=_table.secret_hash.type))
    .cte("calendar")
)


def _nearest_tasks() -> Any:
    """Return the pending tasks with a day that are the nearest to now, up to the maximum on either side of it.

    Two scans of an index find them, however many others there are. Without the calendar, they read nothing.
    """
    tasks = db.select(*Task.__table__.c).where(
        Task.user_id == ACTING_USER, not_(Task.completed), db.select(_calendar.c.name).exists()
    )
    later = tasks.where(Task.due_order >= _utc_now, Task.due_order < NEVER).order_by(Task.due_order, Task.id)
    earlier = tasks.where(Task.due_order < _utc_now).order_by(Task.due_order.desc(), Task.id.desc())
    sides = [side.limit(MAXIMUM_EVENTS).subquery() for side in (later, earlier)]
    return union_all(*(db.select(*side.c) for side in sides)).cte("nearest")


def _own_days(tasks: Any) -> Any:
    """Return the events of the tasks themselves. Their ``uid`` is that of the task."""
    copied = (tasks.c[name] for name in _COPIED)
    return db.select(cast(tasks.c.uid, Text).label("uid"), *copied, tasks.c.due_date, due_at(tasks.c).label("due_at"))


def _following_days(tasks: Any) -> Any:
    """Return the events of the next days of recurring tasks. Their ``uid`` is that of the series, with the day.

    Days that have passed are left out. The next completion skips them, so that no task will ever have them.
    """
    stored = func.jsonb_array_elements_text(tasks.c.recurrence.op("->")("upcoming"))
    days = stored.table_valued(column("day", Text)).render_derived()
    day = cast(days.c.day, Date)
    today = cast(func.timezone(tasks.c.time_zone, func.now()), Date)
    following = db.select(day.label("day")).select_from(days).where(day >= today)
    next_days = following.order_by(day).limit(OCCURRENCES).lateral("following")
    series = tasks.c.recurrence.op("->>")("series_id")
    uid = series.op("||")("-").op("||")(cast(next_days.c.day, Text))
    at = func.timezone(tasks.c.time_zone, next_days.c.day.op("+")(tasks.c.due_time), type_=DateTime)
    copied = (tasks.c[name] for name in _COPIED)
    return db.select(uid.label("uid"), *copied, next_days.c.day, at.label("due_at")).join(next_days, true())


def _feed() -> Any:
    """Return the statement of the feed of the calendar whose token has the ``digest``.

    Each row has the columns :data:`CHANGEABLE` of the calendar, and an event: the columns of :class:`Event`. Without
    events there is one row, in which those are null. If there is no such calendar, there is no row.
    """
    tasks = _nearest_tasks()
    events = union_all(_own_days(tasks), _following_days(tasks)).subquery("events")
    order = due_order(events.c.due_date, cast(events.c.due_time, Time))
    distance = func.greatest(order.op("-")(_utc_now), _utc_now.op("-")(order))
    nearest = db.select(*events.c).order_by(distance, events.c.uid).limit(MAXIMUM_EVENTS).subquery("event")
    morning = func.timezone(_calendar.c.time_zone, nearest.c.due_date.op("+")(_MORNING), type_=DateTime)
    # Their order does not depend on the time, so that an unchanged feed has the same bytes.
    return (
        db.select(*_calendar.c, *nearest.c, morning.label("morning"))
        .select_from(_calendar.outerjoin(nearest, true()))
        .order_by(nearest.c.due_date, nearest.c.due_time.nulls_first(), nearest.c.uid)
    )


READ_FEED = _feed()
