"""The parts of a rule: which ones each frequency may have, and what their values may be."""

import re
from collections.abc import Callable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from taskapp.tasks.recurrence.rules import FIRST_DAY, LAST_DAY, WEEKDAYS, InvalidRule, Weekday, join


class Frequency(NamedTuple):
    """What a frequency may have.

    Args:
        maximum_interval: the maximum of INTERVAL.
        parts: the parts that not every frequency may have.
    """

    maximum_interval: int
    parts: tuple[str, ...]


FREQUENCIES = MappingProxyType(
    {
        "DAILY": Frequency(999, ()),
        "WEEKLY": Frequency(99, ("BYDAY", "WKST")),
        "MONTHLY": Frequency(99, ("BYMONTHDAY", "BYDAY", "BYSETPOS")),
        "YEARLY": Frequency(20, ("BYMONTH", "BYMONTHDAY", "BYDAY")),
    }
)


def _number(name: str, value: str, minimum: int, maximum: int, suffix: str = "") -> int:
    if re.fullmatch("[0-9]{1,9}", value) and minimum <= int(value) <= maximum:
        return int(value)
    raise InvalidRule(f"{name} must be {minimum} to {maximum}{suffix}.")


def _interval(value: str, freq: str) -> int:
    return _number("INTERVAL", value, 1, FREQUENCIES[freq].maximum_interval, f" with {freq}")


def _count(value: str, _: str) -> int:
    return _number("COUNT", value, 2, 1000)


def _until(value: str, _: str) -> date:
    if re.fullmatch("[0-9]{8}", value):
        try:
            day = date(int(value[:4]), int(value[4:6]), int(value[6:]))
        except ValueError:
            raise InvalidRule("UNTIL must be a day that exists, YYYYMMDD.") from None
        if FIRST_DAY <= day <= LAST_DAY:
            return day
    limits = f"{FIRST_DAY:%Y%m%d} to {LAST_DAY:%Y%m%d}"
    raise InvalidRule(f"UNTIL must be a day without a time, YYYYMMDD, from {limits}.")


def _signed(name: str, value: str, maximum: int) -> int:
    """Return a number that counts from the end if it is negative."""
    if re.fullmatch("[+-]?[0-9]{1,2}", value) and 1 <= abs(int(value)) <= maximum:
        return int(value)
    raise InvalidRule(f"{name} must be 1 to {maximum}, or -1 to -{maximum} from the end of the month.")


def _from_start_to_end(number: int) -> tuple[bool, int]:
    return number < 0, number


def _by_month(value: str, _: str) -> tuple[int, ...]:
    return tuple(sorted({_number("BYMONTH", number, 1, 12) for number in value.split(",")}))


def _by_month_day(value: str, _: str) -> tuple[int, ...]:
    numbers = {_signed("BYMONTHDAY", number, 31) for number in value.split(",")}
    return tuple(sorted(numbers, key=_from_start_to_end))


def _by_set_pos(value: str, _: str) -> int:
    if "," in value:
        raise InvalidRule("BYSETPOS must be one number.")
    return _signed("BYSETPOS", value, 31)


def _week_start(value: str, _: str) -> int:
    if value not in WEEKDAYS:
        raise InvalidRule(f"WKST must be one of {join(WEEKDAYS)}.")
    return WEEKDAYS.index(value)


def _by_day(value: str, freq: str) -> tuple[Weekday, ...]:
    days = {_weekday(day, freq) for day in value.split(",")}
    return tuple(sorted(days, key=lambda weekday: (*_from_start_to_end(weekday.number), weekday.day)))


def _weekday(value: str, freq: str) -> Weekday:
    found = re.fullmatch(f"([+-]?0?[1-5])?({'|'.join(WEEKDAYS)})", value)
    if not found:
        numbers = ", with numbers from 1 to 5 or -1 to -5, such as 1MO or -1FR" if freq != "WEEKLY" else ""
        raise InvalidRule(f"BYDAY must be one or more of {join(WEEKDAYS)}{numbers}.")
    return Weekday(int(found[1] or 0), WEEKDAYS.index(found[2]))


# From a part to its field of Rule, and to the function that reads its value.
READERS: Mapping[str, tuple[str, Callable[[str, str], Any]]] = MappingProxyType(
    {
        "INTERVAL": ("interval", _interval),
        "BYMONTH": ("by_month", _by_month),
        "BYMONTHDAY": ("by_month_day", _by_month_day),
        "BYDAY": ("by_day", _by_day),
        "BYSETPOS": ("by_set_pos", _by_set_pos),
        "WKST": ("week_start", _week_start),
        "UNTIL": ("until", _until),
        "COUNT": ("count", _count),
    }
)
