"""Recurrence rules as RFC 5545, section 3.3.10, defines them: a second implementation, which looks at each day.

It reads the text of a rule itself and imports nothing of taskapp or python-dateutil.
"""

from calendar import monthrange
from datetime import date, timedelta
from functools import cache

WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
ONE_DAY = timedelta(days=1)
HORIZON = date(2999, 12, 31)


@cache
def month_length(year, month):
    return monthrange(year, month)[1]


def read(text):
    parts = dict(part.split("=") for part in text.split(";"))
    return {name: value.split(",") if name.startswith("BY") else value for name, value in parts.items()}


def matches(rule, day):
    """Whether a day has the month, the day of the month and the weekday of a rule."""
    if "BYMONTH" in rule and day.month not in map(int, rule["BYMONTH"]):
        return False
    length = month_length(day.year, day.month)
    if "BYMONTHDAY" in rule and not {day.day, day.day - length - 1} & set(map(int, rule["BYMONTHDAY"])):
        return False
    if "BYDAY" in rule and not any(_is_weekday(item, day, length) for item in rule["BYDAY"]):
        return False
    return "BYSETPOS" not in rule or _has_position(rule, day, length)


def _is_weekday(item, day, length):
    number, name = item[:-2], item[-2:]
    if name != WEEKDAYS[day.weekday()]:
        return False
    if not number:
        return True
    same = [other for other in range(1, length + 1) if (other - day.day) % 7 == 0]
    number = int(number)
    return abs(number) <= len(same) and same[number - (number > 0)] == day.day


def _has_position(rule, day, length):
    """Whether a day has the position among the days of its month, of those with the weekdays of the rule."""
    days = [number for number in range(1, length + 1) if WEEKDAYS[day.replace(day=number).weekday()] in rule["BYDAY"]]
    position = int(rule["BYSETPOS"][0])
    return abs(position) <= len(days) and days[position - (position > 0)] == day.day


def _with_defaults(rule, first):
    """A rule with what it takes from the first day."""
    rule = dict(rule)
    if rule["FREQ"] == "WEEKLY":
        rule.setdefault("BYDAY", [WEEKDAYS[first.weekday()]])
    if rule["FREQ"] in {"MONTHLY", "YEARLY"} and not rule.keys() & {"BYDAY", "BYMONTHDAY"}:
        rule["BYMONTHDAY"] = [str(first.day)]
    if rule["FREQ"] == "YEARLY":
        rule.setdefault("BYMONTH", [str(first.month)])
    return rule


def _period(rule, day):
    """The number of the day, week, month or year that a day is in."""
    if rule["FREQ"] == "DAILY":
        return day.toordinal()
    if rule["FREQ"] == "WEEKLY":
        week_start = WEEKDAYS.index(rule.get("WKST", "MO"))
        return (day.toordinal() - 1 - week_start) // 7  # Day 1 is a Monday.
    return day.year * 12 + day.month if rule["FREQ"] == "MONTHLY" else day.year


def occurrences(text, first, *, until=HORIZON):
    """The days of a rule that starts on a day, in order; the first included."""
    rule = _with_defaults(read(text), first)
    interval, start = int(rule.get("INTERVAL", 1)), _period(rule, first)
    left = int(rule.get("COUNT", 10**6))
    if "UNTIL" in rule:
        until = min(until, date.fromisoformat(rule["UNTIL"]))
    day = first
    while day <= until and left:
        is_on = (_period(rule, day) - start) % interval == 0
        if is_on and matches(rule, day):
            yield day
            left -= 1
        other_month = "BYMONTH" in rule and day.month not in map(int, rule["BYMONTH"])
        if other_month or (not is_on and rule["FREQ"] in {"MONTHLY", "YEARLY"}):  # No day of this month is one.
            day = day.replace(day=month_length(day.year, day.month))
        if day == HORIZON:
            return
        day += ONE_DAY
