"""A day on which a series cannot start: the sentence says what the day is and what the rule has."""

import random
from datetime import date, timedelta

import pytest

from taskapp.tasks.recurrence.grammar import parse
from taskapp.tasks.recurrence.rules import starts
from tests.support.recurrence_model import matches, read
from tests.support.recurrence_rules import random_rule

WORKDAYS = "BYDAY=MO,TU,WE,TH,FR"


@pytest.mark.parametrize(
    ("text", "day", "sentence"),
    [
        ("FREQ=WEEKLY;BYDAY=MO", "2026-12-08", "2026-12-08 is a Tuesday; the rule has BYDAY=MO."),
        ("FREQ=WEEKLY;BYDAY=SU,SA", "2026-12-08", "2026-12-08 is a Tuesday; the rule has BYDAY=SA,SU."),
        (
            "FREQ=YEARLY;BYMONTH=2,3;BYMONTHDAY=1",
            *("2026-12-01", "2026-12-01 is in December; the rule has BYMONTH=2,3."),
        ),
        ("FREQ=MONTHLY;BYMONTHDAY=31,-1", "2026-12-30", "2026-12-30 is day 30 of 31; the rule has BYMONTHDAY=31,-1."),
        ("FREQ=MONTHLY;BYDAY=1TU", "2026-12-08", "2026-12-08 is 2TU and -4TU of its month; the rule has BYDAY=1TU."),
        ("FREQ=MONTHLY;BYDAY=2MO", "2026-12-08", "2026-12-08 is 2TU and -4TU of its month; the rule has BYDAY=2MO."),
        (
            f"FREQ=MONTHLY;{WORKDAYS};BYSETPOS=-1",
            "2026-12-30",
            f"2026-12-30 is number 22 of the 23 days of its month that are {WORKDAYS}; the rule has BYSETPOS=-1.",
        ),
        (
            f"FREQ=MONTHLY;{WORKDAYS};BYSETPOS=-1",
            *("2026-10-31", f"2026-10-31 is a Saturday; the rule has {WORKDAYS}."),
        ),
        ("FREQ=DAILY;UNTIL=20261207", "2026-12-08", "2026-12-08 is after the end of the rule, UNTIL=20261207."),
    ],
)
def test_day_that_is_none_of_the_rule(text, day, sentence):
    assert starts(parse(text), date.fromisoformat(day)) == sentence


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("FREQ=DAILY;UNTIL=20261208", "2026-12-08"),
        ("FREQ=WEEKLY", "2026-12-08"),
        ("FREQ=MONTHLY", "2026-12-31"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2028-02-29"),
        ("FREQ=MONTHLY;BYDAY=-5TU,1MO", "2026-12-01"),
        ("FREQ=YEARLY", "2028-02-29"),
        (f"FREQ=MONTHLY;{WORKDAYS};BYSETPOS=-1", "2026-10-30"),
        (f"FREQ=MONTHLY;{WORKDAYS};BYSETPOS=1", "2026-11-02"),
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=5", "2026-11-30"),
    ],
)
def test_day_of_the_rule(text, day):
    assert starts(parse(text), date.fromisoformat(day)) is None


def test_random_days_are_judged_as_the_model_does():
    seeded = random.Random(5545)
    judged = []
    for _ in range(1000):
        text, start = random_rule(seeded)
        rule = parse(text)
        assert starts(rule, start) is None, (text, start)
        for days in (1, 7, seeded.randrange(1, 9999)):
            day = start - timedelta(days=min(days, (start - date(1900, 1, 1)).days))
            judged.append(starts(rule, day) is None)
            assert judged[-1] == matches(read(text), day), (text, day)
    assert 500 < sum(judged) < 2500
