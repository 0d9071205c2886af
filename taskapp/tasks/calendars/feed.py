"""A feed: the tasks of a user as a calendar (RFC 5545, RFC 7986).

Equal tasks are equal bytes, so that a reader that has them gets a 304. So the times in a feed are those of the tasks.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time
from typing import NamedTuple

from taskapp.tasks.calendars.content_lines import join_lines, text_line
from taskapp.tasks.calendars.models import TODOS
from taskapp.tasks.models import PRIORITIES

CONTENT_TYPE = "text/calendar; charset=utf-8"
# Section 3.8.1.9: 1 is the highest, 5 medium, 9 the lowest.
_PRIORITIES = {"urgent": 1, "high": 3, "medium": 5, "low": 9}
# From the extended format of ISO 8601 to the basic one.
_BASIC = str.maketrans("", "", "-:")


class Settings(NamedTuple):
    """The settings of a calendar, as in :class:`taskapp.tasks.calendars.models.Calendar`."""

    name: str
    time_zone: str
    as_: str
    alarm_minutes: int | None


class Event(NamedTuple):
    """An occurrence of a task.

    Attributes:
        uid: unique in the calendar. It stays if the occurrence changes.
        title: as in the task; so are the description, the tags, the time, the version and the time of the last change.
        priority: the position of the priority.
        due_date: the day.
        due_at: the instant, if it has a time.
        morning: 9:00 of the day on the clock of the calendar.
    """

    uid: str
    title: str
    description: str | None
    priority: int
    tags: list[str]
    due_time: time | None
    version: int
    updated_at: datetime
    due_date: date
    due_at: datetime | None
    morning: datetime


def write_feed(settings: Settings, events: Iterable[Event]) -> bytes:
    """Return the calendar. All times are naive datetimes in UTC."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//taskapp//tasks//EN",
        "CALSCALE:GREGORIAN",
        text_line("NAME", settings.name),
        text_line("X-WR-CALNAME", settings.name),  # What most applications read in place of NAME.
        text_line("X-WR-TIMEZONE", settings.time_zone),
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        "X-PUBLISHED-TTL:PT1H",  # The same for Outlook.
    ]
    for event in events:
        lines += _component(settings, event)
    return join_lines([*lines, "END:VCALENDAR"])


def _component(settings: Settings, event: Event) -> Iterator[str]:
    is_todo = settings.as_ == TODOS
    yield "BEGIN:VTODO" if is_todo else "BEGIN:VEVENT"
    yield f"UID:{event.uid}"
    yield f"DTSTAMP:{_instant(event.updated_at)}"
    yield f"SEQUENCE:{event.version}"
    yield f"{'DUE' if is_todo else 'DTSTART'}{_when(event)}"
    if is_todo:
        yield "STATUS:NEEDS-ACTION"
    else:
        if event.due_at:
            yield "DURATION:PT15M"
        yield "TRANSP:TRANSPARENT"  # A task does not make its user busy.
    yield text_line("SUMMARY", event.title)
    if event.description:
        yield text_line("DESCRIPTION", event.description)
    if event.tags:
        yield text_line("CATEGORIES", *event.tags)
    if priority := PRIORITIES[event.priority]:
        yield f"PRIORITY:{_PRIORITIES[priority]}"
    if settings.alarm_minutes is not None:
        yield from _alarm(settings.alarm_minutes, event, related=";RELATED=END" if is_todo else "")
    yield "END:VTODO" if is_todo else "END:VEVENT"


def _when(event: Event) -> str:
    # Without an end, a day is one day (section 3.6.1). A time is UTC, which needs no description of a time zone.
    return f":{_instant(event.due_at)}" if event.due_at else f";VALUE=DATE:{str(event.due_date).replace('-', '')}"


def _alarm(minutes: int, event: Event, *, related: str) -> Iterator[str]:
    yield "BEGIN:VALARM"
    yield "ACTION:DISPLAY"
    yield text_line("DESCRIPTION", event.title)
    if event.due_at:
        yield f"TRIGGER{related}:-PT{minutes}M"
    else:
        # Relative to a day, each application has a midnight of its own.
        yield f"TRIGGER;VALUE=DATE-TIME:{_instant(event.morning)}"
    yield "END:VALARM"


def _instant(at: datetime) -> str:
    # strftime takes five times as long.
    return f"{at.isoformat(timespec='seconds').translate(_BASIC)}Z"
