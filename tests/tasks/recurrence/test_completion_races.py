"""Many clients complete the same occurrence at the same time: one next occurrence, whatever else happens to it."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import previous_release as old
from tests.support.recurring import MONDAY, assert_log, complete, days, following, path_of, recurs
from tests.tasks.test_tag_races import deadlocks

pytestmark = pytest.mark.slow

COMPLETIONS, ROUNDS = 50, 10
NEXT = "2035-01-08"
# Waits that a client should repeat: too many requests of one user, and a turn or a key that others had first.
BUSY = {409, 429, 503}


@pytest.fixture(scope="module")
def server(start_module_server):
    return start_module_server(WORKERS=3, THREADS=8)


@pytest.fixture
def user(server):
    with server.client() as client:
        yield client


class Race:
    """Clients of one user, each with a connection of its own, that write one task."""

    def __init__(self, server, user, task):
        self._server, self._user, self._path = server, user, path_of(task)
        self._start, self.answers = threading.Event(), []

    def run(self, *others):
        """Send all completions, half of them with keys of which two each are the same, and the other writes."""
        bodies = [{"json": {"completed": True}}] * COMPLETIONS
        writes = [("/complete", body, f"key-{n // 4}" if n % 2 else None) for n, body in enumerate(bodies)]
        writes += [(path, body, None) for path, body in others]
        random.shuffle(writes)
        with ThreadPoolExecutor(len(writes)) as threads:
            running = [threads.submit(self._send, *each) for each in writes]
            self._start.set()
            for each in running:
                each.result()
        return [answer for answer in self.answers if answer.json.get("next")]

    def _send(self, path, body, key):
        self._start.wait()
        headers = {"Idempotency-Key": key} if key else {}
        with self._server.client(self._user.user_id) as client:
            while (answer := client.patch(self._path + path, headers=headers, **body)).status in BUSY:
                time.sleep(0.05)
        assert answer.status == 200, answer.body
        self.answers.append(answer)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_racing_completions_make_one_next(server, user, database_url, number):
    before = deadlocks(database_url)
    task = user.create(**recurs())
    edits = [("", {"json": {"title": f"edit {number} {n}"}}) for n in range(3)]
    naming = Race(server, user, task).run(*edits)
    # The retries of a key repeat what the first one said.
    assert len({answer.json["next"]["id"] for answer in naming}) == 1
    assert days(user, "all") == [MONDAY, NEXT]
    assert_log(database_url, user)
    assert deadlocks(database_url) == before


@pytest.mark.parametrize("number", range(ROUNDS))
def test_racing_late_completions_make_one_next(server, user, database_url, number):
    """Their stored days are used up, so another one can get in between the messages of each."""
    early = "2020-01-01"
    task = user.create(**recurs("FREQ=DAILY", early))
    naming = Race(server, user, task).run(("", {"json": {"completed": True, "title": f"{number}"}}))
    (made,) = {answer.json["next"]["due_date"] for answer in naming}
    assert days(user, "all") == [early, made]
    assert_log(database_url, user)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_racing_completions_edits_and_reopenings(server, user, database_url, number):
    before = deadlocks(database_url)
    task = user.create(**recurs())
    edits = [("", {"json": {"title": f"edit {number} {n}"}}) for n in range(3)]
    reopenings = [("/complete", {"json": {"completed": False}})] * 2
    naming = Race(server, user, task).run(*edits, *reopenings, ("/complete", {}))
    complete(user, task)
    assert days(user, "all") == [MONDAY, NEXT]
    log = assert_log(database_url, user)
    made = [entry for entry in log if entry["before"] is None][1:]
    taken_back = [entry for entry in log if entry["after"] is None]
    assert {answer.json["next"]["id"] for answer in naming} <= {entry["task_id"] for entry in made}
    assert len(made) == len(taken_back) + 1
    assert deadlocks(database_url) == before


def test_release_before_completes_at_the_same_time(server, user, database_url):
    """It makes no next occurrence. If it is the first to complete the task, there is none, and nothing breaks."""
    for _ in range(ROUNDS):
        task = user.create(**recurs())
        race = Race(server, user, task)
        with old.old_worker(database_url, user.user_id) as send, ThreadPoolExecutor(1) as thread:
            toggled = thread.submit(lambda s=send, t=task: s(old.TOGGLE, task_id=t["id"]))
            naming = race.run()
            toggled.result()
        assert len({answer.json["next"]["id"] for answer in naming}) <= 2
        complete(user, task, completed=False)
        complete(user, task)
        pending = [
            each
            for each in user.get("?status=pending").data
            if each["recurrence"]["series_id"] == task["recurrence"]["series_id"]
        ]
        assert [each["due_date"] for each in pending] == [NEXT]
        user.request("DELETE", f"/api/{user.user_id}?confirm={user.user_id}")


def test_completion_by_the_release_before_is_taken_up_by_reopening(user, database_url):
    task = user.create(**recurs())
    with old.old_worker(database_url, user.user_id) as send:
        send(old.TOGGLE, task_id=task["id"])
        assert following(complete(user, task)) is None
        send(old.UPDATE, task_id=task["id"], title="old")
    complete(user, task, completed=False)
    assert following(complete(user, task))["title"] == "old"
