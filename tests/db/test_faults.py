"""Bad days of the database: what clients see, how long it takes, and that nothing is lost or done twice."""

import contextlib
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import psycopg2
import pytest

from tests.support import outages
from tests.support.client import Client, make_token
from tests.support.outages import assert_restart_loses_nothing
from tests.support.processes import (
    Gunicorn,
    at_port,
    connect,
    locked_tasks,
    run_sql,
    seconds_until,
    text_url,
    timed,
    wait_until,
)

pytestmark = pytest.mark.slow

TIMEOUT = 3
assert_unavailable = partial(outages.assert_unavailable, within=TIMEOUT + outages.TOLERANCE)
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture(scope="module")
def port(proxy, database, secret, tmp_path_factory):
    """The service behind the proxy; its log may tell of no defect."""
    url = at_port(proxy.port, database.url)
    log = tmp_path_factory.mktemp("gunicorn") / "log"
    settings = {"DATABASE_URL": text_url(url), "JWT_SECRET": secret, "REQUEST_TIMEOUT": TIMEOUT, "THREADS": 4}
    with Gunicorn(log, **settings) as gunicorn:
        yield gunicorn.port
    assert "Traceback" not in log.read_text()


@pytest.fixture
def user(port, secret):
    client = Client(port, token=make_token(secret, user_id="user"), user_id="user")
    yield client
    client.close()


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


def test_connections_refused_for_a_while_are_waited_for(proxy, user):
    proxy.refuse()
    proxy.cut()
    threading.Timer(1.5, proxy.accept).start()
    answer, seconds = timed(lambda: user.post(json={"title": "late"}))  # Nothing was sent: a write can wait too.
    assert answer.status == 201
    assert 1.2 < seconds < 2.5


def test_connections_refused_for_long_are_unavailable_at_the_deadline(proxy, user):
    proxy.refuse()
    proxy.cut()
    for act in (lambda: user.get(), lambda: user.post(json={"title": "t"})):
        answer, seconds = timed(act)
        assert_unavailable(answer, seconds)
        assert seconds > TIMEOUT - 0.7  # 0.9 of it, less the pause before another try that would be too late.
    proxy.accept()
    assert seconds_until(lambda: user.get("?limit=1").status == 200) < 1


def test_while_it_is_away_not_all_wait(proxy, user, port, secret):
    """Of the 8 threads half may wait for the database; who comes beyond that hears at once that it is away."""
    proxy.refuse()
    proxy.cut()
    token = make_token(secret, user_id="user")

    def ask(_):
        client = Client(port, token=token, user_id="user")
        try:
            return timed(lambda: client.get())
        finally:
            client.close()

    with ThreadPoolExecutor(40) as pool:
        (answers, whole) = timed(lambda: list(pool.map(ask, range(40))))
    for answer, seconds in answers:
        assert_unavailable(answer, seconds)
    assert sum(seconds < 1.5 for _, seconds in answers) >= 30
    live, seconds = timed(lambda: user.request("GET", "/health/live"))
    assert (live.status, seconds < 0.5) == (200, True)
    assert whole < TIMEOUT + 1
    proxy.accept()


def test_statement_lost_in_a_black_hole_is_unavailable_at_the_deadline(proxy, user):
    proxy.black_hole(after=b"INSERT INTO tasks")
    answer, seconds = timed(lambda: user.post(json={"title": "lost answer"}))
    assert_unavailable(answer, seconds)
    proxy.restore()


def test_write_whose_answer_was_lost_happens_once_with_a_key(proxy, user, database):
    proxy.black_hole(after=b"INSERT INTO tasks")
    send = {"json": {"title": "only once"}, "headers": {"Idempotency-Key": "lost-answer"}}
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
            answer = pool.submit(lambda: user.get("?limit=1"))
            wait_until(lambda: run_sql(database.url, WAITING) == [(1,)], "nothing waits for the lock")
            proxy.cut()
        assert answer.result().status == 200


def test_write_whose_connection_breaks_is_not_sent_again(proxy, user, database):
    """Whether it happened nobody knows; only its client may send it again."""
    with ThreadPoolExecutor(1) as pool, locked_tasks(database.url):
        answer = pool.submit(lambda: timed(lambda: user.post(json={"title": "unknown"})))
        wait_until(lambda: run_sql(database.url, WAITING) == [(1,)], "nothing waits for the lock")
        proxy.cut()
        assert_unavailable(*answer.result())
    wait_until(lambda: run_sql(database.url, WAITING) == [(0,)], "something still waits for the lock")
    (count,) = run_sql(database.url, "SELECT count(*) FROM tasks WHERE title = 'unknown'")[0]
    assert count <= 1


def test_latency_is_paid_once(proxy, user):
    user.get("?limit=1")
    proxy.latency = 0.2
    for act in (lambda: user.get("?limit=1"), lambda: user.post(json={"title": "far away"})):
        answer, seconds = timed(act)
        assert answer.status < 300
        assert 0.4 < seconds < 0.75  # There and back, of one message.


def test_cold_start_is_waited_for(proxy, user):
    proxy.cut()
    proxy.cold_start = 1.5
    answer, seconds = timed(lambda: user.get("?limit=1"))
    assert answer.status == 200
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
    answer, seconds = timed(lambda: user.put(f"/{task['id']}", json={"title": "in time"}))
    assert (answer.status, answer.data["title"]) == (200, "in time")
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
        answer, seconds = timed(lambda: user.get("?limit=1"))
        assert answer.status == 200
        assert 0.8 < seconds < TIMEOUT
    finally:
        for connection in taken:
            connection.close()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_restart_under_load_loses_nothing(user, port, secret, database, stop):
    assert_restart_loses_nothing(database, stop, user, port, secret, deadline=TIMEOUT, recovery=1)
