"""The days of a rule, by python-dateutil.

Only rules of the grammar are expanded, and only from one of their days. Still no rule can keep a process busy: the
expansion ends with the last day that a task may have, even if it finds no further day of the rule.
"""

from collections.abc import Iterator
from datetime import date
from itertools import islice
from types import MappingProxyType
from typing import Literal, NamedTuple, Self

from dateutil import rrule

from taskapp.tasks.recurrence.rules import LAST_DAY, Rule

# The number of days that a task keeps of its rule.
UPCOMING = 32
_MONTHS = 12
_Freq = Literal[0, 1, 2, 3]
_FREQUENCIES: MappingProxyType[str, _Freq] = MappingProxyType(
    {
        "DAILY": rrule.DAILY,
        "WEEKLY": rrule.WEEKLY,
        "MONTHLY": rrule.MONTHLY,
        "YEARLY": rrule.YEARLY,
    }
)


class Upcoming(NamedTuple):
    """The next days of a series.

    Args:
        days: the days, in order.
        ends: whether the series has no days after these.
    """

    days: list[date]
    ends: bool


def upcoming(rule: Rule, day: date, last: date | None, count: int = UPCOMING) -> Upcoming:
    """Return the next days of a rule after one of its days.

    The rule is started at that day, so the cost does not grow with the age of a series. COUNT is therefore not looked
    at: it is in ``last``.

    Args:
        rule: the rule of the series.
        day: a day of the series.
        last: the day on which the series ends, from `last_day`.
        count: the maximum number of days.
    """
    end = min(limit for limit in (rule.until, last, LAST_DAY) if limit)
    days = list(islice(_days_after(rule, day, end), count + 1))
    return Upcoming(days[:count], ends=len(days) <= count)


def last_day(rule: Rule, first: date) -> date | None:
    """Return the day on which a series ends: UNTIL, or the day of the occurrence number COUNT; None if it does not end.

    A series with more occurrences than there are until 2999 ends with the last of these.

    Args:
        rule: the rule of the series.
        first: the first day of the series, which is one of the rule's days.
    """
    if rule.count is None:
        return rule.until
    day = first
    for day in islice(_days_after(rule, first, LAST_DAY), rule.count - 1):  # noqa: B007 # The last one counts.
        pass
    return day


class _ExpansionEnded(Exception):
    """The periods of a rule have reached the end of its expansion."""


class _Interval(int):
    """The interval between periods, which can be added only a number of times.

    python-dateutil looks for the next day of a rule until the year 9999. It adds the interval to the month or the year
    each time that it goes on to the next period. Python asks the right operand of an addition first if it is of a
    subclass (https://docs.python.org/3/reference/datamodel.html#object.__radd__).
    """

    additions: int

    def __new__(cls, value: int, additions: int) -> Self:
        interval = super().__new__(cls, value)
        interval.additions = additions
        return interval

    def __radd__(self, other: int) -> int:
        if self.additions == 0:
            raise _ExpansionEnded
        self.additions -= 1
        return other + int(self)


def _days_after(rule: Rule, day: date, end: date) -> Iterator[date]:
    freq, interval = rule.freq, rule.interval
    if freq == "YEARLY" and len(rule.by_month) <= 1:
        # A twelfth of the work, because only the days of one month are looked at.
        freq, interval = "MONTHLY", interval * _MONTHS
    if freq in {"MONTHLY", "YEARLY"}:
        months = (end.year - day.year) * _MONTHS + end.month - day.month
        interval = _Interval(interval, 1 + max(months, 0) // (interval * (1 if freq == "MONTHLY" else _MONTHS)))
    found = rrule.rrule(
        _FREQUENCIES[freq],
        dtstart=day,
        until=end,
        interval=interval,
        wkst=rule.week_start,
        bymonth=rule.by_month or None,
        bymonthday=rule.by_month_day or None,
        byweekday=[rrule.weekday(weekday.day, weekday.number or None) for weekday in rule.by_day] or None,
        bysetpos=rule.by_set_pos,
    )
    try:
        yield from (start.date() for start in found if start.date() > day)
    except _ExpansionEnded:
        return
