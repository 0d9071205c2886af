"""Random rules of the grammar have the days that a second implementation finds, wherever they are started."""

import os
import random
import secrets
import time
from itertools import islice

import pytest

from taskapp.tasks.recurrence.expansion import UPCOMING, last_day, upcoming
from taskapp.tasks.recurrence.grammar import parse
from tests.support.recurrence_model import occurrences
from tests.support.recurrence_rules import random_rule

SEED = int(os.environ.get("FUZZ_SEED", "20261126").replace("random", str(secrets.randbelow(2**32))))
# Seconds of the processor.
DEADLINE = 0.2


def assert_same_days(text, first):
    rule = parse(text)
    started = time.process_time()
    last = last_day(rule, first)
    found = upcoming(rule, first, last)
    took = time.process_time() - started
    expected = list(islice(occurrences(text, first), 1, UPCOMING + 2))
    assert found == (expected[:UPCOMING], len(expected) <= UPCOMING)
    if rule.count and len(expected) <= UPCOMING:
        assert last == [first, *expected][-1]
    if found.days:
        place = len(found.days) // 2
        remaining = expected[place + 1 :]
        assert upcoming(rule, found.days[place], last).days[: len(remaining)] == remaining
    return took


@pytest.mark.parametrize("number", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_random_rules(number):
    seeded = random.Random(SEED)
    slowest = 0.0
    for _ in range(number):
        text, first = random_rule(seeded)
        try:
            slowest = max(slowest, assert_same_days(text, first))
        except Exception as error:
            error.add_note(f"{text} from {first}, seed {SEED}")
            raise
    assert slowest < DEADLINE


@pytest.mark.parametrize("number", [50, pytest.param(1000, marks=pytest.mark.slow)])
def test_day_of_the_last_of_a_number_of_occurrences(number):
    seeded = random.Random(SEED)
    for _ in range(number):
        text, first = random_rule(seeded)
        text = ";".join(part for part in text.split(";") if part[:5] not in {"COUNT", "UNTIL"})
        text += f";COUNT={seeded.randint(2, 200)}"
        *_, last = occurrences(text, first)
        assert last_day(parse(text), first) == last, (text, first, SEED)
