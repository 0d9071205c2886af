"""Kills PostgreSQL while users write many tasks at once, and repeats what got no response."""

import os
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from taskapp.db.errors import DatabaseUnavailable
from tests.support.bulk_user import BulkUser
from tests.support.postgres import postmaster
from tests.support.waiting import wait_until

KILLS = 12


def _processes_of(server):
    """The postmaster of a PostgreSQL, and the processes that it has started."""
    main = postmaster(server)
    return [main, *map(int, Path(f"/proc/{main}/task/{main}/children").read_text().split())]


def _kill(server):
    """Kill all processes of a PostgreSQL at once, and start it again."""
    processes = _processes_of(server)
    for process in processes:
        os.kill(process, signal.SIGKILL)
    wait_until(lambda: not any(Path(f"/proc/{each}").exists() for each in processes), "a process is still there")
    server._start_server()


class RepeatingWriter:
    """A user who makes one write after the other, and repeats each until there is a response.

    Attributes:
        repeated: how often a write got no response.
    """

    def __init__(self, url, number):
        self.user, self.random = BulkUser(url), random.Random(number)
        self.repeated = 0

    def run(self, app, stop):
        """Write until an event is set."""
        with app.app_context():
            while not stop.is_set():
                self.write()

    def write(self):
        """Make a write."""
        raise NotImplementedError

    def repeat(self, act):
        """Call a function until PostgreSQL responds, and return the result."""
        until = time.monotonic() + 60
        while True:
            assert time.monotonic() < until, "there is no response for a minute"
            try:
                return act()
            except DatabaseUnavailable:
                self.repeated += 1
                time.sleep(0.05)


def kill_while_they_write(database, app, writers):
    """Kill PostgreSQL again and again while users write, and check that it was in the middle of their writes."""
    stop, choice = threading.Event(), random.Random(20261126)
    with ThreadPoolExecutor(len(writers)) as threads:
        running = [threads.submit(writer.run, app, stop) for writer in writers]
        try:
            for _ in range(KILLS):
                time.sleep(choice.uniform(0.3, 1.5))
                _kill(database)
            time.sleep(1)
        finally:
            stop.set()
        for each in running:
            each.result()
    assert sum(writer.repeated for writer in writers) >= KILLS // 2
