"""The memory of workers while 50 users at once send the largest writes of many tasks."""

import contextlib
import json

import pytest

from tests.support.memory import assert_memory_stays_bounded
from tests.tasks.bulk.test_bulk_speed import ITEMS, Sender

pytestmark = pytest.mark.slow

USERS = 50
# What workers may take in addition. A response has some 2.5 MB, and up to 32 are made at the same time.
GROWTH_MIB = 1500
TAGS = [f"{number:02}".ljust(50, "t") for number in range(20)]
LARGEST = {"title": "t" * 255, "description": "d" * 1000, "tags": TAGS}


def fill(sender):
    """Create 1,000 of the largest tasks, in bodies of nearly 1 MiB. Return the body that updates all of them."""
    ids = []
    for _ in range(4):
        body = json.dumps({"operations": [{"op": "create", **LARGEST}] * (ITEMS // 4)})
        assert 500_000 < len(body) < 2**20
        ids += [result["task"]["id"] for result in json.loads(sender.send("POST", "/bulk", body))["data"]["results"]]
    return json.dumps({"operations": [{"op": "update", "id": task_id, "priority": "high"} for task_id in ids]})


def attempt(sender, body):
    """Send a body, and return the status of the response, whose body must be whole."""
    status, received = sender.attempt("/bulk", body)
    assert status != 200 or len(received) > 2_000_000
    return status


def test_memory_returns_after_50_users_sent_the_largest_writes_at_once(start_server):
    server = start_server(WORKERS="", THREADS="")
    with contextlib.ExitStack() as stack:
        senders = [stack.enter_context(contextlib.closing(Sender(server))) for _ in range(USERS)]
        bodies = {sender: fill(sender) for sender in senders}
        assert_memory_stays_bounded(server, senders, lambda sender, _: attempt(sender, bodies[sender]), GROWTH_MIB)
