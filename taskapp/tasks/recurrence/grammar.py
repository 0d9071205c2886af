"""The rules that a series may have: a closed part of RFC 5545's RRULE, section 3.3.10.

It has nothing that is smaller than a day, and nothing whose expansion could take long or differs between libraries. So
a YEARLY rule has BYMONTHDAY or BYDAY only with BYMONTH: python-dateutil takes the 30th of each month otherwise
(https://github.com/dateutil/dateutil/issues/1452).
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from taskapp.tasks.recurrence.parts import FREQUENCIES, READERS
from taskapp.tasks.recurrence.rules import InvalidRule, Rule, join

LENGTH = 255
_EXAMPLE = "FREQ=WEEKLY;BYDAY=MO"
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ENDS = ("UNTIL", "COUNT")
# What to use instead of parts that other services have.
_INSTEAD = MappingProxyType(
    {
        "DTSTART": "The first day is due_date. ",
        "TZID": "The time zone is time_zone. ",
        "BYHOUR": "The time of day is due_time. ",
        "BYMINUTE": "The time of day is due_time. ",
        "EXDATE": "Move the occurrence of that day, or complete it. ",
        "RDATE": "Create a task for each further day. ",
    }
)


def parse(text: str, *, from_completion: bool = False) -> Rule:
    """Return the rule of a text.

    Args:
        text: the value of an RRULE, such as ``FREQ=WEEKLY;BYDAY=MO``. The order of its parts does not matter.
        from_completion: whether the next day counts from the day of completion. Then only FREQ and INTERVAL make sense.

    Raises:
        InvalidRule: the text breaks the grammar, or its rule has no days.
    """
    parts = _split(text)
    freq = _freq(parts)
    own = () if from_completion else (*FREQUENCIES[freq].parts, *_ENDS)
    for name in parts:
        if name not in {"FREQ", "INTERVAL", *own}:
            raise InvalidRule(_not_supported(name, freq, own, from_completion=from_completion))
    values = {field: read(parts[name], freq) for name, (field, read) in READERS.items() if name in parts}
    rule = Rule(freq, **values)
    _check_combination(parts, rule)
    _check_has_days(rule)
    return rule


def _split(text: str) -> dict[str, str]:
    """Return the values of the parts, by name."""
    if len(text) > LENGTH:
        raise InvalidRule(f"Must be at most {LENGTH} characters.")
    if text.upper().startswith("RRULE"):
        raise InvalidRule(f"Omit RRULE. A rule is only its value, such as {_EXAMPLE}.")
    if found := re.search("(?m)^(DTSTART|RDATE|EXDATE|EXRULE)[:;]", text.upper()):
        only = f"A rule is only the value of RRULE, such as {_EXAMPLE}."
        raise InvalidRule(f"{found[1]} is not supported. {_INSTEAD.get(found[1], '')}{only}")
    # Words such as "every monday" are told of the form, not of their spaces.
    if "=" in text and any(character.isspace() for character in text):
        raise InvalidRule(f"Must not have spaces or line breaks. An example is {_EXAMPLE}.")
    parts: dict[str, str] = {}
    for part in text.split(";"):
        name, value = _name_and_value(part, text)
        if name in parts:
            lists = " A list has commas, such as BYDAY=MO,TU." if name.startswith("BY") else ""
            raise InvalidRule(f"{name} must not be repeated.{lists}")
        parts[name] = value
    return parts


def _name_and_value(part: str, text: str) -> tuple[str, str]:
    """Return the name and the value of a part of a text. The value may be empty."""
    if not part and text:
        raise InvalidRule("Must not have an empty part. Remove the extra ';'.")
    found = re.fullmatch("([A-Za-z-]+)=([^=]*)", part)
    if not found:
        raise InvalidRule("Must be parts NAME=VALUE with ';' between them, such as FREQ=WEEKLY;BYDAY=MO,TU.")
    if not found[1].isupper():
        raise InvalidRule(f"Must be in capitals, such as {_EXAMPLE}.")
    return found[1], found[2]


def _freq(parts: Mapping[str, str]) -> str:
    freq = parts.get("FREQ", "")
    if freq in FREQUENCIES:
        return freq
    problem = "FREQ must be" if "FREQ" in parts else "FREQ is missing. It must be"
    raise InvalidRule(f"{problem} {_listed(FREQUENCIES, 'or')}.")


def _not_supported(name: str, freq: str, own: tuple[str, ...], *, from_completion: bool) -> str:
    subject = "A rule from completion may have FREQ and" if from_completion else f"{freq} may have"
    allowed = f"{subject} {_listed(('INTERVAL', *own), 'and')}."
    if name not in READERS:
        return f"{name} is not supported. {_INSTEAD.get(name, '')}{allowed}"
    if from_completion:
        return f"{name} is not supported with from=completion. {allowed}"
    others = [other for other, frequency in FREQUENCIES.items() if name in frequency.parts]
    return f"{name} is not supported with {freq}. Use it with {_listed(others, 'or')}. {allowed}"


def _listed(names: Iterable[str], conjunction: str) -> str:
    *others, last = names
    return f"{', '.join(others)} {conjunction} {last}" if others else last


def _check_combination(parts: Mapping[str, str], rule: Rule) -> None:
    """Check which parts go together.

    Raises:
        InvalidRule: they do not.
    """
    numbered = {bool(weekday.number) for weekday in rule.by_day}
    if "UNTIL" in parts and "COUNT" in parts:
        raise InvalidRule("UNTIL and COUNT must not be used together.")
    if "BYMONTHDAY" in parts and "BYDAY" in parts:
        raise InvalidRule("BYMONTHDAY and BYDAY must not be used together.")
    if rule.freq == "WEEKLY" and True in numbered:
        raise InvalidRule("BYDAY must not have numbers with WEEKLY. An example is BYDAY=MO,TU.")
    if "BYSETPOS" in parts and numbered != {False}:
        raise InvalidRule("BYSETPOS needs BYDAY without numbers, such as BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1.")
    if rule.freq == "MONTHLY" and False in numbered and "BYSETPOS" not in parts:
        raise InvalidRule("BYDAY with MONTHLY must have numbers, such as 1MO or -1FR, or BYSETPOS.")
    if rule.freq == "YEARLY" and False in numbered:
        raise InvalidRule("BYDAY with YEARLY must have numbers, such as BYMONTH=11;BYDAY=4TH.")
    if rule.freq == "YEARLY" and bool(rule.by_month) != bool(rule.by_month_day or rule.by_day):
        raise InvalidRule(
            "YEARLY must have BYMONTH together with BYMONTHDAY or BYDAY, or none of them. "
            "An example is BYMONTH=11;BYMONTHDAY=30."
        )


def _check_has_days(rule: Rule) -> None:
    """Check that a rule can ever happen. Most of what cannot is not in the grammar.

    Raises:
        InvalidRule: it has no days.
    """
    if rule.by_month and rule.by_month_day:
        longest = max(_LONGEST_MONTHS[month - 1] for month in rule.by_month)
        if min(map(abs, rule.by_month_day)) > longest:
            days = join(rule.by_month_day)
            raise InvalidRule(
                f"BYMONTHDAY={days} never happens: BYMONTH={join(rule.by_month)} has {longest} days at most."
            )
    if rule.by_set_pos:
        most = _most_days(rule)
        if abs(rule.by_set_pos) > most:
            raise InvalidRule(f"BYSETPOS must be 1 to {most}, or -1 to -{most}, with BYDAY={join(rule.by_day)}.")


def _most_days(rule: Rule) -> int:
    """Return how many days of the weekdays of a rule a month can have: four weeks, and three days in a row."""
    days = {weekday.day for weekday in rule.by_day}
    return 4 * len(days) + max(len(days & {(first + more) % 7 for more in range(3)}) for first in range(7))
