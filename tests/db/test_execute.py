"""How statements reach PostgreSQL while it is slow, unavailable, or available again."""

import threading
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import text

from taskapp.db import db, engine
from taskapp.db.deadline import seconds_in_queue
from taskapp.db.errors import DatabaseUnavailable, StatementTooSlow
from taskapp.db.execute import execute, execute_as_login_role
from taskapp.db.request_scope import request_scope
from tests.support.faults import FaultProxy
from tests.support.ports import free_port
from tests.support.postgres import run_sql
from tests.support.urls import at_port

BACKEND = text("SELECT pg_backend_pid()")


@pytest.fixture
def impatient(make_app):
    return make_app(REQUEST_TIMEOUT=1)


def seconds(act):
    """Return how long something takes until it raises that the database is not available."""
    start = time.monotonic()
    with pytest.raises(DatabaseUnavailable):
        act()
    return time.monotonic() - start


def test_statement_that_takes_too_long_is_cancelled(impatient):
    with impatient.app_context():
        before = execute(BACKEND, {}, user_id="")[0][0]
        assert 0.8 < seconds(lambda: execute(text("SELECT pg_sleep(5)"), {}, user_id="")) < 4
        assert execute(BACKEND, {}, user_id="")[0][0] == before  # The connection is still used.


def test_statement_may_have_a_share_of_the_timeout(app):
    """The database is not at fault, so nothing is retried or discarded, and no outage begins."""
    with app.app_context():
        before = execute(BACKEND, {}, user_id="")[0][0]
        began = time.monotonic()
        with pytest.raises(StatementTooSlow):
            execute(text("SELECT pg_sleep(5)"), {}, user_id="", can_retry=True, share=0.02)
        assert 0.19 < time.monotonic() - began < 2
        assert not app.extensions["database"].breaker.is_open
        assert execute(BACKEND, {}, user_id="")[0][0] == before


def test_share_never_extends_the_deadline(impatient):
    with impatient.app_context(), request_scope():
        execute(text("SELECT pg_sleep(0.5)"), {}, user_id="")
        assert seconds(lambda: execute(text("SELECT pg_sleep(5)"), {}, user_id="", share=0.6)) < 0.6


# The server then knows of no timeout, as a pooler that holds the statement does not.
HANG = text("SET LOCAL statement_timeout TO 0; SELECT pg_sleep(5)")


def test_server_that_hangs_is_unavailable_at_the_deadline(impatient):
    with impatient.app_context():
        before = execute(BACKEND, {}, user_id="")[0][0]
        assert 0.95 <= seconds(lambda: execute_as_login_role(HANG)) < 4
        assert execute(BACKEND, {}, user_id="")[0][0] != before  # The old one may still get a late response.


def test_connection_that_died_while_idle_is_replaced_unseen(app, database_url):
    with app.app_context():
        before = execute(BACKEND, {}, user_id="")[0][0]
        run_sql(database_url, "SELECT pg_terminate_backend(%s, 1000)", [before])
        assert execute(BACKEND, {}, user_id="")[0][0] != before


def test_connection_that_dies_in_use_is_unavailable_once(app):
    with app.app_context():
        with pytest.raises(DatabaseUnavailable):
            execute_as_login_role(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        assert execute(BACKEND, {}, user_id="")


def test_database_that_cannot_be_reached_is_unavailable(make_app, via_pooler, database_url):
    for url in (
        at_port(free_port(), database_url),
        via_pooler(database_url).set(database="no_such_database"),
        database_url.set(query={"host": "/no/such/folder"}),
    ):
        app = make_app(DATABASE_URL=url, REQUEST_TIMEOUT=1)
        with app.app_context():
            assert 0.5 < seconds(lambda: execute(BACKEND, {}, user_id="")) < 4  # It was tried until the deadline.
            assert seconds(lambda: execute_as_login_role(BACKEND)) < 4


def test_pool_that_is_used_up_is_unavailable_at_the_deadline(make_app):
    app = make_app(REQUEST_TIMEOUT=1, THREADS=1)
    with app.app_context(), db.engine.connect():
        assert 0.9 < seconds(lambda: execute(BACKEND, {}, user_id="")) < 4


def test_write_that_timed_out_is_not_done_later(make_app, database_url):
    """A write that got a 503 after it waited for a connection has no time left in the database either."""
    app = make_app(REQUEST_TIMEOUT=1, THREADS=1)
    user_id = "given-up"

    def wait_then_write():
        with app.app_context():
            execute(
                text("INSERT INTO tasks (user_id, title) SELECT 'given-up', 'x' FROM pg_sleep(0.6)"),
                {},
                user_id=user_id,
            )

    with app.app_context():
        busy = db.engine.connect()
    thread = threading.Thread(target=lambda: (time.sleep(0.6), busy.close()))
    thread.start()
    assert seconds(wait_then_write) < 4
    thread.join()
    time.sleep(0.8)
    assert run_sql(database_url, "SELECT * FROM tasks WHERE user_id = 'given-up'") == []


@pytest.mark.slow
def test_dead_connections_one_after_another_are_unavailable(app, monkeypatch):
    class Readable:
        def register(self, *_):
            pass

        def poll(self, _):
            return [True]

    with app.app_context():
        execute(BACKEND, {}, user_id="")
        monkeypatch.setattr(engine.select, "poll", Readable)
        with pytest.raises(DatabaseUnavailable):
            execute(BACKEND, {}, user_id="")


def test_bug_in_a_statement_is_no_failure_of_the_database(app):
    with app.app_context(), pytest.raises(Exception, match="division by zero"):
        execute(text("SELECT 1 / 0"), {}, user_id="")


def test_times_are_in_utc_whatever_the_server_is_set_to(app, database_url):
    run_sql(database_url, f"ALTER DATABASE {database_url.database} SET timezone = 'Asia/Kathmandu'")
    try:
        with app.app_context():
            db.engine.dispose()
            ((now,),) = execute(text("SELECT now()"), {}, user_id="")
            assert abs(now - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=1)
    finally:
        run_sql(database_url, f"ALTER DATABASE {database_url.database} RESET timezone")


def test_application_connects_to_nothing_before_a_request(make_app, database_url):
    app = make_app(DATABASE_URL=at_port(free_port(), database_url))
    assert app.test_client().get("/health/live").status_code == 200


def test_first_connection_that_breaks_is_unavailable(make_app, new_database, postgres):
    """SQLAlchemy asks the first connection of all for the server's version and more."""
    with FaultProxy(postgres.socket) as proxy:
        url = at_port(proxy.port, new_database())
        app = make_app(DATABASE_URL=url, REQUEST_TIMEOUT=1)
        proxy.black_hole(after=b"version()")
        with app.app_context():
            assert seconds(lambda: execute(BACKEND, {}, user_id="")) < 2
            proxy.restore()
            assert execute(BACKEND, {}, user_id="")


@pytest.mark.parametrize("run", [execute_as_login_role, partial(execute, parameters={}, user_id="")])
def test_request_whose_time_is_up_costs_no_connection(make_app, run, caplog):
    def late():
        token = seconds_in_queue.set(9.5)
        try:
            with request_scope():
                return seconds(lambda: run(BACKEND))
        finally:
            seconds_in_queue.reset(token)

    app = make_app()
    with app.app_context():
        before = execute(BACKEND, {}, user_id="")
        assert late() < 0.1
        assert execute(BACKEND, {}, user_id="") == before
    assert [record.message for record in caplog.records] == [
        "The deadline of a request passed before its statement was sent"
    ]
