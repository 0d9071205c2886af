"""Recurrences of Microsoft Graph as RRULEs.

See https://learn.microsoft.com/graph/api/resources/recurrencepattern and …/recurrencerange.
"""

from collections.abc import Callable, Mapping
from typing import Any

from taskapp.tasks.transfer.importers.documents import as_object, as_text
from taskapp.tasks.transfer.importers.found import Due
from taskapp.tasks.transfer.importers.rules import NotTaken
from taskapp.tasks.transfer.importers.times import find_day

_INDEXES = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_LAST_DAYS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


def rule_of(recurrence: Mapping[str, Any], due: Due | None) -> str:
    """Return the RRULE of a recurrence.

    Args:
        recurrence: a ``patternedRecurrence``.
        due: when the task is due. A number of occurrences counts from the start of the range.

    Raises:
        NotTaken: no rule has the same days.
    """
    pattern = as_object(recurrence.get("pattern"))
    kind = as_text(pattern.get("type"))
    if kind not in _PATTERNS:
        raise NotTaken(f'The pattern "{kind}" is unknown.')
    frequency, parts = _PATTERNS[kind]
    interval = as_text(pattern.get("interval")) or "1"
    return f"FREQ={frequency};INTERVAL={interval}{parts(pattern)}{_end(as_object(recurrence.get('range')), due)}"


def _daily(_: Mapping[str, Any]) -> str:
    return ""


def _weekly(pattern: Mapping[str, Any]) -> str:
    return f";BYDAY={','.join(_days(pattern))};WKST={as_text(pattern.get('firstDayOfWeek'))[:2].upper() or 'SU'}"


def _absolute_monthly(pattern: Mapping[str, Any]) -> str:
    return f";BYMONTHDAY={_month_day(pattern, 31)}"


def _absolute_yearly(pattern: Mapping[str, Any]) -> str:
    month = _month(pattern)
    return f";BYMONTH={month};BYMONTHDAY={_month_day(pattern, _LAST_DAYS.get(month, 31))}"


def _relative_monthly(pattern: Mapping[str, Any]) -> str:
    index, days = _index(pattern), _days(pattern)
    if len(days) == 1:
        return f";BYDAY={index}{days[0]}"
    return f";BYDAY={','.join(days)};BYSETPOS={index}"


def _relative_yearly(pattern: Mapping[str, Any]) -> str:
    index, days = _index(pattern), _days(pattern)
    if len(days) != 1:
        raise NotTaken("One of several weekdays in a month of each year is not supported.")
    return f";BYMONTH={_month(pattern)};BYDAY={index}{days[0]}"


_PATTERNS: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "daily": ("DAILY", _daily),
    "weekly": ("WEEKLY", _weekly),
    "absoluteMonthly": ("MONTHLY", _absolute_monthly),
    "relativeMonthly": ("MONTHLY", _relative_monthly),
    "absoluteYearly": ("YEARLY", _absolute_yearly),
    "relativeYearly": ("YEARLY", _relative_yearly),
}


def _days(pattern: Mapping[str, Any]) -> list[str]:
    days = pattern.get("daysOfWeek")
    if not isinstance(days, list) or not days:
        raise NotTaken("The pattern has no days of the week.")
    return [as_text(day)[:2].upper() for day in days]


def _index(pattern: Mapping[str, Any]) -> int:
    return _INDEXES.get(as_text(pattern.get("index")) or "first", 1)


def _month(pattern: Mapping[str, Any]) -> int:
    month = pattern.get("month")
    if not isinstance(month, int):
        raise NotTaken("The pattern has no month.")
    return month


def _month_day(pattern: Mapping[str, Any], last: int) -> int:
    """Return the day of a month: in a shorter one, Microsoft takes its last day, and an RRULE none."""
    day = pattern.get("dayOfMonth")
    if not isinstance(day, int):
        raise NotTaken("The pattern has no day of the month.")
    if day >= last:
        return -1
    if day > 28 and last == 31 and "month" not in pattern:  # noqa: PLR2004 # The shortest month.
        raise NotTaken(f"Day {day} is the last day of shorter months there, and would be left out here.")
    return day


def _end(limits: Mapping[str, Any], due: Due | None) -> str:
    kind = as_text(limits.get("type"))
    if kind == "endDate":
        return f";UNTIL={as_text(limits.get('endDate')).replace('-', '')}"
    if kind != "numbered":
        return ""
    if not due or find_day(as_text(limits.get("startDate"))) != due.day:
        raise NotTaken("It ends after a number of occurrences, of which it does not say how many are left.")
    return f";COUNT={as_text(limits.get('numberOfOccurrences'))}"
