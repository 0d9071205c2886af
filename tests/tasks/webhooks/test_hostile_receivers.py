"""A receiver may occupy one thread for ten seconds, and nothing else."""

import contextlib
import resource
import time

import pytest

from tests.support.hostile import REDIRECTS, SUCCESSES, WITHOUT_STATUS, HostileReceiver, _sleep
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

CALL_SECONDS = 10
# Of the process that has all of this file's calls, at once.
MOST_MEMORY = 100 * 1024


@pytest.fixture
def user(webhooks):
    user = webhooks.user()
    user.write()
    return user


def test_hostile_receivers_end_after_ten_seconds_and_delay_nobody(webhooks, receiver, user):
    acts = {**WITHOUT_STATUS, **SUCCESSES, **REDIRECTS}
    with contextlib.ExitStack() as stack:
        hostile = {name: stack.enter_context(HostileReceiver(act)) for name, act in acts.items()}
        hostile["does not answer TLS"] = stack.enter_context(HostileReceiver(_sleep, "https"))
        ids = {name: webhooks.add(user.user_id, each.url)[0] for name, each in hostile.items()}
        webhooks.add(user.user_id, receiver.url)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.monotonic()
        webhooks.deliver()
        assert CALL_SECONDS - 1 < time.monotonic() - started < 3 * CALL_SECONDS
    assert receiver.received[0].at - started < CALL_SECONDS - 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < MOST_MEMORY
    rows = {name: webhooks.row(each) for name, each in ids.items()}
    statuses = {name: (row["number"], row["last_status"]) for name, row in rows.items()}
    assert statuses == {
        **dict.fromkeys([*WITHOUT_STATUS, "does not answer TLS"], (0, None)),
        **dict.fromkeys(SUCCESSES, (1, 200)),
        **dict.fromkeys(REDIRECTS, (0, 302)),
    }
    # Those that fail at once are tried again after five seconds, while others still occupy their threads.
    assert {each.connections for each in hostile.values()} <= {1, 2}


def test_a_receiver_that_sleeps_a_minute_delays_only_itself(webhooks, receiver, user, start_deliverer):
    """Four others get each change within two seconds, while the first is cut off after ten."""
    with HostileReceiver(_sleep) as sleeper:
        slow, _ = webhooks.add(user.user_id, sleeper.url)
        for _ in range(4):
            webhooks.add(user.user_id, receiver.url)
        deliverer = start_deliverer()
        wait_until(lambda: sleeper.connections == 1, "the sleeper is not called")
        delays = []
        for number in range(2, 6):
            written = time.monotonic()
            user.write()
            wait_until(lambda number=number: receiver.numbers.count(number) == 4, "it does not arrive")
            delays.append(receiver.received[-1].at - written)
            time.sleep(0.5)
        wait_until(lambda: webhooks.row(slow)["attempts"] == 1, "the sleeper is not cut off")
        print(f"delays while one receiver sleeps: {delays}")  # noqa: T201 # A measurement.
    assert min(delays) < 2
    assert max(delays) < CALL_SECONDS - 2
    assert receiver.numbers.count(1) == 4
    assert '"reason": "timeout"' in deliverer.log.read_text()
