"""Outages of the database: responses, how long they take, and that nothing is lost or done twice."""

import contextlib
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg2
import pytest

from tests.support import outages
from tests.support.gunicorn import Gunicorn
from tests.support.outages import assert_restart_loses_nothing
from tests.support.postgres import connect, locked_tasks, run_sql
from tests.support.urls import at_port
from tests.support.waiting import seconds_until, timed, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

TIMEOUT = 3
assert_unavailable = partial(outages.assert_unavailable, within=TIMEOUT + outages.TOLERANCE)
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture(scope="module")
def service(proxy, database, secret, tmp_path_factory):
    """The service behind the proxy; its log may hold no traceback."""
    url = at_port(proxy.port, database.url)
    log = tmp_path_factory.mktemp("gunicorn") / "log"
    with Gunicorn(log, DATABASE_URL=url, JWT_SECRET=secret, REQUEST_TIMEOUT=TIMEOUT, THREADS=4) as service:
        yield service
    assert "Traceback" not in log.read_text()


@pytest.fixture
def user(service):
    with service.client("user") as client:
        yield client


@pytest.fixture(autouse=True)
def healthy(proxy, user):
    """Each test begins and ends with a service that works."""
    user.create()
    yield
    proxy.latency = proxy.cold_start = 0
    proxy.accept()
    wait_until(lambda: user.get("?limit=1").status == 200, "it does not recover", 10)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_idle_connections_cut_cost_no_error(proxy, user, reset):
    for act in (lambda: user.get(), lambda: user.post(json={"title": "t"})):
        proxy.cut(reset=reset)
        time.sleep(0.1)
        assert act().status < 300


def test_refused_connections_are_waited_for(proxy, user):
    proxy.refuse()
    proxy.cut()
    threading.Timer(1.5, proxy.accept).start()
    response, seconds = timed(lambda: user.post(json={"title": "late"}))  # Nothing was sent: a write can wait too.
    assert response.status == 201
    assert 1.2 < seconds < 2.5


def test_refused_connections_are_unavailable_at_the_deadline(proxy, user):
    proxy.refuse()
    proxy.cut()
    for act in (lambda: user.get(), lambda: user.post(json={"title": "t"})):
        response, seconds = timed(act)
        assert_unavailable(response, seconds)
        assert seconds > TIMEOUT - 0.7  # 0.9 of it, less the pause before another try that would be too late.
    proxy.accept()
    assert seconds_until(lambda: user.get("?limit=1").status == 200) < 1


def test_while_it_is_unavailable_not_all_threads_wait(proxy, user, service):
    """Half of the 8 threads may wait for the database; requests beyond that get a 503 at once."""
    proxy.refuse()
    proxy.cut()

    def send(number):
        with service.client(f"user-{number}") as client:  # One user has a quarter of the threads.
            return timed(client.get)

    with ThreadPoolExecutor(40) as pool:
        (responses, whole) = timed(lambda: list(pool.map(send, range(40))))
    for response, seconds in responses:
        assert_unavailable(response, seconds)
    assert sum(seconds < 1.5 for _, seconds in responses) >= 30
    live, seconds = timed(lambda: user.request("GET", "/health/live"))
    assert (live.status, seconds < 0.5) == (200, True)
    assert whole < TIMEOUT + 1
    proxy.accept()


def test_statement_in_a_black_hole_is_unavailable_in_time(proxy, user):
    proxy.black_hole(after=b"INSERT INTO tasks")
    response, seconds = timed(lambda: user.post(json={"title": "lost response"}))
    assert_unavailable(response, seconds)
    proxy.restore()


def test_write_whose_response_was_lost_happens_once(proxy, user, database):
    proxy.black_hole(after=b"INSERT INTO tasks")
    send = {"json": {"title": "only once"}, "headers": {"Idempotency-Key": "lost-response"}}
    assert user.post(**send).status == 503
    proxy.restore()
    wait_until(lambda: user.get("?limit=1").status == 200, "it does not recover")
    again = user.post(**send)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert run_sql(database.url, "SELECT count(*) FROM tasks WHERE title = 'only once'") == [(1,)]


def test_read_whose_connection_breaks_is_sent_again(proxy, user, database):
    """A lock holds the read until its connection is cut."""
    with ThreadPoolExecutor(1) as pool:
        with locked_tasks(database.url):
            response = pool.submit(lambda: user.get("?limit=1"))
            wait_until(lambda: run_sql(database.url, WAITING) == [(1,)], "nothing waits for the lock")
            proxy.cut()
        assert response.result().status == 200


def test_write_whose_connection_breaks_is_not_sent_again(proxy, user, database):
    """It may have happened; only its client may send it again."""
    with ThreadPoolExecutor(1) as pool, locked_tasks(database.url):
        response = pool.submit(lambda: timed(lambda: user.post(json={"title": "unknown"})))
        wait_until(lambda: run_sql(database.url, WAITING) == [(1,)], "nothing waits for the lock")
        proxy.cut()
        assert_unavailable(*response.result())
    wait_until(lambda: run_sql(database.url, WAITING) == [(0,)], "something still waits for the lock")
    (count,) = run_sql(database.url, "SELECT count(*) FROM tasks WHERE title = 'unknown'")[0]
    assert count <= 1


def test_latency_is_paid_once(proxy, user):
    user.get("?limit=1")
    proxy.latency = 0.2
    for act in (lambda: user.get("?limit=1"), lambda: user.post(json={"title": "far away"})):
        response, seconds = timed(act)
        assert response.status < 300
        assert 0.4 < seconds < 0.75  # There and back, of one message.


def test_cold_start_is_waited_for(proxy, user):
    proxy.cut()
    proxy.cold_start = 1.5
    response, seconds = timed(lambda: user.get("?limit=1"))
    assert response.status == 200
    assert 1.4 < seconds < TIMEOUT


def test_lock_on_the_row_is_waited_for_until_the_deadline(user, database):
    task = user.create()
    holder = connect(database.url)
    cursor = holder.cursor()
    cursor.execute("BEGIN")
    cursor.execute("SELECT * FROM tasks WHERE id = %s FOR UPDATE", [task["id"]])
    assert_unavailable(*timed(lambda: user.put(f"/{task['id']}", json={"title": "too late"})))
    assert user.get(f"/{task['id']}").data == task  # Reads do not wait, and others are not refused.
    threading.Timer(1, cursor.execute, ["ROLLBACK"]).start()
    response, seconds = timed(lambda: user.put(f"/{task['id']}", json={"title": "in time"}))
    assert (response.status, response.data["title"]) == (200, "in time")
    assert 0.9 < seconds < TIMEOUT
    holder.close()


def test_too_many_connections_are_waited_for(proxy, user, database):
    proxy.cut()
    taken = []
    try:
        with contextlib.suppress(psycopg2.OperationalError):
            while True:
                taken.append(connect(database.url))
        threading.Timer(1, taken.pop().close).start()
        response, seconds = timed(lambda: user.get("?limit=1"))
        assert response.status == 200
        assert 0.8 < seconds < TIMEOUT
    finally:
        for connection in taken:
            connection.close()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_restart_under_load_loses_nothing(user, service, database, stop):
    assert_restart_loses_nothing(database, stop, user, service, deadline=TIMEOUT, recovery=1)
