"""What a write of many tasks costs: less than the single writes that it replaces, and little to other users."""

import contextlib
import http.client
import json
import statistics
import threading
import time

import pytest

from tests.support.client import JSON
from tests.support.waiting import timed

pytestmark = [pytest.mark.slow, pytest.mark.alone]

ITEMS, BLOCKS = 1000, 5


@pytest.fixture(scope="module")
def server(start_module_server):
    """A server with the default numbers of workers and threads."""
    return start_module_server(WORKERS="", THREADS="")


class Sender:
    """Sends requests of a new user on one connection, and does nothing with the responses that would take time."""

    def __init__(self, server):
        client = server.client()
        self._path = client.tasks
        self._headers = {**JSON, "Authorization": f"Bearer {client.token}"}
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

    def send(self, method, path="", body=None):
        """Send a request with a body of bytes, and return the body of the response."""
        self._connection.request(method, self._path + path, body=body, headers=self._headers)
        response = self._connection.getresponse()
        received = response.read()
        assert response.status < 300, received[:500]
        return received

    def attempt(self, path, body, **headers):
        """Send a POST on a new connection, and return the status and the body of a response that may be a refusal."""
        self.close()
        self._connection.request("POST", self._path + path, body=body, headers={**self._headers, **headers})
        response = self._connection.getresponse()
        received = response.read()
        assert response.status == 200 or "Retry-After" in response.headers, received[:500]
        return response.status, received

    def close(self):
        self._connection.close()


@pytest.fixture
def new_sender(server):
    """Makes senders."""
    with contextlib.ExitStack() as senders:
        yield lambda: senders.enter_context(contextlib.closing(Sender(server)))


def new(number):
    return {"title": f"Task {number}", "description": "Some words on it.", "tags": ["home", "work"], "priority": "high"}


CHANGES = {"title": "Another title", "completed": True}


def bulk(sender, operations):
    """Send operations, and return the results and the seconds that this takes."""
    body = json.dumps({"operations": operations})
    received, seconds = timed(lambda: sender.send("POST", "/bulk", body))
    return json.loads(received)["data"]["results"], seconds


def bulk_seconds(sender):
    """The seconds of 1,000 creates, updates, deletes and mixed operations, each in one request."""
    sender.close()  # The server closes connections that are idle. It opens again.
    seconds = {}
    created, seconds["create"] = bulk(sender, [{"op": "create", **new(number)} for number in range(ITEMS)])
    ids = [result["task"]["id"] for result in created]
    _, seconds["update"] = bulk(sender, [{"op": "update", "id": task_id, **CHANGES} for task_id in ids])
    a, b = ITEMS // 3, 2 * ITEMS // 3
    mixed = [{"op": "create", **new(number)} for number in range(ITEMS - b)]
    mixed += [{"op": "update", "id": task_id, "title": "Mixed"} for task_id in ids[:a]]
    mixed += [{"op": "delete", "id": task_id} for task_id in ids[a:b]]
    results, seconds["mixed"] = bulk(sender, mixed)
    ids = [result["task"]["id"] for result in results if result["status"] == 201] + ids[:a] + ids[b:]
    _, seconds["delete"] = bulk(sender, [{"op": "delete", "id": task_id} for task_id in ids[:ITEMS]])
    return seconds


def single_seconds(sender, count):
    """The seconds of as many creates, updates, deletes and mixed operations, each in a request of its own."""
    sender.close()
    seconds, created, changes = {}, [], json.dumps(CHANGES)
    bodies = [json.dumps(new(number)) for number in range(count)]
    _, seconds["create"] = timed(lambda: created.extend(sender.send("POST", body=body) for body in bodies))
    paths = [f"/{json.loads(received)['data']['id']}" for received in created]
    _, seconds["update"] = timed(lambda: [sender.send("PUT", path, changes) for path in paths])
    _, seconds["delete"] = timed(lambda: [sender.send("DELETE", path) for path in paths])
    seconds["mixed"] = sum(seconds.values()) / 3
    return seconds


def test_1000_items_take_at_most_a_tenth_of_single_requests(new_sender):
    """Both in turn, because the speed of the machine changes: after each bulk a part of the single requests."""
    many, single = new_sender(), new_sender()
    bulk_seconds(many), single_seconds(single, 10)  # To open connections and to compile statements.
    rounds = [(bulk_seconds(many), single_seconds(single, ITEMS // BLOCKS)) for _ in range(BLOCKS)]
    for kind in rounds[0][0]:
        # Not the mean, so that one pause of the machine does not decide.
        of_bulk = statistics.median(many[kind] for many, _ in rounds)
        of_single = BLOCKS * statistics.median(single[kind] for _, single in rounds)
        assert of_bulk <= of_single / 10, f"{kind}: {of_bulk:.3f} s instead of {of_single:.3f} s"


def waits(client, seconds):
    """The seconds of each GET of a task within so many seconds."""
    path, end, durations = f"/{client.create()['id']}", time.monotonic() + seconds, []
    while time.monotonic() < end:
        response, duration = timed(lambda: client.get(path))
        assert response.status == 200
        durations.append(duration)
        time.sleep(0.002)
    return sorted(durations)


def write_until(stop, sender, by_filter, durations):
    """Send one write of 1,000 tasks after the other, without work on the responses that would delay other threads."""
    results, _ = bulk(sender, [{"op": "create", **new(number)} for number in range(ITEMS)])
    updates = [{"op": "update", "id": result["task"]["id"], **CHANGES} for result in results]
    matching = {"filter": {"tags_any": ["home"]}, "max_affected": ITEMS, "op": "update", "title": "By filter"}
    body = json.dumps(matching if by_filter else {"operations": updates})
    while not stop.is_set():
        received, seconds = timed(lambda: sender.send("POST", "/bulk", body))
        assert len(received) > ITEMS * 300
        durations.append(seconds)


@pytest.mark.parametrize("by_filter", [False, True], ids=["list", "filter"])
@pytest.mark.parametrize("users", [1, 4])
def test_reads_of_others_are_quick_while_1000_items_are_written_again_and_again(server, new_sender, users, by_filter):
    """Hardly any read waits as long as one write takes. Both are slower on a busy machine.

    This shows that a write leaves the processor and the database to others. Each writer has one connection; that a user
    with more of them has one such request at a time is in tests/tasks/test_costly.py and tests/server.
    """
    reader, stop, writes = server.client(), threading.Event(), []
    threads = [threading.Thread(target=write_until, args=(stop, new_sender(), by_filter, writes)) for _ in range(users)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    reads = waits(reader, 8)
    stop.set()
    for thread in threads:
        thread.join()
    assert len(writes) > users
    p99 = reads[int(len(reads) * 0.99)]
    assert p99 < statistics.median(writes), (p99, writes)
