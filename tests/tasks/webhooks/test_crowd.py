"""Many processes and many webhooks: everything arrives, in order, and nothing but repeats with equal bytes."""

import itertools
import time
from collections import defaultdict

import pytest

from taskapp.tasks.webhooks.delivery.loop import THREADS
from taskapp.tasks.webhooks.delivery.queries import LEASE_SECONDS
from tests.support.postgres import run_sql
from tests.support.receivers import Receiver
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

WEBHOOKS = 500
CHANGES = 3


def assert_in_order(received, ids):
    """Each webhook got all changes in order; a delivery may come again, but then with the same bytes."""
    by_webhook, bodies = defaultdict(list), defaultdict(set)
    for each in received:
        by_webhook[int(each.id.split("_")[1])].append(each)
        bodies[each.id].add(each.body)
    assert by_webhook.keys() == set(ids)
    assert {len(some) for some in bodies.values()} == {1}
    for some in by_webhook.values():
        deliveries = [numbers for numbers, _ in itertools.groupby(each.numbers for each in some)]
        assert list(itertools.chain(*deliveries)) == list(range(1, CHANGES + 1))
    return sum(len(some) for some in by_webhook.values()) - len(bodies)


@pytest.mark.parametrize("processes", [2, 6])
def test_one_of_several_processes_is_killed(webhooks, start_deliverer, processes):
    users = [f"crowd {processes} {number}" for number in range(WEBHOOKS)]
    with Receiver() as receiver:
        receiver.delay = 1
        ids = [webhooks.add(user, receiver.url)[0] for user in users]
        deliverers = [start_deliverer(ACCESS_LOG="false") for _ in range(processes)]
        started = time.monotonic()
        write(webhooks, users, 1)
        # More than the others can call at once, so the one that is killed has leases.
        calls = THREADS * (processes - 1) + 10
        wait_until(lambda: len(receiver.received) >= calls, "too few calls", 120)
        deliverers[0].kill()
        write(webhooks, users, 2)
        time.sleep(1)
        write(webhooks, users, 3)
        behind = f"SELECT count(*) FROM webhooks WHERE number < {CHANGES}"
        wait_until(lambda: run_sql(webhooks.url, behind)[0][0] <= THREADS, "most do not arrive", 240)
        most = time.monotonic() - started
        # What the killed process had leased comes once its leases have run out.
        wait_until(lambda: run_sql(webhooks.url, behind)[0][0] == 0, "not everything arrives", 240)
        seconds = time.monotonic() - started
        repeats = assert_in_order(receiver.received, ids)
    times = f"{most:.1f} s but for the leases of the killed one, {seconds:.1f} s in all"
    print(f"{processes} processes: {times}, {len(receiver.received)} requests, {repeats} repeats")  # noqa: T201
    assert repeats <= THREADS  # Some 20, unless the machine is so slow that the killed one had none.
    assert most < LEASE_SECONDS - 5


def write(webhooks, users, number):
    run_sql(
        webhooks.url,
        "INSERT INTO changes (user_id, number, task_id, at, after)"
        " SELECT u, %s, 1, now(), jsonb_build_object('title', 'x') FROM unnest(%s) u",
        [number, users],
    )
