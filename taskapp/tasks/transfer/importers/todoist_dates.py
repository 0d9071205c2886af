"""The dates of Todoist, which are text as somebody typed it. English ones that leave nothing open are understood."""

import re
from datetime import date, time

from taskapp.tasks.transfer.importers.found import Due
from taskapp.tasks.transfer.importers.rules import NotTaken
from taskapp.tasks.transfer.importers.times import find_day

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTH, _DAY = (rf"(?:{'|'.join(names)})[a-z]*" for names in (_MONTHS, _DAYS))
_CLOCK = r"(?:[ T](?:at )?(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?(?::\d\d)? ?(?P<half>am|pm)?)?"
_FORMS = (
    re.compile(rf"(?P<iso>\d{{4}}-\d\d-\d\d){_CLOCK}", re.IGNORECASE),
    re.compile(rf"(?P<day>\d{{1,2}}) (?P<month>{_MONTH}),? (?P<year>\d{{4}}){_CLOCK}", re.IGNORECASE),
    re.compile(rf"(?P<month>{_MONTH}) (?P<day>\d{{1,2}}),? (?P<year>\d{{4}}){_CLOCK}", re.IGNORECASE),
)
_UNITS = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY"}
_WORDS = {"daily": "1 day", "weekly": "1 week", "monthly": "1 month", "yearly": "1 year", "annually": "1 year"}
_EVERY = re.compile(r"(?:every|ev)(?P<completion>!?) (?P<rest>.+)")
_INTERVAL = re.compile(r"(?:(?P<number>\d{1,3}|other) )?(?P<unit>day|week|month|year)s?")
_ON_DAYS = re.compile(rf"{_DAY}(?:(?:, ?| and | & ){_DAY})*")
_MONTH_DAY = re.compile(r"(?:month on (?:the )?)?(?P<day>[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?")


def find_due(text: str, language: str, zone: str | None) -> Due | None:
    """Return the day and the time of a text; None if something is left open, such as the year.

    Args:
        text: the text, in any language. A date in numbers is the same in all of them.
        language: the language; English if it is empty.
        zone: the time zone of the task; None if it has none.
    """
    for form in _FORMS if _is_english(language) else _FORMS[:1]:
        if found := form.fullmatch(" ".join(text.split())):
            parts = found.groupdict()
            day, clock = _day(parts), _clock(parts)
            # A time that does not exist is no reason to guess a day without one.
            return None if day is None or (parts["hour"] and clock is None) else Due(day, clock, zone)
    return None


def _is_english(language: str) -> bool:
    return language.strip().lower() in {"", "en"}


def _day(parts: dict[str, str | None]) -> date | None:
    if iso := parts.get("iso"):
        return find_day(iso)
    month = _MONTHS.index(str(parts["month"])[:3].lower()) + 1
    return find_day(f"{parts['year']}-{month:02}-{int(parts['day'] or 0):02}")


def _clock(parts: dict[str, str | None]) -> time | None:
    if not parts["hour"]:
        return None
    hour, half = int(parts["hour"]), (parts["half"] or "").lower()
    if half and not 1 <= hour <= 12:  # noqa: PLR2004 # Of a clock with two halves.
        return None
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    try:
        return time(hour, int(parts["minute"] or 0))
    except ValueError:
        return None


def find_rule(text: str, language: str) -> tuple[str, bool]:
    """Return the RRULE of a text, and whether it counts from the day of completion.

    Args:
        text: such as ``every 2 weeks``, ``every mon, thu at 9am`` or ``every! 3 days``.
        language: the language of the text.

    Raises:
        NotTaken: the text is not understood.
    """
    words = " ".join(text.lower().split())
    words = re.sub(r" (?:at )?(?:\d{1,2}:\d\d ?(?:am|pm)?|\d{1,2} ?(?:am|pm))$", "", words)
    found = _EVERY.fullmatch(f"every {_WORDS[words]}" if words in _WORDS else words)
    rule = _rule(found["rest"]) if found and _is_english(language) else None
    if not found or not rule:
        raise NotTaken(f'"{text}" is not understood.')
    return rule, bool(found["completion"])


def _rule(text: str) -> str | None:
    if text in {"weekday", "workday"}:
        return "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    if text == "last day":
        return "FREQ=MONTHLY;BYMONTHDAY=-1"
    if interval := _INTERVAL.fullmatch(text):
        number = {"other": "2", None: "1"}.get(interval["number"], interval["number"])
        return f"FREQ={_UNITS[interval['unit']]};INTERVAL={number}"
    if _ON_DAYS.fullmatch(text):
        return f"FREQ=WEEKLY;BYDAY={','.join(day[:2].upper() for day in re.findall(_DAY, text))}"
    if day := _MONTH_DAY.fullmatch(text):
        return f"FREQ=MONTHLY;BYMONTHDAY={day['day']}"
    return None
