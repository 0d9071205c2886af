"""What it costs to complete a task that recurs: one more row and one more entry in the log, in the same message."""

import statistics

import pytest

from tests.support.recurring import recurs
from tests.support.waiting import timed

pytestmark = [pytest.mark.slow, pytest.mark.alone]

ROUNDS, EACH = 10, 25


def completion_seconds(client, fields):
    """The seconds that the completion of each of some new tasks takes."""
    paths = [f"/{client.create(**fields)['id']}/complete" for _ in range(EACH)]
    return [timed(lambda path=path: client.patch(path, json={"completed": True}))[1] for path in paths]


def test_completion_with_a_rule_takes_at_most_three_times_as_long(start_server):
    """Both in turn, because the speed of the machine changes."""
    client = start_server().client()
    rounds = [
        (completion_seconds(client, {}), completion_seconds(client, recurs("FREQ=DAILY"))) for _ in range(ROUNDS + 1)
    ][1:]  # The first one opens connections and compiles statements.
    without, with_rule = (statistics.median(seconds) for seconds in zip(*_joined(rounds), strict=True))
    assert with_rule <= 3 * without, f"{with_rule * 1000:.1f} ms instead of {without * 1000:.1f} ms"


def _joined(rounds):
    return [pair for without, with_rule in rounds for pair in zip(without, with_rule, strict=True)]
