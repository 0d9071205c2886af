"""A ledger in the manner of Jepsen: clients write while the network, PostgreSQL and workers fail at random. Afterwards
the database holds exactly the acknowledged writes: none is lost, and none happened twice. Clients that follow the feed
of changes meanwhile hold the same.

Every write has a key, and is retried with it until there is a response other than 503. Some writes change several
tasks. The version of a task is the number of its user's change, so a write that happened twice is found. `make chaos`
runs it longer; the seed is printed with -s.
"""

import os
import random
import secrets
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from tests.support.change_log import assert_whole
from tests.support.faults import FaultProxy
from tests.support.gunicorn import Gunicorn
from tests.support.postgres import durable_postgres, restart, run_sql
from tests.support.urls import at_port

pytestmark = pytest.mark.slow

SECONDS = float(os.environ.get("CHAOS_SECONDS", "60"))
SEED = os.environ.get("CHAOS_SEED", "20261123").replace("random", str(secrets.randbelow(2**32)))
CLIENTS = 8
TIMEOUT = 3


class Writer:
    """A user who writes, with a ledger of all acknowledged writes: title, completed and version of each task."""

    def __init__(self, number, server):
        self.user_id = f"writer-{number}"
        self.ledger = {}
        # Each change takes the next number, and all of them are acknowledged in the end.
        self.writes = self.changes = self.repeats = 0
        self.longest = 0.0
        self._random = random.Random(f"{SEED} {number}")
        self._client = server.client(self.user_id)

    def run(self, stop):
        while not stop.is_set():
            self._write()
        self._client.close()

    def _write(self):
        self.writes += 1
        title = f"{self.user_id} {self.writes}"
        action = self._random.choice(["create", "change", "complete", "delete", "bulk"]) if self.ledger else "create"
        task_id = self._random.choice(list(self.ledger)) if self.ledger else None
        if action == "bulk":
            self._write_many(title)
            return
        self.changes += 1
        if action == "create":
            response = self._send("POST", "", {"title": title})
            assert response.status == 201, response.body
            self.ledger[response.data["id"]] = (title, False, self.changes)
            return
        old_title, completed, _ = self.ledger[task_id]
        if action == "delete":
            response = self._send("DELETE", f"/{task_id}")
            del self.ledger[task_id]
        elif action == "change":
            response = self._send("PUT", f"/{task_id}", {"title": title})
            self.ledger[task_id] = (title, completed, self.changes)
        else:
            response = self._send("PATCH", f"/{task_id}/complete")
            self.ledger[task_id] = (old_title, not completed, self.changes)
        assert response.status == 200, response.body

    def _write_many(self, title):
        """Create a task, change some, and delete one, in any order."""
        deleted, *changed = self._random.sample(list(self.ledger), min(20, len(self.ledger)))
        operations = [{"op": "create", "title": title}, {"op": "delete", "id": deleted}]
        operations += [{"op": "update", "id": task_id, "title": title} for task_id in changed]
        self._random.shuffle(operations)
        response = self._send("POST", "/bulk", {"operations": operations})
        assert response.status == 200, response.body
        for result in response.data["results"]:
            self.changes += 1
            if "id" in result:
                del self.ledger[result["id"]]
            else:
                task_id = result["task"]["id"]
                self.ledger[task_id] = (title, self.ledger.get(task_id, (title, False))[1], self.changes)

    def _send(self, method, path, body=...):
        """Send a write until there is a response; a toggle too, because its key makes it happen once."""
        key = {"Idempotency-Key": f"{self.user_id}-{self.writes}"}
        until = time.monotonic() + 60
        while True:
            start = time.monotonic()
            assert start < until, "there is no response for a minute, but no fault lasts so long"
            try:
                response = self._client.request(method, self._client.tasks + path, json=body, headers=key)
            except (OSError, HTTPException):  # A worker was killed.
                self._client.close()
                time.sleep(0.05)
                continue
            finally:
                self.longest = max(self.longest, time.monotonic() - start)
            # 409: the first request with the key is still running, after its connection was lost.
            if response.status not in (409, 503):
                return response
            assert "Retry-After" in response.headers
            self.repeats += 1
            time.sleep(0.05)


class Follower:
    """Another client of a writer's user: keeps a mirror of the tasks by following the feed of changes."""

    def __init__(self, user_id, server):
        self.mirror = {}
        self._numbers = []
        self._client = server.client(user_id)

    def run(self, stop):
        while not stop.wait(0.2):
            self._poll()
        self._client.close()

    def catch_up(self):
        """Follow the feed to its end, after all faults."""
        while (more := self._poll()) is not False:
            time.sleep(0 if more else 0.1)
        self._client.close()
        assert self._numbers == list(range(1, len(self._numbers) + 1))

    def _poll(self):
        """Apply the next page, if there is one, and return whether anything is new; None if there is no response."""
        path = f"/api/{self._client.user_id}/changes?after={len(self._numbers)}&limit=50"
        try:
            response = self._client.request("GET", path)
        except (OSError, HTTPException):
            self._client.close()
            return None
        if response.status == 503:
            return None
        assert response.status == 200, response.body
        for entry in response.data:
            self._numbers.append(entry["number"])
            if (task := entry["task"]) is None:
                self.mirror.pop(entry["task_id"], None)
            else:
                self.mirror[task["id"]] = (task["title"], task["completed"], task["version"])
        return bool(response.data)


class Chaos:
    """Does something bad, waits, and makes it good again."""

    def __init__(self, proxy, postgres, gunicorn):
        self._proxy, self._postgres, self._gunicorn = proxy, postgres, gunicorn
        self._random = random.Random(SEED)
        self.done = []

    def strike(self):
        fault = self._random.choice([self.cut, self.reset, self.refuse, self.hole, self.slow, self.restart, self.kill])
        self.done.append(fault.__name__)
        fault()
        time.sleep(self._random.uniform(0.2, 1.5))

    def cut(self):
        self._proxy.cut()

    def reset(self):
        self._proxy.cut(reset=True)

    def refuse(self):
        self._proxy.refuse()
        self._proxy.cut()
        time.sleep(self._random.uniform(0.2, TIMEOUT + 1))
        self._proxy.accept()

    def hole(self):
        self._proxy.black_hole()
        time.sleep(self._random.uniform(0.2, TIMEOUT + 1))
        self._proxy.restore()

    def slow(self):
        self._proxy.latency = 0.1
        time.sleep(self._random.uniform(0.2, 1))
        self._proxy.latency = 0

    def restart(self):
        restart(self._postgres, self._random.choice([signal.SIGINT, signal.SIGQUIT]))

    def kill(self):
        os.kill(self._random.choice(self._gunicorn.workers()), signal.SIGKILL)


def stored(postgres, user_id):
    rows = run_sql(postgres.url, "SELECT id, title, completed, version FROM tasks WHERE user_id = %s", [user_id])
    return {task_id: tuple(rest) for task_id, *rest in rows}


@pytest.fixture
def database(tmp_path):
    with durable_postgres(tmp_path / "postgres") as server:
        yield server


def test_database_holds_exactly_what_was_acknowledged(database, secret, tmp_path):
    stop = threading.Event()
    with FaultProxy(database.socket) as proxy:
        url = at_port(proxy.port, database.url)
        settings = {"DATABASE_URL": url, "JWT_SECRET": secret, "REQUEST_TIMEOUT": TIMEOUT, "THREADS": 8}
        with Gunicorn(tmp_path / "log", **settings) as gunicorn, ThreadPoolExecutor(2 * CLIENTS) as pool:
            writers = [Writer(number, gunicorn) for number in range(CLIENTS)]
            followers = [Follower(writer.user_id, gunicorn) for writer in writers]
            running = [pool.submit(each.run, stop) for each in (*writers, *followers)]
            chaos = Chaos(proxy, database, gunicorn)
            end = time.monotonic() + SECONDS
            try:
                while time.monotonic() < end:
                    chaos.strike()
            finally:
                stop.set()
            for each in running:
                each.result()
            for follower in followers:
                follower.catch_up()
    writes = sum(writer.writes for writer in writers)
    repeats = sum(writer.repeats for writer in writers)
    sys.stdout.write(f"seed {SEED}: {writes} writes, {repeats} responses of 503, faults: {chaos.done}\n")
    for writer, follower in zip(writers, followers, strict=True):
        assert stored(database, writer.user_id) == writer.ledger == follower.mirror
        assert len(assert_whole(database.url, writer.user_id)) == writer.changes
        assert writer.longest < TIMEOUT + 2
    assert writes > SECONDS
