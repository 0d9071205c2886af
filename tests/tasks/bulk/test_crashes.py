"""PostgreSQL is killed in the middle of bulk writes: each is there whole or not at all, and a retry makes it once."""

import os
import random
import secrets
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from taskapp.db.errors import DatabaseUnavailable
from taskapp.db.idempotency import RequestKey
from tests.support.bulk_user import BulkUser
from tests.support.change_log import assert_whole
from tests.support.postgres import postmaster, run_sql
from tests.support.urls import text_url
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

KILLS = 12
USERS = 3
EACH = 250


@pytest.fixture(scope="module")
def crashing(database, make_app):
    return make_app(DATABASE_URL=text_url(database.url), THREADS=8, REQUEST_TIMEOUT=10)


def processes_of(server):
    """The postmaster of a PostgreSQL, and the processes that it has started."""
    main = postmaster(server)
    return [main, *map(int, Path(f"/proc/{main}/task/{main}/children").read_text().split())]


def kill(server):
    """Kill all processes of a PostgreSQL at once, and start it again."""
    processes = processes_of(server)
    for process in processes:
        os.kill(process, signal.SIGKILL)
    wait_until(lambda: not any(Path(f"/proc/{each}").exists() for each in processes), "a process is still there")
    server._start_server()


class Writer:
    """A user who makes bulk writes of 1,000 operations, and repeats each with its key until there is a response."""

    def __init__(self, url, number):
        self.user, self._random = BulkUser(url), random.Random(number)
        self.numbers, self.repeated, self.replayed = [], 0, 0
        self._new = [{"op": "create", "title": "new"} for _ in range(2 * EACH)]

    def run(self, app, stop):
        with app.app_context():
            while not stop.is_set():
                self._write(self._operations())

    def _operations(self):
        """As many creates as deletes, and updates, in any order. At first, creates only."""
        ids = [task["id"] for task in self.user.tasks(fields=("id",))] if self.numbers else []
        if not ids:
            return self._new * 2
        operations = [
            *self._new[:EACH],
            *({"op": "delete", "id": task_id} for task_id in ids[:EACH]),
            *({"op": "update", "id": task_id, "title": secrets.token_hex(4)} for task_id in ids[EACH : 3 * EACH]),
        ]
        return self._random.sample(operations, len(operations))

    def _write(self, operations):
        key = RequestKey(secrets.token_hex(8), b"x")
        until = time.monotonic() + 60
        while True:
            assert time.monotonic() < until, "there is no response for a minute"
            try:
                written = self.user.bulk(*operations, key=key, read=False)
            except DatabaseUnavailable:
                self.repeated += 1
                time.sleep(0.05)
                continue
            assert len(written.tasks) == 4 * EACH
            self.numbers.append(written.change)
            self.replayed += written.replayed
            return


def retrying(act):
    """Read while PostgreSQL may be down."""
    while True:
        try:
            return act()
        except DatabaseUnavailable:
            time.sleep(0.05)


def test_each_write_is_there_whole_and_once(crashing, database):
    stop, choice = threading.Event(), random.Random(20261126)
    writers = [Writer(database.url, number) for number in range(USERS)]
    for writer in writers:
        read = writer.user.tasks
        writer.user.tasks = lambda read=read, **query: retrying(lambda: read(**query))
    with ThreadPoolExecutor(USERS) as threads:
        running = [threads.submit(writer.run, crashing, stop) for writer in writers]
        try:
            for _ in range(KILLS):
                time.sleep(choice.uniform(0.3, 1.5))
                kill(database)
            time.sleep(1)
        finally:
            stop.set()
        for each in running:
            each.result()
    for writer in writers:
        log = assert_whole(database.url, writer.user.user_id)
        assert len(log) == 4 * EACH * len(writer.numbers)
        assert [entry["operation"] for entry in log[:: 4 * EACH]] == writer.numbers
        count = "SELECT count(*) FROM tasks WHERE user_id = %s"
        assert run_sql(database.url, count, [writer.user.user_id]) == [(4 * EACH,)]
    assert sum(writer.repeated for writer in writers) >= KILLS // 2  # The writes were in progress.
