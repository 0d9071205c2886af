"""The memory of workers while 50 users at once send the largest writes of many tasks."""

import contextlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.tasks.bulk.test_bulk_speed import ITEMS, Sender

pytestmark = pytest.mark.slow

USERS, ROUNDS = 50, 3
# What workers may take in addition. A response has some 2.5 MB, and up to 32 are made at the same time.
GROWTH_MIB, GROWTH_OF_A_ROUND_MIB = 1500, 150
TAGS = [f"{number:02}".ljust(50, "t") for number in range(20)]
LARGEST = {"title": "t" * 255, "description": "d" * 1000, "tags": TAGS}


def mebibytes(server, name):
    """The memory of all workers by a name in /proc/PID/status: VmRSS now, or VmHWM at most so far."""
    lines = [line for pid in server.workers() for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024


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
    sender.close()  # The server closes connections that are idle. It opens again.
    sender._connection.request("POST", f"{sender._path}/bulk", body=body, headers=sender._headers)
    response = sender._connection.getresponse()
    received = response.read()
    if response.status == 200:
        assert len(received) > 2_000_000
    else:
        assert "Retry-After" in response.headers, received
    return response.status


def test_memory_returns_after_50_users_sent_the_largest_writes_at_once(start_server):
    server = start_server(WORKERS="", THREADS="")
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(USERS) as pool:
        senders = [stack.enter_context(contextlib.closing(Sender(server))) for _ in range(USERS)]
        bodies = [fill(sender) for sender in senders]
        before, after, statuses = mebibytes(server, "VmRSS"), [], []
        for _ in range(ROUNDS):
            statuses += pool.map(attempt, senders, bodies)
            after.append(mebibytes(server, "VmRSS"))
    grown = (before, after, mebibytes(server, "VmHWM"))
    assert set(statuses) <= {200, 429, 503}
    assert statuses.count(200) >= ROUNDS
    assert mebibytes(server, "VmHWM") - before < GROWTH_MIB, grown
    assert after[-1] - after[0] < GROWTH_OF_A_ROUND_MIB, grown
