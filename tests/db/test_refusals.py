"""A database that refuses statements, because it is read-only or not set up: 503, one line in the log, no traceback."""

import re

import psycopg2
import pytest
from sqlalchemy import text

from taskapp.db import execute as execute_module
from taskapp.db.errors import DatabaseNotSetUp, DatabaseReadOnly, DatabaseUnavailable, UserBusy
from taskapp.db.execute import execute
from taskapp.db.prefix import ACTING_ROLE
from taskapp.settings import StartupError
from tests.support.commands import upgrade
from tests.support.in_process import LocalUser, assert_refused
from tests.support.postgres import run_sql

CANNOT = f"The role {ACTING_ROLE} cannot read and write the tables."
BACKEND = text("SELECT pg_backend_pid()")


@pytest.fixture(scope="module")
def url(new_database):
    return new_database()


@pytest.fixture
def user(make_app, url, secret):
    """A user of a service with a database that the tests break; its sessions do not know of poolers."""
    return LocalUser(make_app(DATABASE_URL=url), secret)


@pytest.fixture
def outdated(monkeypatch):
    """Every session counts as old."""
    monkeypatch.setattr(execute_module, "_OUTDATED", 0.0)


def reset(url):
    """Let new sessions write again."""
    writing = url.update_query_dict({"options": "-c default_transaction_read_only=off"})
    run_sql(writing, f"ALTER DATABASE {url.database} RESET default_transaction_read_only")


@pytest.fixture
def read_only(url):
    run_sql(url, f"ALTER DATABASE {url.database} SET default_transaction_read_only = on")
    yield
    reset(url)


@pytest.mark.usefixtures("read_only")
def test_write_to_a_read_only_database_is_unavailable(user, caplog):
    for _ in range(3):
        assert_refused(user.write(), "read-only", retry_after="1")
        assert_refused(user.write("key"), "read-only", retry_after="1")
        assert user.read().status_code == 200
    assert user.ready() == {"read_and_write": ["The database is read-only."]}
    (record,) = caplog.records
    assert re.fullmatch(
        r"The database refused a statement: cannot execute \w+ in a read-only transaction \(SQLSTATE 25006\)",
        record.message,
    )
    assert record.exc_info is None


def test_migration_of_a_read_only_database_ends_in_a_sentence(new_database):
    url = new_database("0002")
    run_sql(url, f"ALTER DATABASE {url.database} SET default_transaction_read_only = on")
    with pytest.raises(
        StartupError, match=r"Cannot migrate the database: cannot execute .* in a read-only transaction"
    ):
        upgrade(url)


@pytest.mark.usefixtures("outdated", "read_only")
def test_session_that_is_still_read_only_costs_no_error(user, url):
    assert user.read().status_code == 200
    reset(url)
    assert user.write().status_code == 201
    assert user.ready() == "ok"


@pytest.mark.usefixtures("read_only")
def test_new_session_is_kept_although_it_is_read_only(user):
    with user.app.app_context():
        backend = execute(BACKEND, {}, user_id="")
        assert user.write().status_code == 503
        assert execute(BACKEND, {}, user_id="") == backend


# What breaks the database, what mends it, and the checks that fail.
NOT_SET_UP = {
    "insert": ("REVOKE INSERT (title) ON tasks FROM {role}", "GRANT INSERT (title) ON tasks TO {role}"),
    "role": ("ALTER ROLE {role} RENAME TO gone", "ALTER ROLE gone RENAME TO {role}"),
    "table": ("ALTER TABLE tasks RENAME TO gone", "ALTER TABLE gone RENAME TO tasks"),
    "column": ("ALTER TABLE tasks RENAME title TO gone", "ALTER TABLE tasks RENAME gone TO title"),
    "schema": ("REVOKE USAGE ON SCHEMA public FROM PUBLIC", "GRANT USAGE ON SCHEMA public TO PUBLIC"),
}


@pytest.mark.parametrize("name", NOT_SET_UP)
def test_database_that_is_not_set_up_is_unavailable(user, url, caplog, name):
    breaks, mends = (statement.format(role=ACTING_ROLE) for statement in NOT_SET_UP[name])
    assert user.write().status_code == 201
    run_sql(url, breaks)
    try:
        for _ in range(3):
            assert_refused(user.write(), "not set up", retry_after="60")
        assert "read_and_write" in user.ready()
    finally:
        run_sql(url, mends)
    assert all(record.exc_info is None for record in caplog.records)
    assert len({record.message for record in caplog.records}) == len(caplog.records) <= 2
    assert user.write().status_code == 201
    assert user.ready() == "ok"


def test_log_has_each_missing_privilege_once(user, url, caplog):
    """Although they have the same SQLSTATE, and requests that are refused go on."""
    tables = ("tasks", "idempotency_keys")
    for table in tables:
        run_sql(url, f"REVOKE SELECT ON {table} FROM {ACTING_ROLE}")
    try:
        user.write()
        run_sql(url, f"GRANT SELECT ON tasks TO {ACTING_ROLE}")
        for _ in range(2):
            user.write("key")
    finally:
        for table in tables:
            run_sql(url, f"GRANT SELECT ON {table} TO {ACTING_ROLE}")
    lines = [
        f"The database refused a statement: permission denied for table {table} (SQLSTATE 42501)" for table in tables
    ]
    assert [record.message for record in caplog.records] == lines


def test_readiness_needs_every_privilege_of_the_acting_role(user, url):
    """So that a column of a later migration, or one that was revoked, does not pass unnoticed."""
    privileges = run_sql(
        url,
        "SELECT format('%%s (%%I) ON %%I', privilege_type, column_name, table_name)"
        " FROM information_schema.column_privileges WHERE grantee = %s AND privilege_type <> 'SELECT'"
        " AND (table_name, privilege_type, column_name) <> ('idempotency_keys', 'INSERT', 'created_at')"
        " UNION ALL SELECT format('%%s ON %%I', privilege_type, table_name)"
        " FROM information_schema.table_privileges WHERE grantee = %s AND privilege_type IN ('SELECT', 'DELETE')",
        [ACTING_ROLE, ACTING_ROLE],
    )
    granted_as_a_whole = ("idempotency_keys", "changes")
    for table in granted_as_a_whole:
        names = "SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        ((columns,),) = run_sql(url, names, [table])
        run_sql(url, f"REVOKE INSERT ON {table} FROM {ACTING_ROLE}")
        run_sql(url, f"GRANT INSERT ({columns}) ON {table} TO {ACTING_ROLE}")
    try:
        assert len(privileges) >= 30
        for (privilege,) in privileges:
            run_sql(url, f"REVOKE {privilege} FROM {ACTING_ROLE}")
            failed = user.ready()
            run_sql(url, f"GRANT {privilege} TO {ACTING_ROLE}")
            assert failed == {"read_and_write": [f"The role {ACTING_ROLE} cannot read and write the tables."]}, (
                privilege
            )
        assert user.ready() == "ok"
    finally:
        for table in granted_as_a_whole:
            run_sql(url, f"GRANT INSERT ON {table} TO {ACTING_ROLE}")


def test_readiness_writes_nothing(user, url):
    user.write()
    user.ready()
    state = (
        "SELECT pg_snapshot_xmax(pg_current_snapshot()), (SELECT sum(last_value) FROM pg_sequences),"
        " (SELECT n_tup_ins FROM pg_stat_all_tables WHERE relname = 'tasks')"
    )
    before = run_sql(url, state)
    for _ in range(5):
        assert user.ready() == "ok"
    assert run_sql(url, state) == before


RAISED = {
    DatabaseReadOnly: ["25006"],
    DatabaseNotSetUp: ["0A000", "22023", "3F000", "42501", "42703", "42704", "42P01"],
    DatabaseUnavailable: [
        *("08006", "08P01", "25P02", "25P04", "28000", "28P01", "3D000", "40003", "53100", "53200", "53300", "53400"),
        *("55000", "55006", "57014", "57P01", "57P03", "58000", "58030", "XX000", "XX001", "XX002"),
    ],
    UserBusy: ["55P03"],
    psycopg2.Error: ["22012", "22021", "22P02", "23505", "23514", "42601", "42883", "54000", "P0001"],
}


@pytest.mark.parametrize(("error", "code"), [(error, code) for error, codes in RAISED.items() for code in codes])
def test_sqlstate_says_whether_it_is_a_bug(user, error, code):
    statement = text(f"DO $$ BEGIN RAISE 'reason' USING ERRCODE = '{code}'; END $$")
    with user.app.app_context():
        with pytest.raises((DatabaseUnavailable, psycopg2.Error)) as caught:
            execute(statement, {}, user_id="")
        assert type(caught.value) is error or (error is psycopg2.Error and isinstance(caught.value, error))


@pytest.mark.parametrize(("code", "kept"), [("25P02", False), ("58030", False), ("XX000", False), ("53100", True)])
def test_spoiled_session_is_not_used_again(user, code, kept):
    with user.app.app_context():
        before = execute(BACKEND, {}, user_id="")
        with pytest.raises(DatabaseUnavailable):
            execute(text(f"DO $$ BEGIN RAISE 'reason' USING ERRCODE = '{code}'; END $$"), {}, user_id="")
        assert (execute(BACKEND, {}, user_id="") == before) is kept
