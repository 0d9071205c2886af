"""The text that Citus needs behind each prefix, on plain PostgreSQL that pretends to be Citus.

Here the text changes nothing, because there are no nodes to forward settings to. So the behavior of the service must
be the same, for each acting role. Whether Citus forwards the settings is a test of ``tests/db/test_citus.py``.
"""

import secrets

import psycopg2
import pytest
from flask import current_app
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from sqlalchemy import text

from taskapp.db import prefix
from taskapp.db.engine import connection_of, is_citus
from taskapp.db.errors import DatabaseUnavailable, NodeUnavailable
from taskapp.db.execute import (
    execute,
    execute_as_courier,
    execute_as_eraser,
    execute_as_login_role,
    execute_as_nobody,
    execute_in_turn,
    execute_out_of_turn,
)
from taskapp.db.message import BY_INDEX, NO_NESTED_LOOPS, forward_settings, make_read_only, message_as
from taskapp.db.request_scope import forbid_writes, request_scope
from tests.support.citus import pretend_citus
from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql

STATE = text(
    "SELECT current_user, current_setting('app.user_id', true), current_setting('TimeZone'),"
    " current_setting('citus.propagate_set_commands', true)"
)
BACKEND = text("SELECT pg_backend_pid()")
HOSTILE = ["o'neil", "back\\slash", "'; RESET ROLE; --", "$$", "%s %L", "näme\n", ""]


@pytest.fixture(scope="module")
def citus_url(new_database):
    url = new_database()
    pretend_citus(url)
    return url


@pytest.fixture(scope="module")
def citus_app(make_app, via_pooler, citus_url):
    return make_app(DATABASE_URL=via_pooler(citus_url))


@pytest.fixture
def user(citus_app, secret):
    return LocalUser(citus_app, secret)


def detected():
    with connection_of(current_app.extensions["database"].engine) as connection:
        return is_citus(connection)


def test_mode_is_detected(app, citus_app):
    with citus_app.app_context():
        assert detected()
    with app.app_context():
        assert not detected()


def test_new_connection_is_not_left_in_a_transaction(citus_app):
    with citus_app.app_context(), connection_of(current_app.extensions["database"].engine) as connection:
        assert connection.dbapi_connection.info.transaction_status == TRANSACTION_STATUS_IDLE


def states(user_id):
    """What a statement sees in each way to run it."""
    return {
        "read": execute(STATE, {}, user_id=user_id),
        "write": execute_in_turn(STATE, {}, user_id=user_id),
        "keyed write": execute_in_turn(STATE, {}, user_id=user_id, lock=1),
        "write out of turn": execute_out_of_turn(STATE, {}, user_id=user_id),
        "erasure": execute_as_eraser(STATE, user_id=user_id),
        "courier": execute_as_courier(STATE, {}),
        "nobody": execute_as_nobody(STATE, {}),
    }


@pytest.mark.parametrize("user_id", HOSTILE)
def test_text_is_sent_for_each_role_and_changes_only_its_own_setting(app, citus_app, user_id):
    with citus_app.app_context():
        on_citus = states(user_id)
    with app.app_context():
        plain = states(user_id)
    assert {name: state[0][:3] for name, state in on_citus.items()} == {
        name: state[0][:3] for name, state in plain.items()
    }
    assert on_citus["read"][0][:3] == (prefix.ACTING_ROLE, user_id, "UTC")
    assert {state[0][3] for state in on_citus.values()} == {"local"}
    assert {state[0][3] for state in plain.values()} <= {None, ""}


def test_text_is_sent_in_a_read_only_transaction(citus_app):
    with citus_app.app_context(), request_scope():
        forbid_writes()
        (state,) = execute(STATE, {}, user_id="alice")
        ((read_only,),) = execute(text("SELECT current_setting('transaction_read_only')"), {}, user_id="alice")
    assert (state, read_only) == ((prefix.ACTING_ROLE, "alice", "UTC", "local"), "on")


def test_text_is_not_sent_as_the_login_role(citus_app):
    with citus_app.app_context():
        assert execute_as_login_role(STATE)[0][3] in (None, "")


def test_plain_message_is_sent_as_it_is(app, monkeypatch):
    """A statement on plain PostgreSQL must not even be copied."""
    monkeypatch.setattr("taskapp.db.execute.forward_settings", None)
    with app.app_context():
        assert execute(BACKEND, {}, user_id="")


@pytest.mark.parametrize("before", [prefix.READ, prefix.WRITE, prefix.ERASE, prefix.COURIER])
@pytest.mark.parametrize("change", [lambda message: message, make_read_only], ids=["", "read-only"])
@pytest.mark.parametrize("options", [{}, {BY_INDEX: True}, {BY_INDEX: True, NO_NESTED_LOOPS: True}])
def test_no_set_follows_the_text(before, change, options):
    """Citus would forward the whole message with it. So settings for the planner are within the text."""
    statement = text("SELECT 1").execution_options(**options)
    plain = change(message_as(before, "alice", statement, {}))
    sent = forward_settings(plain).text
    start, rest = sent.split(prefix.FORWARD)
    planning, after = rest.split(prefix.END_OF_FORWARD)
    assert start + planning + after == plain.text
    assert after == "SELECT 1"
    assert planning.count("SET LOCAL") == 2 * len(options)


def test_settings_for_the_planner_take_effect(citus_app):
    shown = text("SELECT current_setting('enable_seqscan'), current_setting('jit')")
    options = {BY_INDEX: True, NO_NESTED_LOOPS: True}
    with citus_app.app_context():
        assert execute(shown.execution_options(**options), {}, user_id="") == [("off", "off")]


# A trigger that fails for the users of one node, as Citus does if the node breaks.
BREAK = """
    CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS
    $$BEGIN IF NEW.title = 'on a dead node' THEN RAISE 'node broke' USING ERRCODE = '{code}'; END IF; RETURN NEW; END$$;
    CREATE TRIGGER break BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION break()
"""
MEND = "DROP FUNCTION break CASCADE"
OF_NODES = ["XX000", "08000", "08006", "57P01", "57P03"]


@pytest.fixture
def breaks(request, citus_url, database_url):
    for url in (citus_url, database_url):
        run_sql(url, BREAK.format(code=request.param))
    yield request.param
    for url in (citus_url, database_url):
        run_sql(url, MEND)


def breaker_is_open():
    return current_app.extensions["database"].breaker.is_open


@pytest.mark.parametrize("breaks", OF_NODES, indirect=True)
def test_node_that_breaks_is_unavailable_for_its_users_only(citus_app, user, caplog, breaks):
    with citus_app.app_context():
        assert user.write().status_code == 201
        backend = execute(BACKEND, {}, user_id="")
        for key in (None, f"key-{breaks}"):
            response = user.write(key, title="on a dead node")
            assert (response.status_code, response.json["error"]["code"]) == (503, "DATABASE_ERROR")
            assert response.headers["Retry-After"] == "1"
        assert not breaker_is_open()
        assert execute(BACKEND, {}, user_id="") == backend  # The session is whole.
        assert user.write().status_code == 201
    lines = [record.message for record in caplog.records if record.name == "taskapp.db.retry"]
    assert lines == ["Database operation failed: node broke"] * 2


@pytest.mark.usefixtures("breaks")
@pytest.mark.parametrize("breaks", ["08006"], indirect=True)
def test_same_error_of_plain_postgresql_opens_the_breaker(app, secret):
    user = LocalUser(app, secret)
    with app.app_context():
        assert user.write(title="on a dead node").status_code == 503
        assert breaker_is_open()
        assert user.write().status_code == 201
        assert not breaker_is_open()


@pytest.mark.usefixtures("breaks")
@pytest.mark.parametrize("breaks", ["XX000"], indirect=True)
def test_internal_error_of_plain_postgresql_spoils_the_session(make_app, database_url, secret):
    app = make_app(DATABASE_URL=database_url)  # Without a pooler, which has sessions of its own.
    user = LocalUser(app, secret)
    with app.app_context():
        backend = execute(BACKEND, {}, user_id="")
        assert user.write(title="on a dead node").status_code == 503
        assert execute(BACKEND, {}, user_id="") != backend


def test_bug_on_citus_is_a_bug(citus_app):
    with citus_app.app_context(), pytest.raises(psycopg2.errors.DivisionByZero):
        execute(text("SELECT 1 / 0"), {}, user_id="")


def test_end_of_the_coordinators_session_is_not_a_node(citus_app):
    ends = text("SELECT pg_terminate_backend(pg_backend_pid())")
    with citus_app.app_context(), pytest.raises(DatabaseUnavailable) as caught:
        execute_as_login_role(ends)
    assert not isinstance(caught.value, NodeUnavailable)


def test_user_ids_stay_apart(citus_app, secret):
    users = [LocalUser(citus_app, secret, f"{secrets.token_hex(4)}-{number}") for number in range(3)]
    for user in users:
        assert user.write(title=user.user_id).status_code == 201
    for user in users:
        assert [task["title"] for task in user.read().json["data"]] == [user.user_id]
