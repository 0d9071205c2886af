"""The grammar of rules: what it allows, and in which form."""

import random
import string

import pytest

from taskapp.tasks.fields import FIRST_DAY, LAST_DAY
from taskapp.tasks.recurrence import rules
from taskapp.tasks.recurrence.grammar import parse
from taskapp.tasks.recurrence.rules import InvalidRule, repeat_after
from tests.support.recurrence_rules import random_rule


def test_days_are_those_of_tasks():
    assert (str(rules.FIRST_DAY), str(rules.LAST_DAY)) == (FIRST_DAY, LAST_DAY)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=999",
        "FREQ=DAILY;COUNT=2",
        "FREQ=DAILY;COUNT=1000",
        "FREQ=DAILY;UNTIL=19000101",
        "FREQ=DAILY;UNTIL=29991231",
        "FREQ=WEEKLY;INTERVAL=99",
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU;COUNT=4",
        "FREQ=MONTHLY;INTERVAL=99",
        "FREQ=MONTHLY;BYMONTHDAY=1,31,-31,-1",
        "FREQ=MONTHLY;BYDAY=1MO,5MO,5TU,-5FR,-1FR",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;UNTIL=20281231",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=5",
        "FREQ=MONTHLY;BYDAY=FR,SU;BYSETPOS=10",
        "FREQ=MONTHLY;BYDAY=MO,WE,FR;BYSETPOS=-14",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=23",
        "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=-31",
        "FREQ=YEARLY;INTERVAL=20",
        "FREQ=YEARLY;BYMONTH=1,12;BYMONTHDAY=-1",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
        "FREQ=YEARLY;BYMONTH=2,3;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-30,-29",
        "FREQ=YEARLY;BYMONTH=2;BYDAY=5SU",
    ],
)
def test_allowed_rules_are_their_own_canonical_text(text):
    assert str(parse(text)) == text
    assert parse(";".join(reversed(text.split(";")))) == parse(text)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("COUNT=3;INTERVAL=1;FREQ=DAILY", "FREQ=DAILY;COUNT=3"),
        ("WKST=MO;FREQ=WEEKLY;BYDAY=SU,MO,SU", "FREQ=WEEKLY;BYDAY=MO,SU"),
        ("FREQ=MONTHLY;INTERVAL=02;BYMONTHDAY=-1,31,+1,01", "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=1,31,-1"),
        ("FREQ=MONTHLY;BYDAY=-1MO,+2TU,02MO,1SU", "FREQ=MONTHLY;BYDAY=1SU,2MO,2TU,-1MO"),
        ("BYSETPOS=+1;BYDAY=TU,MO;FREQ=MONTHLY", "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=1"),
        ("FREQ=YEARLY;BYMONTHDAY=1;BYMONTH=12,01,1", "FREQ=YEARLY;BYMONTH=1,12;BYMONTHDAY=1"),
    ],
)
def test_equal_rules_have_equal_texts(text, canonical):
    assert str(parse(text)) == canonical
    assert parse(canonical) == parse(text)


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("FREQ=DAILY;INTERVAL=3", "3 days"),
        ("FREQ=WEEKLY;INTERVAL=2", "2 weeks"),
        ("FREQ=MONTHLY", "1 months"),
        ("INTERVAL=1;FREQ=YEARLY", "1 years"),
    ],
)
def test_from_completion_is_an_interval(text, interval):
    assert repeat_after(parse(text, from_completion=True)) == interval


def test_garbage_raises_only_the_error_of_the_grammar():
    """Random texts, and rules with random characters changed, left out or doubled."""
    seeded = random.Random(21)
    characters = string.printable + "=;,=;,0123456789\0٣ßİſ\u2028🙂\ud800"
    rules_of_the_grammar = [random_rule(seeded)[0] for _ in range(100)]
    passed = 0
    for number in range(2000):
        text = list(seeded.choice(rules_of_the_grammar)) if number % 2 else []
        for _ in range(seeded.randint(1, 3) if text else seeded.randrange(300)):
            place = seeded.randint(0, len(text))
            text[place : place + seeded.randint(0, 2)] = seeded.choices(characters, k=seeded.randint(0, 2))
        try:
            rule = parse("".join(text))
        except InvalidRule:
            continue
        passed += 1
        assert len(str(rule)) <= len(text)
        assert parse(str(rule)) == rule
    assert 50 < passed < 1000
