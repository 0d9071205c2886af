"""The turn of a user: the writes of one user run one after the other, and each sees all earlier ones."""

import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskapp.db.prefix import TURNS
from tests.support.in_process import LocalUser, assert_refused
from tests.support.postgres import connect, run_sql
from tests.support.waiting import wait_until

TIMEOUT = 1
# Fewer than the connections of the pooler in tests, so that the others have some.
WAITING = 4


@pytest.fixture(scope="module")
def app(make_app):
    return make_app(REQUEST_TIMEOUT=TIMEOUT)


@pytest.fixture
def alice(app, secret):
    return LocalUser(app, secret)


@contextlib.contextmanager
def held_turn(database_url, user_id):
    """Somebody else holds the turn of a user."""
    with contextlib.closing(connect(database_url)) as session, session.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(hashtextextended(%s, %s))", [user_id, TURNS])
        yield


def waiting(database_url, user_id):
    """How many sessions wait for the turn of a user."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND query LIKE %s"
    return run_sql(database_url, statement, [f"%{user_id}%"])[0][0]


def each_write(user, task_id):
    return {
        "POST": lambda: user.write(),
        "POST with a key": lambda: user.write("key"),
        "PUT": lambda: user.send("PUT", f"/{task_id}", json={"title": "x"}),
        "PATCH": lambda: user.send("PATCH", f"/{task_id}", json={"title": "x"}),
        "complete": lambda: user.send("PATCH", f"/{task_id}/complete", json={"completed": True}),
        "toggle with a key": lambda: user.send("PATCH", f"/{task_id}/complete", key="toggle"),
        "rename": lambda: user.send("PATCH", "?name=a", resource="tags", json={"name": "b"}),
        "remove": lambda: user.send("DELETE", "?name=a", resource="tags"),
        "bulk": lambda: user.send("POST", "/bulk", json={"operations": [{"op": "create", "title": "x"}]}),
        "bulk with a key": lambda: user.send(
            "POST", "/bulk", key="bulk", json={"operations": [{"op": "update", "id": task_id, "title": "x"}]}
        ),
        "by filter": lambda: user.send(
            "POST", "/bulk", json={"filter": {"status": "all"}, "op": "update", "title": "x", "max_affected": 99}
        ),
        "DELETE": lambda: user.send("DELETE", f"/{task_id}"),
        "erase": lambda: user.erase(),
    }


def test_write_without_its_turn_is_a_503_before_the_deadline(alice, app, secret, database_url, caplog):
    task_id = alice.write().json["data"]["id"]
    writes = each_write(alice, task_id).values()

    def timed(write):
        start = time.monotonic()
        return write(), time.monotonic() - start

    with held_turn(database_url, alice.user_id), ThreadPoolExecutor(WAITING) as threads:
        pending = [threads.submit(timed, write) for write in writes]
        wait_until(lambda: waiting(database_url, alice.user_id), "no write waits")
        # Reads and other users are served, so this is no outage.
        assert alice.send("GET", f"/{task_id}").status_code == 200
        assert LocalUser(app, secret).write().status_code == 201
        for response, seconds in [each.result() for each in pending]:
            assert_refused(response, "Your other writes are still in progress.", retry_after="1")
            assert seconds < TIMEOUT + 1
    assert {record.message for record in caplog.records} == {
        "Database operation failed: canceling statement due to lock timeout"
    }
    assert alice.read().json["data"][0]["version"] == 1
    assert {write().status_code for write in writes} == {200, 201, 404}


def test_reads_take_no_turn(alice, database_url):
    task_id = alice.write().json["data"]["id"]
    with held_turn(database_url, alice.user_id):
        for path in ("", f"/{task_id}", "/stats?time_zone=UTC", "?status=pending&count=true"):
            assert alice.send("GET", path).status_code == 200
        assert alice.send("GET", resource="tags").status_code == 200
        body = {"operations": [{"op": "delete", "id": task_id}]}
        assert alice.send("POST", "/bulk?dry_run=true", json=body).status_code == 200


def test_repetition_of_a_request_that_waits_is_refused_at_once(alice, database_url):
    with held_turn(database_url, alice.user_id), ThreadPoolExecutor(1) as thread:
        first = thread.submit(alice.write, "key")
        wait_until(lambda: waiting(database_url, alice.user_id) == 1, "the first request does not wait")
        start = time.monotonic()
        repeated = alice.write("key")
        assert (repeated.status_code, repeated.json["error"]["code"]) == (409, "CONFLICT")
        assert time.monotonic() - start < TIMEOUT / 2
        assert waiting(database_url, alice.user_id) == 1
        assert first.result().status_code == 503
    assert alice.write("key").status_code == 201


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read", "serializable"])
def test_each_write_sees_all_earlier_ones(make_app, new_database, via_pooler, secret, isolation, caplog):
    """Whatever isolation level the database begins sessions with. A toggle that does not see the last one is lost."""
    url = new_database()
    run_sql(url, f"ALTER DATABASE {url.database} SET default_transaction_isolation = '{isolation}'")
    user = LocalUser(make_app(DATABASE_URL=via_pooler(url), THREADS=8), secret)
    task_id, barrier = user.write().json["data"]["id"], threading.Barrier(8)

    def toggle(_):
        barrier.wait()
        responses = [user.send("PATCH", f"/{task_id}/complete") for _ in range(5)]
        return [(response.status_code, response.headers["Change"]) for response in responses]

    with ThreadPoolExecutor(8) as threads:
        toggles = [each for toggles in threads.map(toggle, range(8)) for each in toggles]
    assert sorted(toggles) == sorted((200, str(number)) for number in range(2, 42))
    log = run_sql(url, "SELECT previous, number, before -> 'completed', after -> 'completed' FROM changes ORDER BY 2")
    assert log[1:] == [(number - 1, number, number % 2 == 1, number % 2 == 0) for number in range(2, 42)]
    assert not caplog.records  # None was sent twice, as under an isolation level with a snapshot of before the turn.
