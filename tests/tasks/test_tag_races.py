"""Renames and removals of tags that race with each other, with other writes, and with their own retries."""

import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from taskapp.tasks.errors import TagNotFound
from taskapp.tasks.service import update_task
from taskapp.tasks.tags import service
from tests.support.postgres import connect, run_sql
from tests.support.retries import assert_replayed
from tests.support.waiting import wait_until

RACERS = 50


def fill(database_url, user_id, tags, number=200):
    """Store tasks of one user that have the same tags, and return their ids."""
    rows = run_sql(
        database_url,
        "INSERT INTO tasks (user_id, title, tags) SELECT %s, 't', %s FROM generate_series(1, %s) RETURNING id",
        [user_id, tags, number],
    )
    return [task_id for (task_id,) in rows]


def deadlocks(database_url):
    return run_sql(
        database_url,
        "SELECT pg_stat_clear_snapshot(), deadlocks FROM pg_stat_database WHERE datname = current_database()",
    )[0][1]


@pytest.fixture
def at_once(app):
    """Runs functions at the same time, each in a thread, and returns what they return; None without such a tag."""

    def run(functions):
        start = threading.Barrier(len(functions))

        def call(function):
            with app.app_context():
                start.wait()
                try:
                    return function()
                except TagNotFound:
                    return None

        with ThreadPoolExecutor(len(functions)) as threads:
            return list(threads.map(call, functions))

    return run


def tags_of(user):
    return [task["tags"] for task in user.get().data]


def test_racing_renames_wait_for_each_other(alice, at_once, database_url):
    """In all directions, on tasks that are stored in another order than that of their ids."""
    user = alice.user_id
    ids = fill(database_url, user, ["a"])
    run_sql(database_url, "UPDATE tasks SET title = 'u' WHERE id = ANY (%s)", [ids[::3]])  # Moves them to the end.
    before = deadlocks(database_url)
    names = ["a", "b", "c"]
    changes = [(names[number % 3], names[(number + 1 + number // 3 % 2) % 3]) for number in range(RACERS)]
    changed = at_once([lambda pair=pair: service.rename_tag(user, *pair) for pair in changes])
    assert deadlocks(database_url) == before
    assert {result.tasks for result in changed if result} <= {200}  # All or nothing.
    (left,) = {tuple(tags) for tags in tags_of(alice)}
    assert len(left) == 1
    versions = sorted(task["version"] for task in alice.get().data)
    first = 1 + 200 * (sum(result is not None for result in changed) - 1) + 1
    assert versions == list(range(first, first + 200))


def test_rename_racing_patches_loses_neither(alice, at_once, database_url):
    user, ids = alice.user_id, fill(database_url, alice.user_id, ["home"], RACERS - 2)

    def patch(number, task_id):
        changes = {"add_tags": [f"{number:02}"], "remove_tags": []} if number % 2 else {"title": "changed"}
        return update_task(user, task_id, **changes)

    patches = [lambda n=number, i=task_id: patch(n, i) for number, task_id in enumerate(ids)]
    renames = [lambda: service.rename_tag(user, "home", "house"), lambda: service.rename_tag(user, "home", "m")]
    results = at_once([*patches[:20], *renames, *patches[20:]])
    assert [result and result.tasks for result in results[20:22]] in ([len(ids), None], [None, len(ids)])
    name = "house" if results[20] else "m"
    for number, task in enumerate(reversed(alice.get().data)):
        expected = ([f"{number:02}", name], "t") if number % 2 else ([name], "changed")
        assert (task["tags"], task["title"]) == expected
    logged = run_sql(database_url, "SELECT task_id FROM changes WHERE user_id = %s", [user])
    assert sorted(logged) == sorted([(task_id,) for task_id in ids] * 2)


def test_tag_that_is_removed_while_the_rename_waits_stays_removed(alice, new_client, database_url):
    """The task is read again once it is locked. What another request adds meanwhile is kept."""
    ids = fill(database_url, alice.user_id, ["home", "x"], 2)
    with connect(database_url) as blocker, blocker.cursor() as cursor:
        blocker.autocommit = False
        cursor.execute("UPDATE tasks SET tags = '{a,x}' WHERE id = %s", [ids[0]])
        renamed = {}

        def rename():
            with new_client(alice.user_id) as user:
                path = f"{user.tags}?name=home"
                renamed["response"] = user.request("PATCH", path, json={"name": "house"})

        thread = threading.Thread(target=rename)
        thread.start()
        wait_until(lambda: waiting(database_url, alice.user_id), "the rename does not wait")
        blocker.commit()
        thread.join()
    blocker.close()
    assert renamed["response"].data["tasks"] == 1
    assert tags_of(alice) == [["house", "x"], ["a", "x"]]


def waiting(database_url, part):
    """The sessions that wait for a lock, and whose query has a part among its first 1,024 bytes."""
    return run_sql(
        database_url,
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s",
        [f"%{part}%"],
    )


@pytest.mark.slow
def test_deadlock_with_somebody_else_is_retried(alice, at_once, database_url):
    """A statement of an operator locks the tasks in another order. PostgreSQL ends the rename, which runs again."""
    ids, before = fill(database_url, alice.user_id, ["home"], 2), deadlocks(database_url)

    def rename():
        return service.rename_tag(alice.user_id, "home", "house")

    def operate():
        with connect(database_url) as other, other.cursor() as cursor:
            other.autocommit = False
            # The one that detects the deadlock ends: the rename, after the default of a second.
            cursor.execute("SET LOCAL deadlock_timeout = '30s'; UPDATE tasks SET title = 'x' WHERE id = %s", [ids[1]])
            wait_until(lambda: waiting(database_url, alice.user_id), "the rename does not wait")
            cursor.execute("UPDATE tasks SET title = 'x' WHERE id = %s", [ids[0]])
        other.close()

    results = at_once([operate, lambda: (wait_until(lambda: holds(database_url, ids[1]), "no lock"), rename())[1]])
    assert results[1].tasks == 2
    assert deadlocks(database_url) == before + 1
    assert [(task["title"], task["tags"]) for task in alice.get().data] == [("x", ["house"])] * 2


def holds(database_url, task_id):
    try:
        run_sql(database_url, "SELECT 1 FROM tasks WHERE id = %s FOR UPDATE NOWAIT", [task_id])
    except psycopg2.errors.LockNotAvailable:
        return True
    return False


# Idempotency keys.


def send(user, method, key, name="home", new_name="house"):
    options = {"json": {"name": new_name}} if method == "PATCH" else {}
    path = f"{user.tags}?name={name}"
    return user.request(method, path, headers={"Idempotency-Key": key}, **options)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_retry_returns_the_first_response_and_writes_nothing(alice, method):
    task = alice.create(tags=["home"])
    first = send(alice, method, "key")
    assert first.data["tasks"] == 1
    alice.patch(f"/{task['id']}", json={"tags": ["home", "house"]})
    assert_replayed(first, send(alice, method, "key"))
    assert tags_of(alice) == [["home", "house"]]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_key_of_another_tag_is_rejected(alice, method):
    """The tag is in the query, so the query is a part of the request that the key stands for."""
    alice.create(tags=["home", "garden"])
    assert send(alice, method, "key").status == 200
    response = send(alice, method, "key", name="garden")
    assert (response.status, list(response.error["details"])) == (422, ["Idempotency-Key"])
    assert alice.patch("/1/complete", headers={"Idempotency-Key": "key"}).status == 422
    assert "garden" in tags_of(alice)[0]


def test_key_of_a_request_that_found_nothing_is_not_stored(alice):
    assert send(alice, "PATCH", "key").error["code"] == "TAG_NOT_FOUND"
    alice.create(tags=["home"])
    assert send(alice, "PATCH", "key").data["tasks"] == 1
    assert send(alice, "PATCH", "same", name="house").headers["Idempotency-Replayed"] is None
    assert send(alice, "PATCH", "same", name="house").data == {"name": "house", "tasks": 0}


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_racing_requests_with_one_key_write_once(alice, new_client, database_url, method):
    fill(database_url, alice.user_id, ["home"])
    racers = [new_client(alice.user_id) for _ in range(RACERS)]
    with ThreadPoolExecutor(RACERS) as threads:
        responses = list(threads.map(lambda racer: send(racer, method, "key"), racers))
    written = [response for response in responses if response.status != 409]
    assert {(response.status, response.data["tasks"]) for response in written} == {(200, 200)}
    assert [response.headers["Idempotency-Replayed"] for response in written].count(None) == 1
    assert sorted(task["version"] for task in alice.get().data) == list(range(2, 202))
