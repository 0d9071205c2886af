"""The migration to webhooks, with the log and the writes of a release before."""

import itertools
import time

import pytest

from tests.support import release_before_recurrence as old
from tests.support.change_log import assert_whole
from tests.support.commands import downgrade, upgrade
from tests.support.migrations import (
    as_admin,
    database_before,
    interrupt_upgrade,
    revision_of,
    upgrade_table_in_use,
    upgrade_under_writes,
)
from tests.support.postgres import run_sql

pytestmark = pytest.mark.slow

_names = itertools.count(1)

BEFORE, AFTER = "0008", "0009"
USERS = 50
FILL = (
    "INSERT INTO changes (user_id, number, task_id, at, before, after)"
    " SELECT 'user-' || i, 7, 0, now(), '{}', '{}' FROM generate_series(1, %s) i"
)
LOG = "SELECT pg_relation_filenode('changes'), array_agg(c ORDER BY c) FROM changes c"
# Of every table, but for the default of the acting role's schema.
CATALOG = (
    "SELECT relname, relacl::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')",
    "SELECT attrelid::regclass::text, attname, attacl::text FROM pg_attribute WHERE attacl IS NOT NULL",
    "SELECT tablename, policyname, roles, cmd, qual FROM pg_policies",
)
ADD = (
    "INSERT INTO webhooks (user_id, url, secret, number)"
    " VALUES ('user-1', 'https://tasks.example', decode(repeat('ab', 32), 'hex'), 7)"
)


@pytest.fixture(scope="module")
def make_database(each_postgres):
    """Makes databases of the release before, with a log, each with an owner of its own."""

    def make(attributes="NOSUPERUSER"):
        return database_before(each_postgres, BEFORE, FILL, USERS, attributes)

    return make


def catalog(url):
    return [sorted(run_sql(as_admin(url), query), key=str) for query in CATALOG]


def assert_complete(url):
    """All steps of the migration are done."""
    assert revision_of(url) == [(AFTER,)]
    rls = "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'webhooks'::regclass"
    assert run_sql(url, rls) == [(True, True)]
    policies = "SELECT tablename, policyname, cmd FROM pg_policies WHERE 'taskapp_courier' = ANY(roles) ORDER BY 1"
    assert run_sql(url, policies) == [("changes", "courier", "SELECT"), ("webhooks", "courier", "SELECT")]
    may = "SELECT has_table_privilege('taskapp_eraser', 'webhooks', 'DELETE'), has_schema_privilege(%s, 'public', %s)"
    assert run_sql(url, may, ["taskapp_courier", "USAGE"]) == [(True, True)]
    assert run_sql(url, "SELECT indisvalid FROM pg_index WHERE indrelid = 'webhooks'::regclass") == [(True,)] * 2
    run_sql(url, "SET ROLE taskapp_courier")


def write_each(url):
    """Every kind of write of a release before, by a new user, whose log is then whole."""
    user = f"writer-{next(_names)}"
    with old.old_worker(url, user) as send:
        task, gone = (send(old.CREATE, title=title) for title in ("a", "b"))
        send(old.UPDATE, task_id=task, title="new")
        send(old.TOGGLE, task_id=task)
        send(old.DELETE, task_id=gone)
    run_sql(as_admin(url), "UPDATE changes SET after = '{\"recurrence\": null}' || after WHERE before IS NULL")
    assert len(assert_whole(as_admin(url), user)) == 5


@pytest.mark.parametrize("owner", ["NOSUPERUSER", "NOSUPERUSER BYPASSRLS", "SUPERUSER"])
def test_log_stays_as_it_is_up_and_down(make_database, owner):
    url = make_database(owner)
    admin = as_admin(url)
    before, old_catalog = run_sql(admin, LOG), catalog(url)
    upgrade(url, AFTER)
    assert_complete(url)
    assert run_sql(admin, LOG) == before  # Also: the table was not rewritten.
    as_upgraded = catalog(url)
    run_sql(admin, ADD)
    downgrade(url, BEFORE)
    assert run_sql(admin, LOG) == before
    assert catalog(url) == old_catalog
    write_each(url)
    upgrade(url, AFTER)
    assert_complete(url)
    assert catalog(url) == as_upgraded
    assert run_sql(admin, "SELECT count(*) FROM webhooks") == [(0,)]


def test_only_the_courier_itself_sees_webhooks_of_all_users(make_database):
    """The policies for the role do not apply to its members, such as the owner, nor to the acting role."""
    url = make_database()
    upgrade(url, AFTER)
    run_sql(as_admin(url), ADD)
    count = "SELECT count(user_id) FROM"
    for role, webhooks in (("NONE", 0), ("taskapp_user", 0), ("taskapp_eraser", 0), ("taskapp_courier", 1)):
        assert run_sql(url, f"SET ROLE {role}; {count} webhooks") == [(webhooks,)], role
        assert run_sql(url, f"SET ROLE {role}; {count} changes") == [(webhooks * USERS,)], role


STEPS = {
    "table": ("CREATE TABLE", "%CREATE TABLE webhooks%"),
    "index": ("CREATE INDEX", "%CREATE TABLE webhooks%"),
    "policies": ("CREATE POLICY", "%CREATE TABLE webhooks%"),
    "grants": ("GRANT", "%CREATE TABLE webhooks%"),
    "revision": ("", "UPDATE alembic_version%"),
}


def test_interruption_at_each_step_is_repeated(make_database):
    """The release before can write after each of them."""
    url = make_database()
    for name, (tag, like) in STEPS.items():
        interrupt_upgrade(url, AFTER, tag, like)
        # The table comes with its policies and grants, or not at all.
        assert run_sql(url, "SELECT to_regclass('webhooks') IS NOT NULL") == [(name == "revision",)]
        write_each(url)
    upgrade(url, AFTER)
    assert_complete(url)
    write_each(url)


def test_log_in_use_does_not_block_requests_for_long(make_database):
    """A long transaction uses the log. The migration waits with pauses, in which others proceed."""
    url = make_database()

    def meanwhile():
        started = time.monotonic()
        write_each(url)
        assert time.monotonic() - started < 10

    upgrade_table_in_use(url, AFTER, "changes", "%CREATE TABLE webhooks%", meanwhile)
    assert_complete(url)


def test_release_before_writes_during_and_after_it(make_database):
    """Its writes succeed at every moment, and its log has all of them."""
    url = make_database()
    statements = (old.CREATE, old.UPDATE, old.TOGGLE)
    rounds, _ = upgrade_under_writes(url, AFTER, statements)
    assert_complete(url)
    run_sql(as_admin(url), "UPDATE changes SET after = '{\"recurrence\": null}' || after WHERE before IS NULL")
    for user, number in rounds.items():
        assert len(assert_whole(as_admin(url), user)) == len(statements) * number
    assert min(rounds.values()) > 5
