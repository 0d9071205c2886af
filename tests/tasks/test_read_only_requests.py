"""Reads, and tokens that only read, write nothing even if the code is wrong: the database rejects it."""

from contextlib import contextmanager

import psycopg2
import pytest
from sqlalchemy import text

from taskapp.auth import guard
from taskapp.db import message
from taskapp.db.errors import DatabaseReadOnly, DatabaseUnavailable
from taskapp.db.execute import execute, execute_as_login_role, execute_in_turn
from taskapp.db.request_scope import forbid_writes, request_scope
from tests.support.calendars import CALENDAR
from tests.support.client import make_token
from tests.support.contract import DOCUMENT
from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql
from tests.support.webhooks import WEBHOOK

MODE = text("SELECT current_setting('transaction_read_only')")
BACKEND = text("SELECT pg_backend_pid()")
INSERT = text("INSERT INTO tasks (user_id, title) VALUES (:acting_user, 'planted') RETURNING id")
PLANT = "INSERT INTO tasks (user_id, title) VALUES (%(acting_user)s, 'planted');\n"
# Each read of the database. Health checks try whether users can write, so they are not among them.
READS = [path for path, item in DOCUMENT["paths"].items() if "get" in item and "{" in path]


@pytest.fixture
def user(app, secret):
    return LocalUser(app, secret)


@pytest.fixture
def paths(user):
    """A path that exists for each read."""
    task = user.send("POST", json={"title": "x"}).json["data"]
    calendar = user.send("POST", resource="calendars", json=CALENDAR).json["data"]
    webhook = user.send("POST", resource="webhooks", json=WEBHOOK).json["data"]
    values = {"user_id": user.user_id, "task_id": task["id"], "number": task["version"], "calendar_id": calendar["id"]}
    values["webhook_id"] = webhook["id"]
    values["token"] = calendar["url"].rpartition("/")[2].removesuffix(".ics")
    query = {"/api/{user_id}/tasks/stats": "?time_zone=UTC", "/api/{user_id}/changes": "?after=0"}
    return {path: path.format(**values) + query.get(path, "") for path in READS}


@pytest.fixture
def sabotaged(monkeypatch):
    """Makes every statement insert a task too, as a bug might."""
    compile_statement = message.compile_statement

    def compile_with_insert(statement):
        compiled = compile_statement(statement)
        return compiled._replace(text=PLANT + compiled.text)

    def sabotage():
        monkeypatch.setattr(message, "compile_statement", compile_with_insert)

    return sabotage


@contextmanager
def read_only_request(app):
    with app.app_context(), request_scope():
        forbid_writes()
        yield


def planted(database_url, user):
    statement = "SELECT count(*)::int FROM tasks WHERE user_id = %s AND title = 'planted'"
    return run_sql(database_url, statement, [user.user_id])[0][0]


def assert_rejected(response, caplog):
    assert response.status_code == 500
    assert b"25006" not in response.data
    assert "read-only" not in response.text
    (record,) = caplog.records
    assert isinstance(record.exc_info[1], psycopg2.errors.ReadOnlySqlTransaction)
    caplog.clear()


def test_no_read_can_write(user, paths, sabotaged, caplog, database_url):
    http = user.app.test_client()
    headers = {"Authorization": user._authorization}
    assert {http.get(path, headers=headers).status_code for path in paths.values()} == {200}
    sabotaged()
    assert len(paths) >= 10
    for path in paths.values():
        for method in ("GET", "HEAD"):
            assert_rejected(http.open(path, method=method, headers=headers), caplog)
    assert planted(database_url, user) == 0
    assert user.write().status_code == 201  # In a write, the same is not noticed.
    assert planted(database_url, user) == 1


def test_read_that_turns_out_to_be_a_write_fails(user, monkeypatch, caplog, database_url):
    """The same for the prefix of writes, with its turn and its locks."""
    write = lambda *_, user_id, **__: execute_in_turn(INSERT, {}, user_id=user_id, lock=1)  # noqa: E731
    monkeypatch.setattr("taskapp.tasks.service.execute", write)
    assert_rejected(user.read(), caplog)
    assert planted(database_url, user) == 0


@pytest.mark.parametrize("granted", ["tasks:read", ""])
def test_token_that_cannot_write_does_not_even_without_the_check_of_scopes(
    make_app, secret, monkeypatch, caplog, database_url, granted
):
    monkeypatch.setattr(guard, "_check_scope", lambda *_: None)
    user = LocalUser(make_app(JWT_SCOPES="on"), secret)
    token = make_token(secret, {"sub": user.user_id, "exp": 4_000_000_000, "scope": granted})
    headers = {"Authorization": f"Bearer {token}"}
    http, tasks = user.app.test_client(), f"/api/{user.user_id}/tasks"
    for key in ({}, {"Idempotency-Key": "key"}):
        assert_rejected(http.post(tasks, json={"title": "planted"}, headers={**headers, **key}), caplog)
    assert_rejected(http.delete(f"/api/{user.user_id}?confirm={user.user_id}", headers=headers), caplog)
    assert http.get(tasks, headers=headers).json["data"] == []
    assert planted(database_url, user) == 0


def test_mode_ends_with_the_request(app):
    with app.app_context():
        before = execute(BACKEND, {}, user_id="")
        assert execute(MODE, {}, user_id="alice") == execute_as_login_role(MODE) == [("off",)]
        with request_scope():
            assert execute(MODE, {}, user_id="alice") == [("off",)]
            forbid_writes()
            assert execute(MODE, {}, user_id="alice") == [("on",)]
            assert execute_in_turn(MODE, {}, user_id="alice", lock=1) == [("on",)]
            assert execute_as_login_role(MODE) == [("on",)]
            with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
                execute(INSERT, {}, user_id="alice")
        assert execute(MODE, {}, user_id="alice") == [("off",)]
        assert execute(BACKEND, {}, user_id="") == before


def test_expression_cannot_take_the_mode_back(app):
    injected = text("SELECT set_config('transaction_read_only', 'off', true)")
    with read_only_request(app), pytest.raises(DatabaseUnavailable, match="must be set before any query"):
        execute(injected, {}, user_id="alice")


def test_write_of_a_read_is_a_bug_even_if_the_database_is_read_only(make_app, new_database, via_pooler):
    url = new_database()
    run_sql(url, f"ALTER DATABASE {url.database} SET default_transaction_read_only = on")
    app = make_app(DATABASE_URL=via_pooler(url).render_as_string(hide_password=False))
    with app.app_context(), pytest.raises(DatabaseReadOnly):
        execute(INSERT, {}, user_id="alice")
    with read_only_request(app):
        assert execute(MODE, {}, user_id="alice") == [("on",)]
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            execute(INSERT, {}, user_id="alice")


def test_writes_are_forbidden_to_a_request_only():
    with pytest.raises(RuntimeError):
        forbid_writes()
