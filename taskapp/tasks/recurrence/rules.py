"""The rule of a series: its parts, its canonical text, and whether a day is one of its days."""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# The days of tasks, as `due_date` has them.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2999, 12, 31)
_UNITS = {"DAILY": "days", "WEEKLY": "weeks", "MONTHLY": "months", "YEARLY": "years"}


class InvalidRule(Exception):
    """The text is not a rule of the grammar. Its message is a sentence that says what is allowed."""


class Weekday(NamedTuple):
    """A value of BYDAY.

    Args:
        number: which one of the month, counted from its end if negative; 0 for each of them.
        day: 0 for Monday to 6 for Sunday.
    """

    number: int
    day: int

    def __str__(self) -> str:
        return f"{self.number or ''}{WEEKDAYS[self.day]}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that the grammar allows. Its text is canonical: equal rules have equal texts.

    Lists are sorted and without duplicates. What a rule does not have is empty or None.
    """

    freq: str
    interval: int = 1
    by_month: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_day: tuple[Weekday, ...] = ()
    by_set_pos: int | None = None
    week_start: int = 0
    until: date | None = None
    count: int | None = None

    def __str__(self) -> str:
        parts = {
            "FREQ": self.freq,
            "INTERVAL": self.interval if self.interval > 1 else None,
            "BYMONTH": join(self.by_month),
            "BYMONTHDAY": join(self.by_month_day),
            "BYDAY": join(self.by_day),
            "BYSETPOS": self.by_set_pos,
            "WKST": WEEKDAYS[self.week_start] if self.week_start else None,
            "UNTIL": f"{self.until:%Y%m%d}" if self.until else None,
            "COUNT": self.count,
        }
        return ";".join(f"{name}={value}" for name, value in parts.items() if value)


def join(values: Iterable[object]) -> str:
    """Return the values of a list as a part has them."""
    return ",".join(map(str, values))


def starts(rule: Rule, day: date) -> str | None:
    """Return why a series of a rule cannot start on a day, as a sentence; None if it can.

    A day is judged by its own month, day and weekday. An expansion would have to search for the first day of the rule.
    """
    if rule.until and day > rule.until:
        return f"{day} is after the end of the rule, UNTIL={rule.until:%Y%m%d}."
    if rule.by_month and day.month not in rule.by_month:
        return f"{day} is in {calendar.month_name[day.month]}; the rule has BYMONTH={join(rule.by_month)}."
    if rule.by_month_day and not _has_month_day(rule, day):
        length = _month_length(day)
        return f"{day} is day {day.day} of {length}; the rule has BYMONTHDAY={join(rule.by_month_day)}."
    if rule.by_day and not _has_weekday(rule, day):
        return f"{day} is {_described(rule, day)}; the rule has BYDAY={join(rule.by_day)}."
    return _explain_position(rule, day) if rule.by_set_pos else None


def repeat_after(rule: Rule) -> str:
    """Return the interval of a rule from completion to the next day, as PostgreSQL reads it: ``2 weeks``."""
    return f"{rule.interval} {_UNITS[rule.freq]}"


def _month_length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _has_month_day(rule: Rule, day: date) -> bool:
    return not {day.day, day.day - _month_length(day) - 1}.isdisjoint(rule.by_month_day)


def _numbers(day: date) -> tuple[int, int]:
    """Return which one of its weekday a day is in its month, from the start and from the end."""
    return (day.day - 1) // 7 + 1, -((_month_length(day) - day.day) // 7 + 1)


def _has_weekday(rule: Rule, day: date) -> bool:
    return not {Weekday(number, day.weekday()) for number in (0, *_numbers(day))}.isdisjoint(rule.by_day)


def _described(rule: Rule, day: date) -> str:
    if not rule.by_day[0].number:
        return f"a {calendar.day_name[day.weekday()]}"
    return " and ".join(str(Weekday(number, day.weekday())) for number in _numbers(day)) + " of its month"


def _explain_position(rule: Rule, day: date) -> str | None:
    month = [day.replace(day=number) for number in range(1, _month_length(day) + 1)]
    candidates = [candidate for candidate in month if _has_weekday(rule, candidate)]
    position = candidates.index(day) + 1
    if rule.by_set_pos in {position, position - len(candidates) - 1}:
        return None
    return (
        f"{day} is number {position} of the {len(candidates)} days of its month that are "
        f"BYDAY={join(rule.by_day)}; the rule has BYSETPOS={rule.by_set_pos}."
    )
