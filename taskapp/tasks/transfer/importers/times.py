"""Days, times and time zones as other products write them."""

import re
from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from marshmallow import ValidationError

from taskapp.tasks.fields import TimeZone
from taskapp.tasks.recurrence.rules import FIRST_DAY, LAST_DAY
from taskapp.tasks.transfer.importers.found import Due, FoundTask
from taskapp.tasks.transfer.importers.report import Report, WrongFile

_ZONE = TimeZone()
_LONGEST_NAME = 3  # Parts, as in America/Argentina/Ushuaia.


@lru_cache(256)
def find_zone(name: str) -> str | None:
    """Return the current IANA name of a time zone; None if it has none.

    Args:
        name: an IANA name, alone or at the end of a path as in ``/softwarestudio.org/Europe/Berlin``, or one of
            Windows, which the library translates by CLDR.
    """
    parts = name.strip().strip("/").split("/")[-_LONGEST_NAME:]
    for start in range(len(parts)):
        if zone := _current("/".join(parts[start:])):
            return zone
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON  # noqa: PLC0415 # Takes some 0.2 s.

    return _current(WINDOWS_TO_OLSON.get(name.strip(), ""))


def _current(name: str) -> str | None:
    try:
        return str(_ZONE.deserialize(name))
    except ValidationError:
        return None


def zone_or_own(name: str, task: FoundTask, report: Report) -> str | None:
    """Return the zone that a task names; None, for that of the user, if it names none, or reported, an unknown one."""
    zone = find_zone(name) if name.strip() else None
    if name.strip() and not zone:
        report.note(task.place, task.title, f'"{name}" is no known time zone. That of --time-zone was used.')
    return zone


def find_instant(text: str) -> datetime | None:
    """Return the time of a text as in RFC 3339 or ISO 8601, in UTC unless it says otherwise.

    None if it is no time, or in no year that a task may have: .NET writes the first day of year 1 for none.
    """
    try:
        instant = datetime.fromisoformat(text.strip())
        instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        instant = instant.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return instant if FIRST_DAY <= instant.date() < LAST_DAY else None


def find_day(text: str) -> date | None:
    """Return the day with which a text begins, ``YYYY-MM-DD``; None if it begins with none."""
    found = re.match(r"\d{4}-\d\d-\d\d", text, re.ASCII)
    try:
        return found and date.fromisoformat(found[0])
    except ValueError:
        return None


def due_in(instant: datetime, zone: str, *, all_day: bool = False) -> Due:
    """Return an instant as a day and a time on the clock of a zone."""
    local = instant.astimezone(ZoneInfo(zone))
    return Due(local.date(), None if all_day else local.time().replace(microsecond=0), zone)


def rfc3339(instant: datetime) -> str:
    """Return a time as responses have it."""
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def require_zone(zone: str | None, place: str, reason: str) -> str:
    """Return a time zone.

    Raises:
        WrongFile: there is none.
    """
    if zone is None:
        raise WrongFile(f"{place}: {reason} Run the command again with --time-zone, such as Europe/Berlin.")
    return zone


def clock_time(value: time) -> str:
    """Return a time of day as ``HH:MM``."""
    return f"{value:%H:%M}"
