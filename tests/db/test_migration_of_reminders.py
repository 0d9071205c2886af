"""The migration to reminders, with the tasks and the writes of the release before."""

import itertools

import pytest
from psycopg2.errors import CheckViolation

from tests.support import release_before_recurrence as old
from tests.support.change_log import assert_whole
from tests.support.commands import downgrade, upgrade
from tests.support.migrations import (
    as_admin,
    database_before,
    interrupt_index_build,
    interrupt_upgrade,
    revision_of,
    upgrade_under_writes,
)
from tests.support.postgres import run_sql

pytestmark = pytest.mark.slow

_names = itertools.count(1)

BEFORE, AFTER = "0009", "0010"
INDEX, CHECK = "ix_tasks_remind_at_user_id", "ck_tasks_reminder"
TASKS = 500
FILL = (
    "INSERT INTO tasks (user_id, title, version) SELECT 'user-' || i %% 70, 'Task ' || i, i / 70 + 1"
    " FROM generate_series(1, %s) i"
)
NEW = ("reminder", "remind_at", "reminded_at")
OLD_FIELDS = "SELECT to_jsonb(tasks) - '{reminder,remind_at,reminded_at}'::text[] FROM tasks ORDER BY id"
OF_TASKS = "relid = 'tasks'::regclass"
CATALOG = (
    f"SELECT attname, atttypid::regtype::text, attacl::text FROM pg_attribute WHERE att{OF_TASKS} AND atttypid > 0",
    "SELECT tablename, policyname, roles, cmd, qual FROM pg_policies",
    f"SELECT conname, convalidated FROM pg_constraint WHERE con{OF_TASKS} AND contype <> 'n'",
    f"SELECT relname, indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE ind{OF_TASKS}",
)
REMIND = """UPDATE tasks SET due_date = '2035-01-01', due_time = '09:00', due_order = '2035-01-01 09:00',
    time_zone = 'UTC', reminder = '{"minutes_before": 30}', remind_at = '2035-01-01 08:30+00'"""


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
    columns, policies, checks, indexes = catalog(url)
    granted = {name: privileges for name, _, privileges in columns if name in NEW}
    of_user, of_courier = f"taskapp_user=aw/{url.username}", f"taskapp_courier=r/{url.username}"
    assert granted == {
        "reminder": f"{{{of_user}}}",
        **dict.fromkeys(("remind_at", "reminded_at"), f"{{{of_user},{of_courier}}}"),
    }
    courier = [(roles, command) for table, name, roles, command, _ in policies if (table, name) == ("tasks", "courier")]
    assert courier == [(["taskapp_courier"], "SELECT")]
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
    assert run_sql(admin, "SELECT count(reminder), count(remind_at), count(reminded_at) FROM tasks") == [(0, 0, 0)]
    run_sql(admin, REMIND)
    reminding = run_sql(admin, state)
    downgrade(url, BEFORE)
    assert run_sql(admin, state) == reminding
    assert catalog(url) == old_catalog
    upgrade(url, AFTER)
    assert_complete(url)
    assert run_sql(admin, state) == reminding


STEPS = {
    "columns, check and policy": ("GRANT", "%ADD COLUMN IF NOT EXISTS reminder%"),
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


def test_release_before_writes_during_and_after_it(make_database):
    """Its writes succeed at every moment, and its log has all of them."""
    url = make_database()
    statements = (old.CREATE, old.UPDATE, old.TOGGLE, old.CLEAR_DAY)
    rounds, _ = upgrade_under_writes(url, AFTER, statements)
    assert_complete(url)
    # Tasks that were created before there were the columns have none in the log.
    empty = '{"reminder": null, "remind_at": null, "reminded_at": null}'
    run_sql(as_admin(url), f"UPDATE changes SET after = '{empty}' || after WHERE before IS NULL")
    for user, number in rounds.items():
        assert len(assert_whole(as_admin(url), user)) == len(statements) * number


def test_release_before_may_take_away_what_minutes_count_from(make_database):
    """It knows neither column of the check, so none of its writes breaks it."""
    url = make_database()
    upgrade(url, AFTER)
    run_sql(as_admin(url), REMIND)
    with old.old_worker(url, "user-1") as send:
        assert send(old.CLEAR_DAY, task_id=1) == 1
        assert send(old.DELETE, task_id=1) == 1
    for change in ("reminder = NULL", "remind_at = NULL"):
        with pytest.raises(CheckViolation, match=CHECK):
            run_sql(as_admin(url), f"UPDATE tasks SET {change}")
