"""Turns: few requests of a process compute at once, and as many may wait as there are threads."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue

import pytest

from taskapp.server.turns import TURNS, Patience, Threads, give_turn_away
from tests.support.client import Client, make_token, scrape
from tests.support.gunicorn import Gunicorn
from tests.support.postgres import locked_tasks
from tests.support.waiting import wait_until

METRICS_TOKEN = "a-token-for-metrics_1"


class Calls:
    """Calls for threads to make, in turn, and what became of them."""

    def __init__(self):
        self._futures = SimpleQueue()

    def submit(self, call, *args):
        future = Future()
        self._futures.put((future, call, args))
        return future

    def take(self):
        task = self._futures.get()
        if task is None:
            self._futures.put(None)  # For the others.
        return task

    def close(self):
        self._futures.put(None)

    @staticmethod
    def make(task):
        future, call, args = task
        future.set_result(call(*args))


@pytest.fixture
def calls():
    return Calls()


@pytest.fixture
def threads(calls):
    threads = Threads(TURNS + 2, calls, calls.make)
    threads.start()
    yield threads
    threads.shutdown(wait=False)


class Tasks:
    """Tasks that begin, and do not end before they may."""

    def __init__(self):
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()

    def work(self):
        self.begun.release()
        assert self.may_end.wait(10)

    def wait_for_long(self):
        give_turn_away()
        self.work()

    def begin(self, count):
        """Return whether so many more begin, and no further one."""
        return all(self.begun.acquire(timeout=5) for _ in range(count)) and not self.begun.acquire(timeout=0.1)


@pytest.mark.usefixtures("threads")
def test_no_more_tasks_are_under_way_than_there_are_turns(calls):
    tasks = Tasks()
    futures = [calls.submit(tasks.work) for _ in range(TURNS + 2)]
    assert tasks.begin(TURNS)
    tasks.may_end.set()
    assert [future.result(5) for future in futures] == [None] * (TURNS + 2)


@pytest.mark.usefixtures("threads")
def test_tasks_that_wait_for_long_are_not_counted(calls):
    tasks = Tasks()
    futures = [calls.submit(tasks.wait_for_long) for _ in range(2)]
    futures += [calls.submit(tasks.work) for _ in range(TURNS + 1)]
    assert tasks.begin(TURNS + 2)  # All threads are taken.
    tasks.may_end.set()
    for future in futures:
        future.result(5)


@pytest.mark.usefixtures("threads")
def test_turns_given_away_come_back(calls):
    for _ in range(3):
        tasks = Tasks()
        waiting = [calls.submit(tasks.wait_for_long) for _ in range(TURNS + 2)]
        assert tasks.begin(TURNS + 2)
        tasks.may_end.set()
        for future in waiting:
            future.result(5)
    tasks = Tasks()
    working = [calls.submit(tasks.work) for _ in range(TURNS + 2)]
    assert tasks.begin(TURNS)
    tasks.may_end.set()
    for future in working:
        future.result(5)


@pytest.mark.usefixtures("threads")
def test_every_task_is_done_once(calls):
    done = []
    for future in [calls.submit(done.append, number) for number in range(100)]:
        future.result(5)
    assert sorted(done) == list(range(100))


def test_shutdown_ends_the_threads_with_what_they_are_at(calls):
    before = set(threading.enumerate())
    threads = Threads(TURNS + 2, calls, calls.make)
    threads.start()
    tasks = Tasks()
    future = calls.submit(tasks.wait_for_long)
    assert tasks.begin(1)
    threads.shutdown(wait=False)
    tasks.may_end.set()
    threads.shutdown(wait=True)
    assert future.done()
    assert set(threading.enumerate()) <= before


def test_nothing_is_started_before_start(calls):
    """A worker makes its threads before it handles signals, and must be able to end without them."""
    before = set(threading.enumerate())
    threads = Threads(TURNS, calls, calls.make)
    done = calls.submit(int, "1")
    assert set(threading.enumerate()) <= before
    threads.start()
    assert done.result(5) == 1
    threads.shutdown(wait=True)


def test_a_turn_is_kept_for_what_is_near_alone():
    patience = Patience()
    kept = []
    for waits in ([0.04], [0.001], [0.04] * 100, [0.04] * 400, [0.001]):
        for wait in waits:
            patience.learn(wait)
        kept.append(patience.seconds > 0)
    assert kept == [False, True, True, False, True]


def test_a_thread_without_a_turn_has_none_to_give():
    give_turn_away()


@pytest.mark.slow
def test_as_many_requests_wait_for_the_database_as_there_are_threads(settings, secret, database_url, tmp_path):
    def ask():
        client = Client(gunicorn.port, token=make_token(secret, user_id="user"), user_id="user")
        try:
            return client.get().status
        finally:
            client.close()

    def waiting():
        return scrape(gunicorn.port, METRICS_TOKEN)["database_pool_connections_in_use",]

    count = TURNS + 5  # One thread is left, for the metrics.
    own = {**settings, "WORKERS": 1, "THREADS": count + 1, "METRICS_TOKEN": METRICS_TOKEN, "TMPDIR": tmp_path}
    with Gunicorn(tmp_path / "log", **own) as gunicorn, ThreadPoolExecutor(count) as pool:
        with locked_tasks(database_url):
            statuses = [pool.submit(ask) for _ in range(count)]
            wait_until(lambda: waiting() == count, "some wait for a turn")
        assert [status.result() for status in statuses] == [200] * count
