"""Bulk writes that race with each other and with all other writes on the same tasks of one user."""

import contextlib
import os
import random
import secrets
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskapp.tasks.errors import ChangeNotFound, NotApplied, TagNotFound, UndoConflict
from taskapp.tasks.tags.service import rename_tag
from taskapp.tasks.undo.service import undo_write
from tests.support import previous_release as old
from tests.support.bulk_user import BulkUser
from tests.support.change_log import assert_whole, read_log, writes_in
from tests.support.postgres import run_sql
from tests.tasks.test_tag_races import deadlocks

ROUNDS = int(os.environ.get("RACE_ROUNDS", "1000"))
TASKS = 12
RACERS = 10


@pytest.fixture(scope="module")
def app(make_app):
    return make_app(THREADS=16, REQUEST_TIMEOUT=20)


@pytest.fixture
def alice(app, database_url):
    with app.app_context():
        yield BulkUser(database_url)


class Race:
    """Writers that write the same tasks at the same time. Only bulk writes and undo change the description."""

    def __init__(self, app, user):
        self._app, self._user, self._stop = app, user, threading.Event()
        self.ids = [user.create(tags=["a"], description="0")["id"] for _ in range(TASKS)]
        self.bulk = []
        self.undone = 0

    def run(self, *others):
        """Run all writers until two of them have made their bulk writes, while a reader looks."""
        bulk = [self._write_lists, self._write_by_filter]
        others = [self._write_single, self._rename, self._undo, self._read, *others]
        with ThreadPoolExecutor(len(bulk) + len(others)) as threads:
            running = [threads.submit(self._repeat, act, number) for number, act in enumerate(others)]
            try:
                for writer in [threads.submit(self._write_all, act, number) for number, act in enumerate(bulk)]:
                    writer.result()
            finally:
                self._stop.set()
            for each in running:
                each.result()

    def _write_all(self, write, number):
        choice = random.Random(number)
        with self._app.app_context():
            for _ in range(ROUNDS // 2):
                written = write(choice)
                assert len(written.tasks) == TASKS
                self.bulk.append(written.change)
                if choice.random() < 0.2:
                    time.sleep(0.05)  # So that some can be undone.

    def _repeat(self, act, number):
        choice = random.Random(number)
        with self._app.app_context():
            while not self._stop.is_set():
                act(choice)

    def _write_lists(self, choice):
        ids, text = choice.sample(self.ids, TASKS), secrets.token_hex(4)
        return self._user.bulk(*({"op": "update", "id": each, "description": text} for each in ids), read=False)

    def _write_by_filter(self, _):
        change = {"op": "update", "description": secrets.token_hex(4), "add_tags": ["f"]}
        return self._user.bulk_by({"status": "all"}, change, read=False)

    def _write_single(self, choice):
        self._user.put({"id": choice.choice(self.ids)}, title=secrets.token_hex(4), completed=choice.random() < 0.5)

    def _rename(self, choice):
        with contextlib.suppress(TagNotFound):
            rename_tag(self._user.user_id, *choice.sample(["a", "b", "f"], 2))

    def _undo(self, _):
        if self.bulk:
            try:
                undo_write(self._user.user_id, self.bulk[-1])
            except (UndoConflict, ChangeNotFound):
                time.sleep(0.001)
            else:
                self.undone += 1

    def _read(self, _):
        tasks = self._user.tasks()
        assert len(tasks) == TASKS
        assert len({task["description"] for task in tasks}) == 1, "A part of a write is seen"


def assert_all_written(race, log, caplog, before, url):
    writes = writes_in(log)
    assert len(set(race.bulk)) == len(race.bulk) == ROUNDS // 2 * 2
    assert {writes[number] for number in race.bulk} == {TASKS}
    assert race.undone
    assert not [record.message for record in caplog.records]  # No deadlock, and no retry.
    time.sleep(1)  # Statistics are late.
    assert deadlocks(url) == before


@pytest.mark.slow
def test_writes_of_this_release(app, alice, database_url, caplog):
    before, race = deadlocks(database_url), Race(app, alice)
    race.run()
    assert_all_written(race, assert_whole(database_url, alice.user_id), caplog, before, database_url)


@pytest.mark.slow
def test_writes_of_the_release_before(app, alice, database_url, caplog):
    """Its statements take no turn. What is logged is true, although it is not everything."""
    before, race, rows = deadlocks(database_url), Race(app, alice), []
    with old.old_worker(database_url, alice.user_id) as one, old.old_worker(database_url, alice.user_id) as other:

        def update(choice):
            rows.append(one(old.UPDATE, task_id=choice.choice(race.ids), title=secrets.token_hex(4)))

        def toggle(choice):
            rows.append(other(old.TOGGLE, task_id=choice.choice(race.ids)))

        race.run(update, toggle)
    log = read_log(database_url, alice.user_id)
    assert_all_written(race, log, caplog, before, database_url)
    # No update is lost: no version was given twice, and the newest is there.
    versions = [(task_id, version) for task_id, version, *_ in rows]
    versions += [(entry["task_id"], entry["number"]) for entry in log]
    assert len(versions) == len(set(versions))
    assert {task["id"]: task["version"] for task in alice.tasks()} == {
        task_id: max(version for each, version in versions if each == task_id) for task_id in race.ids
    }
    titles = {(task_id, version): title for task_id, version, title, _ in rows}
    for entry in log:
        key = (entry["task_id"], entry["previous"])
        if key in titles and "title" in (entry["before"] or ()):
            assert entry["before"]["title"] == titles[key]


def at_once(app, act):
    """Call a function with a number in each of some threads at the same time, and return what they return."""
    start = threading.Barrier(RACERS)

    def call(number):
        with app.app_context():
            start.wait()
            try:
                return act(number)
            except NotApplied as error:
                return error

    with ThreadPoolExecutor(RACERS) as threads:
        return list(threads.map(call, range(RACERS)))


@pytest.mark.parametrize("rounds", [5, pytest.param(200, marks=pytest.mark.slow)])
def test_of_racing_deletions_and_of_racing_uids_one_wins(app, alice, database_url, rounds):
    for _ in range(rounds):
        tasks, uid = [alice.create()["id"] for _ in range(5)], str(uuid.uuid4())

        def delete(number, ids=tasks):
            ids = random.Random(number).sample(ids, len(ids))
            return alice.bulk(*({"op": "delete", "id": task_id} for task_id in ids), read=False)

        def create(number, uid=uid):
            operations = [{"op": "create", "title": "x"}, {"op": "create", "title": f"{number}", "uid": uid}]
            return alice.bulk(*operations, read=False)

        results = at_once(app, delete)
        losers = [result for result in results if isinstance(result, NotApplied)]
        assert len(losers) == RACERS - 1
        assert {tuple(failure.reason for failure in loser.failures) for loser in losers} == {("missing",) * 5}
        results = at_once(app, create)
        losers = [result for result in results if isinstance(result, NotApplied)]
        assert len(losers) == RACERS - 1
        assert {tuple(failure.reason for failure in loser.failures) for loser in losers} == {("taken",)}
    assert len(alice.tasks()) == 2 * rounds
    assert len(assert_whole(database_url, alice.user_id)) == 12 * rounds
    assert run_sql(database_url, "SELECT count(*) FROM tasks WHERE user_id = %s", [alice.user_id]) == [(2 * rounds,)]
