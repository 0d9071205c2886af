"""Readiness on Citus, on plain PostgreSQL that pretends to be Citus.

A further part of the text stands for nodes that break: it fails for some users, on the server, as Citus does.
"""

import pytest

from taskapp.db import prefix
from tests.support.citus import pretend_citus
from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql

pytestmark = pytest.mark.slow

DISTRIBUTE = """
    SELECT create_distributed_table(name, 'user_id') FROM unnest(ARRAY['tasks', 'changes', 'idempotency_keys',
        'calendars', 'webhooks']::regclass[]) AS named (name);
    GRANT INSERT ON tasks, calendars, webhooks TO taskapp_user
"""
UNFORCE = "ALTER TABLE {0} NO FORCE ROW LEVEL SECURITY"
BREAK = "IF {condition} THEN {breaks}; END IF;\n"
FORWARD = prefix.FORWARD
TURNS = "CREATE SEQUENCE turns; GRANT USAGE ON SEQUENCE turns TO taskapp_user"
REFUSES = "RAISE 'node broke' USING ERRCODE = '08006'"


@pytest.fixture
def url(new_database):
    url = new_database()
    pretend_citus(url)
    for table in ("tasks", "changes", "idempotency_keys", "calendars", "webhooks"):
        run_sql(url, UNFORCE.format(table))
    run_sql(url, DISTRIBUTE)
    return url


@pytest.fixture
def user(url, make_app, via_pooler, secret):
    return LocalUser(make_app(DATABASE_URL=via_pooler(url), REQUEST_TIMEOUT=4), secret)


@pytest.fixture
def break_nodes(monkeypatch):
    """Makes statements of users who are not nobody fail, under a condition."""

    def start(condition, breaks):
        condition = f"current_setting('app.user_id') <> '' AND {condition}"
        monkeypatch.setattr(prefix, "FORWARD", FORWARD + BREAK.format(condition=condition, breaks=breaks))

    return start


def test_ready_when_all_is_well(user):
    assert user.ready() == "ok"


def test_ready_if_citus_is_there_but_nothing_is_distributed(url, user):
    run_sql(url, "DELETE FROM pg_dist_partition; REVOKE INSERT ON tasks FROM taskapp_user")
    run_sql(url, "GRANT INSERT (user_id) ON tasks TO taskapp_user")
    assert user.ready() == {"read_and_write": ["The role taskapp_user cannot read and write the tables."]}
    run_sql(url, "GRANT INSERT ON tasks TO taskapp_user")
    assert user.ready() == "ok"


def test_not_ready_without_the_grants_that_shards_require(url, user):
    run_sql(url, "REVOKE INSERT ON tasks FROM taskapp_user; GRANT INSERT (user_id, title) ON tasks TO taskapp_user")
    (problem,) = user.ready()["read_and_write"]
    assert problem == "The role taskapp_user cannot read and write the tables. Run 'flask shard --apply'."


def test_not_ready_with_a_table_that_is_not_distributed(url, user):
    run_sql(url, "DELETE FROM pg_dist_partition WHERE logicalrelid IN ('webhooks'::regclass, 'changes'::regclass)")
    (problem,) = user.ready()["read_and_write"]
    assert problem == "Tables are not distributed: changes, webhooks. Run 'flask shard --apply'."


def test_not_ready_if_it_is_read_only(url, user):
    run_sql(url, f"ALTER DATABASE {url.database} SET default_transaction_read_only = on")
    assert user.ready() == {"read_and_write": ["The database is read-only."]}


def test_not_ready_if_nodes_do_not_get_the_acting_user(user, monkeypatch):
    """What a node sees without the text is what this one sees here: a user without a name."""
    monkeypatch.setattr(prefix, "FORWARD", "DO $$BEGIN SET LOCAL app.user_id TO '';\n")
    (problem,) = user.ready()["read_and_write"]
    assert problem.startswith("A node of the cluster does not get the acting user")


def test_not_ready_without_row_level_security(url, user):
    run_sql(url, "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY")
    assert user.ready().keys() == {"row_level_security", "read_and_write"}


@pytest.mark.parametrize("breaks", [REFUSES, "RAISE 'node broke' USING ERRCODE = 'XX000'"])
def test_ready_while_some_nodes_are_dead(url, user, break_nodes, caplog, breaks):
    """Three of four probes find a dead node."""
    run_sql(url, TURNS)
    break_nodes("mod(nextval('turns'), 4) > 0", breaks)
    assert [user.ready() for _ in range(5)] == ["ok"] * 5
    assert {record.message for record in caplog.records} == {"Database operation failed: node broke"}


def test_ready_while_a_node_is_silent(url, user, break_nodes):
    """A probe that waits is given up early enough for the next ones."""
    run_sql(url, TURNS)
    break_nodes("nextval('turns') < 3", "PERFORM pg_sleep(60)")
    assert user.ready() == "ok"
    assert run_sql(url, "SELECT last_value FROM turns") == [(3,)]


def test_not_ready_if_no_node_responds(user, break_nodes):
    break_nodes("true", REFUSES)
    assert user.ready() == {"read_and_write": ["No node of the cluster responds."]}
    break_nodes("false", REFUSES)
    assert user.ready() == "ok"


def test_not_ready_without_the_coordinator(url, user):
    run_sql(url.set(database="postgres"), f"DROP DATABASE {url.database} WITH (FORCE)")
    assert user.ready().keys() == {"database"}
