"""The days of rules. Each expected day was worked out on a calendar."""

import calendar
from datetime import date

import pytest

from taskapp.tasks.recurrence.expansion import UPCOMING, last_day, upcoming
from taskapp.tasks.recurrence.grammar import parse
from taskapp.tasks.recurrence.rules import LAST_DAY, Rule, Weekday
from tests.support.processor import processor_time

WORKDAYS = "BYDAY=MO,TU,WE,TH,FR"
# Seconds of the processor that no rule may take, to find its last day and its next days.
DEADLINE = 0.2


def days(*texts):
    return [date.fromisoformat(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "first", "following"),
    [
        ("FREQ=DAILY;INTERVAL=3", "2026-12-30", days("2027-01-02", "2027-01-05")),
        ("FREQ=WEEKLY", "2026-12-30", days("2027-01-06", "2027-01-13")),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "2026-12-08", days("2026-12-22", "2027-01-05")),
        # The two rules of RFC 5545 that differ only by WKST.
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=MO", "1997-08-05", days("1997-08-10", "1997-08-19", "1997-08-24")),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", "1997-08-05", days("1997-08-17", "1997-08-19", "1997-08-31")),
        ("FREQ=MONTHLY", "2026-10-31", days("2026-12-31", "2027-01-31", "2027-03-31")),
        ("FREQ=MONTHLY;BYMONTHDAY=31", "2026-12-31", days("2027-01-31", "2027-03-31", "2027-05-31")),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2027-12-31", days("2028-01-31", "2028-02-29", "2028-03-31")),
        ("FREQ=MONTHLY;BYDAY=-1FR", "2026-11-27", days("2026-12-25", "2027-01-29", "2027-02-26")),
        ("FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=29", "2028-02-29", days("2032-02-29", "2036-02-29")),
        (f"FREQ=MONTHLY;{WORKDAYS};BYSETPOS=-1", "2026-11-30", days("2026-12-31", "2027-01-29", "2027-02-26")),
        ("FREQ=YEARLY", "2096-02-29", days("2104-02-29", "2108-02-29")),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "2096-02-29", days("2104-02-29", "2108-02-29")),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", "2096-02-29", days("2097-02-28", "2098-02-28")),
        ("FREQ=YEARLY;BYMONTH=2;BYDAY=5SU", "2004-02-29", days("2032-02-29", "2060-02-29")),
        ("FREQ=YEARLY;INTERVAL=2;BYMONTH=11,3;BYDAY=1TU", "2026-11-03", days("2028-03-07", "2028-11-07", "2030-03-05")),
    ],
)
def test_next_days(text, first, following):
    result = upcoming(parse(text), date.fromisoformat(first), None, count=len(following))
    assert result == (following, False)


def test_next_days_are_32():
    found, ends = upcoming(parse("FREQ=DAILY"), date(2026, 12, 24), None)
    assert (len(found), found[0], found[-1], ends) == (UPCOMING, date(2026, 12, 25), date(2027, 1, 25), False)


@pytest.mark.parametrize(
    ("text", "last", "following", "ends"),
    [
        ("FREQ=DAILY;UNTIL=20261224", None, [], True),
        ("FREQ=DAILY;UNTIL=20261226", None, days("2026-12-25", "2026-12-26"), True),
        ("FREQ=DAILY;UNTIL=20261227", None, days("2026-12-25", "2026-12-26"), False),
        ("FREQ=DAILY", "2026-12-26", days("2026-12-25", "2026-12-26"), True),
        ("FREQ=DAILY", "2026-12-24", [], True),
        ("FREQ=DAILY;COUNT=2", "2026-12-25", days("2026-12-25"), True),
        ("FREQ=DAILY;COUNT=2", "2026-12-27", days("2026-12-25", "2026-12-26"), False),
        ("FREQ=WEEKLY;UNTIL=20261230", None, [], True),
        ("FREQ=YEARLY", "2028-12-23", days("2027-12-24"), True),
        # The last day is early in its year, and the first one late.
        ("FREQ=YEARLY;BYMONTH=1,12;BYMONTHDAY=24", "2028-01-24", days("2027-01-24", "2027-12-24"), False),
    ],
)
def test_end_of_a_series(text, last, following, ends):
    last = last and date.fromisoformat(last)
    assert upcoming(parse(text), date(2026, 12, 24), last, count=2) == (following, ends)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("FREQ=DAILY", "2026-12-24", None),
        ("FREQ=DAILY;UNTIL=20270101", "2026-12-24", "2027-01-01"),
        ("FREQ=WEEKLY;UNTIL=20270101", "2026-12-24", "2027-01-01"),
        ("FREQ=DAILY;COUNT=2", "2026-12-31", "2027-01-01"),
        ("FREQ=DAILY;COUNT=1000", "2026-01-01", "2028-09-26"),
        ("FREQ=MONTHLY;COUNT=3", "2026-10-31", "2027-01-31"),
        ("FREQ=YEARLY;COUNT=1000", "2026-12-24", "2999-12-24"),
        ("FREQ=YEARLY;COUNT=2", "2999-12-24", "2999-12-24"),
    ],
)
def test_day_on_which_a_series_ends(text, first, last):
    assert last_day(parse(text), date.fromisoformat(first)) == (last and date.fromisoformat(last))


def test_a_series_ends_with_the_last_day_that_a_task_may_have():
    rule = parse("FREQ=DAILY")
    assert upcoming(rule, date(2999, 12, 29), None) == (days("2999-12-30", "2999-12-31"), True)
    assert upcoming(rule, LAST_DAY, None) == ([], True)
    assert upcoming(parse("FREQ=YEARLY;INTERVAL=19;BYMONTH=2;BYDAY=5SU"), date(2984, 2, 29), None) == ([], True)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("FREQ=DAILY;INTERVAL=3", "2026-12-24"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", "1997-08-05"),
        ("FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,TU,WE,TH,FR,SA,SU;WKST=TH", "2026-11-25"),
        ("FREQ=MONTHLY;INTERVAL=5", "2026-10-31"),
        (f"FREQ=MONTHLY;INTERVAL=3;{WORKDAYS};BYSETPOS=-1", "2026-11-30"),
        ("FREQ=YEARLY;INTERVAL=4", "2096-02-29"),
        ("FREQ=YEARLY;INTERVAL=3;BYMONTH=2,11;BYDAY=1TU,-1FR", "2026-11-03"),
    ],
)
def test_a_rule_started_at_any_of_its_days_has_the_same_days(text, first):
    rule = parse(text)
    found = [date.fromisoformat(first), *upcoming(rule, date.fromisoformat(first), None, count=64).days]
    for place, day in enumerate(found[:UPCOMING]):
        assert upcoming(rule, day, None).days == found[place + 1 :][:UPCOMING]


def test_week_starts_on_monday_whatever_the_process_says():
    """python-dateutil takes another default from the module calendar."""
    rule = parse("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU")
    calendar.setfirstweekday(calendar.SUNDAY)
    try:
        assert upcoming(rule, date(1997, 8, 5), None, count=1).days == days("1997-08-10")
    finally:
        calendar.setfirstweekday(calendar.MONDAY)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("FREQ=YEARLY;BYMONTH=2;BYDAY=5SU;COUNT=1000", "1920-02-29"),
        ("FREQ=YEARLY;BYMONTH=2,4;BYDAY=-5SU;COUNT=1000", "1920-02-29"),
        ("FREQ=YEARLY;BYMONTH=2,4;BYDAY=-5SU;COUNT=1000;INTERVAL=2", "1920-02-29"),
        ("FREQ=YEARLY;INTERVAL=19;BYMONTH=2;BYDAY=5SU;COUNT=1000", "1920-02-29"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;COUNT=1000", "1904-02-29"),
        ("FREQ=YEARLY;BYMONTH=2,4;BYMONTHDAY=29,-30;COUNT=1000", "1904-02-29"),
        ("FREQ=YEARLY;COUNT=1000", "1904-02-29"),
        ("FREQ=MONTHLY;INTERVAL=12;BYDAY=SU;BYSETPOS=-5;COUNT=1000", "1920-02-29"),
        ("FREQ=MONTHLY;INTERVAL=84;BYMONTHDAY=29;COUNT=1000", "1904-02-29"),
        (f"FREQ=MONTHLY;{WORKDAYS};BYSETPOS=23;COUNT=1000", "1901-01-31"),
        (f"FREQ=MONTHLY;{WORKDAYS},SA,SU;BYSETPOS=-31;COUNT=1000", "1901-01-01"),
        ("FREQ=MONTHLY;BYDAY=5SU;COUNT=1000", "1901-03-31"),
        ("FREQ=MONTHLY;BYMONTHDAY=31;COUNT=1000", "1901-01-31"),
        ("FREQ=WEEKLY;INTERVAL=99;COUNT=1000", "1901-01-31"),
        ("FREQ=DAILY;INTERVAL=999;COUNT=1000", "1901-01-31"),
    ],
)
def test_slowest_rules_meet_the_deadline(text, first):
    rule, first = parse(text), date.fromisoformat(first)
    assert processor_time(lambda: upcoming(rule, first, last_day(rule, first))) < DEADLINE


@pytest.mark.parametrize(
    "rule",
    [
        Rule("YEARLY", by_month=(2,), by_month_day=(30,)),
        Rule("YEARLY", by_month=(2, 4), by_month_day=(31,)),
        Rule("YEARLY", by_month=(2, 4), by_day=(Weekday(6, 0),)),
        Rule("MONTHLY", by_month_day=(32,)),
        Rule("MONTHLY", by_day=(Weekday(0, 0),), by_set_pos=6),
        Rule("MONTHLY", by_day=(Weekday(0, 0),), by_set_pos=-6, interval=99),
    ],
    ids=str,
)
def test_rule_without_days_ends_even_if_the_grammar_let_it_through(rule):
    """python-dateutil alone looks until the year 9999, for seconds. This is a second line, so it may take longer."""
    first = date(1904, 2, 29)
    assert upcoming(rule, first, None) == ([], True)
    assert processor_time(lambda: upcoming(rule, first, None)) < 2 * DEADLINE
