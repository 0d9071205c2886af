"""The migration to recurring tasks, with the tasks and the writes of the release before."""

import itertools
import re
import time

import pytest
from psycopg2.errors import CheckViolation

from config import ROOT
from tests.support import release_before_recurrence as old
from tests.support.change_log import assert_whole
from tests.support.commands import downgrade, upgrade
from tests.support.migrations import (
    as_admin,
    database_before,
    interrupt_index_build,
    interrupt_upgrade,
    revision_of,
    upgrade_table_in_use,
    upgrade_under_writes,
)
from tests.support.postgres import run_sql

pytestmark = pytest.mark.slow

_names = itertools.count(1)

BEFORE, AFTER = "0006", "0007"
INDEX, CHECK = "uq_tasks_user_id_occurrence", "ck_tasks_recurrence"
TASKS = 500
FILL = (
    "INSERT INTO tasks (user_id, title, version) SELECT 'user-' || i %% 70, 'Task ' || i, i / 70 + 1"
    " FROM generate_series(1, %s) i"
)
OLD_FIELDS = "SELECT to_jsonb(tasks) - 'recurrence' FROM tasks ORDER BY id"
OF_TASKS = "relid = 'tasks'::regclass"
CATALOG = (
    f"SELECT attname, atttypid::regtype::text, attacl::text FROM pg_attribute WHERE att{OF_TASKS} AND atttypid > 0",
    "SELECT policyname, roles, cmd, qual FROM pg_policies",
    f"SELECT conname, convalidated FROM pg_constraint WHERE con{OF_TASKS} AND contype <> 'n'",
    f"SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE ind{OF_TASKS}",
)
RECUR = """UPDATE tasks SET due_date = '2035-01-01', due_order = '2035-01-02', time_zone = 'UTC', recurrence =
    jsonb_build_object('rule', 'FREQ=DAILY', 'series_id', id, 'occurrence', '2035-01-01', 'upcoming', '[]'::jsonb)"""


@pytest.fixture(scope="module")
def make_database(each_postgres):
    """Makes databases of the release before, with tasks, each with an owner of its own."""

    def make(attributes="NOSUPERUSER"):
        return database_before(each_postgres, BEFORE, FILL, TASKS, attributes)

    return make


def catalog(url):
    return [sorted(run_sql(as_admin(url), query)) for query in CATALOG]


def assert_complete(url):
    """All steps of the migration are done."""
    assert revision_of(url) == [(AFTER,)]
    columns, _, checks, indexes = catalog(url)
    assert ("recurrence", "jsonb", f"{{taskapp_user=aw/{url.username}}}") in columns
    assert (CHECK, True) in checks
    assert (INDEX, True) in indexes
    assert all(is_valid for _, is_valid in checks + indexes)


def write_each(url):
    """Every kind of write of the release before, by a new user, whose log is then whole. Two tasks stay."""
    user = f"writer-{next(_names)}"
    with old.old_worker(url, user) as send:
        task, other, gone = (send(old.CREATE, title=title) for title in ("a", "b", "c"))
        send(old.UPDATE, task_id=task, title="new")
        send(old.TOGGLE, task_id=task)
        send(old.CLEAR_DAY, task_id=other)
        send(old.DELETE, task_id=gone)
    assert len(assert_whole(as_admin(url), user)) == 7


@pytest.mark.parametrize("owner", ["NOSUPERUSER", "NOSUPERUSER BYPASSRLS", "SUPERUSER"])
def test_tasks_stay_as_they_are_up_and_down(make_database, owner):
    url = make_database(owner)
    admin = as_admin(url)
    state = f"SELECT pg_relation_filenode('tasks'), array_agg(t) FROM ({OLD_FIELDS}) t"
    before, old_catalog = run_sql(admin, state), catalog(url)
    upgrade(url, AFTER)
    assert_complete(url)
    assert run_sql(admin, state) == before  # Also: the table was not rewritten.
    assert run_sql(admin, "SELECT count(recurrence) FROM tasks") == [(0,)]
    run_sql(admin, RECUR)
    recurring = run_sql(admin, state)
    downgrade(url, BEFORE)
    assert run_sql(admin, state.replace(" - 'recurrence'", "")) == recurring
    assert catalog(url) == old_catalog
    upgrade(url, AFTER)
    assert_complete(url)
    assert run_sql(admin, state) == recurring


STEPS = {
    "column and check": ("GRANT", "%ADD COLUMN IF NOT EXISTS recurrence%"),
    "validation": ("ALTER TABLE", f"%; ALTER TABLE tasks VALIDATE CONSTRAINT {CHECK}"),
    "index": ("CREATE INDEX", f"%{INDEX}%"),
    "revision": ("", "UPDATE alembic_version%"),
}


def test_interruption_at_each_step_is_repeated(make_database):
    """The release before can write after each of them."""
    url = make_database()
    for name, (tag, like) in STEPS.items():
        interrupt_upgrade(url, AFTER, tag, like)
        # The check comes without a scan of the table, under an exclusive lock, and is validated without one.
        assert ((CHECK, False) in catalog(url)[2]) == (name == "validation")
        write_each(url)
    upgrade(url, AFTER)
    assert_complete(url)
    write_each(url)


@pytest.mark.parametrize("interrupt", ["pg_cancel_backend", "pg_terminate_backend"])
def test_interrupted_index_build_is_repeated(make_database, interrupt):
    url = make_database()
    interrupt_index_build(url, AFTER, INDEX, interrupt, lambda: write_each(url))
    upgrade(url, AFTER)
    assert_complete(url)


def test_table_in_use_does_not_block_requests_for_long(make_database):
    """A long transaction uses the table. The migration waits with pauses, in which others proceed."""
    url = make_database()

    def meanwhile():
        started = time.monotonic()
        run_sql(as_admin(url), "SELECT count(*) FROM tasks")
        assert time.monotonic() - started < 1.5

    upgrade_table_in_use(url, AFTER, "tasks", "%ADD COLUMN%", meanwhile)
    assert_complete(url)


def test_release_before_writes_during_and_after_it(make_database):
    """Its writes succeed at every moment, soon, and its log has all of them."""
    url = make_database()
    statements = (old.CREATE, old.UPDATE, old.TOGGLE, old.CLEAR_DAY)
    rounds, longest = upgrade_under_writes(url, AFTER, statements)
    assert_complete(url)
    assert longest < 2
    # Tasks that were created before there was the column have none in the log.
    run_sql(as_admin(url), "UPDATE changes SET after = '{\"recurrence\": null}' || after WHERE before IS NULL")
    for user, number in rounds.items():
        assert len(assert_whole(as_admin(url), user)) == len(statements) * number
    assert min(rounds.values()) > 5


def statements_of_the_documentation():
    text = (ROOT / "docs/migrations.md").read_text()
    section = text.split("### Recurring tasks (`0007`)")[1].split("\n### ")[0]
    return re.findall(r'psql "\$MIGRATION_DATABASE_URL" -c "([^"]+)"', section)


def test_release_before_can_clear_days_again_with_the_statements_of_the_documentation(make_database):
    url = make_database()
    upgrade(url, AFTER)
    drop, restore = statements_of_the_documentation()
    definition = f"SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = '{CHECK}'"
    as_upgraded = run_sql(url, definition)
    run_sql(as_admin(url), RECUR)
    with old.old_worker(url, "user-1") as send:
        with pytest.raises(CheckViolation):
            send(old.CLEAR_DAY, task_id=1)
        run_sql(url, drop)
        assert send(old.CLEAR_DAY, task_id=1) == 1
    run_sql(url, restore)
    assert_complete(url)
    assert run_sql(url, definition) == as_upgraded
    assert run_sql(as_admin(url), "SELECT id FROM tasks WHERE recurrence IS NULL") == [(1,)]
