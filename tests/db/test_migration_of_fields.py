"""The migration to due dates, priority and tags, with the tasks and the writes of the release before."""

import contextlib
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from config import ROOT
from tests.support.commands import downgrade, flask, upgrade
from tests.support.migrations import as_admin, database_before, interrupt_index_build, upgrade_table_in_use
from tests.support.postgres import connect, run_sql

BEFORE, AFTER = "0004", "0005"
# More than one batch. Some users have several tasks, and some batches end between the tasks of a user.
TASKS = 2_500
FILL = (
    "INSERT INTO tasks (user_id, title, completed, version, updated_at)"
    " SELECT 'user-' || i %% 700, 'Task ' || i, i %% 3 = 0, i %% 5 + 1, now() - i * interval '1 hour'"
    " FROM generate_series(1, %s) i"
)
# The statements of the release before.
AS_ALICE = "SELECT set_config('role', 'taskapp_user', true), set_config('app.user_id', 'alice', true);"
INSERT = f"{AS_ALICE} INSERT INTO tasks (user_id, title, description, completed) VALUES ('alice', 't', null, true)"
TOGGLE = f"{AS_ALICE} UPDATE tasks SET completed = NOT completed, version = version + 1, updated_at = clock_timestamp()"
LIST = f"{AS_ALICE} SELECT id FROM tasks ORDER BY id LIMIT 50"
CONTRADICTING = "SELECT count(*) FROM tasks WHERE completed = (completed_at IS NULL)"
INDEXES = "SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = 'tasks'::regclass AND "
# What the release before knows of a task.
OLD_FIELDS = "SELECT user_id, id, title, description, completed, version, created_at, updated_at FROM tasks ORDER BY id"


@pytest.fixture(scope="module")
def make_database(each_postgres):
    """Makes databases of the release before, with tasks, each with an owner of its own."""

    def make(attributes="NOSUPERUSER", tasks=TASKS):
        return database_before(each_postgres, BEFORE, FILL, tasks, attributes)

    return make


def assert_complete(url):
    """All steps of the migration are done."""
    assert run_sql(url, "SELECT version_num FROM alembic_version") == [(AFTER,)]
    assert run_sql(url, f"{INDEXES} NOT indisvalid") == []
    new = f"{INDEXES} relname ~ 'due_order|completed_at|uid' ORDER BY 1"
    assert [name for (name,) in run_sql(url, new)] == [
        "ix_tasks_user_id_completed_at_id",
        "ix_tasks_user_id_due_order_id",
        "uq_tasks_user_id_uid",
    ]
    checks = "SELECT conname FROM pg_constraint WHERE conrelid = 'tasks'::regclass AND contype = 'c' AND convalidated"
    assert {name for (name,) in run_sql(url, checks)} == {
        *(f"ck_tasks_{name}" for name in ("due", "due_order", "due_years", "priority", "tags")),
        *(f"ck_tasks_{name}" for name in ("title_not_blank", "user_id_not_empty")),
    }
    assert run_sql(as_admin(url), "SELECT count(*) FROM tasks WHERE uid IS NULL") == [(0,)]


@pytest.mark.parametrize(
    "owner",
    [
        "NOSUPERUSER",
        pytest.param("NOSUPERUSER BYPASSRLS", marks=pytest.mark.slow),
        pytest.param("SUPERUSER", marks=pytest.mark.slow),
    ],
)
def test_tasks_are_filled_and_else_unchanged(make_database, owner):
    url = make_database(owner)
    admin = as_admin(url)
    state = f"SELECT pg_relation_filenode('tasks'), array_agg(t) FROM ({OLD_FIELDS}) t"
    before = run_sql(admin, state)
    upgrade(url, AFTER)
    assert run_sql(admin, state) == before  # Also: the table was not rewritten.
    assert_complete(url)
    assert run_sql(admin, "SELECT count(DISTINCT uid) FROM tasks") == [(TASKS,)]
    assert run_sql(
        admin, "SELECT DISTINCT completed, completed_at IS NOT DISTINCT FROM updated_at FROM tasks ORDER BY 1"
    ) == [
        (False, False),
        (True, True),
    ]
    assert run_sql(admin, CONTRADICTING) == [(0,)]
    others = "SELECT DISTINCT due_date, due_time, time_zone, due_order = 'infinity', priority, tags FROM tasks"
    assert run_sql(admin, others) == [(None, None, None, True, 4, [])]


def test_downgrade_keeps_the_tasks(make_database):
    url = make_database()
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'tasks' ORDER BY 1"
    policies = "SELECT policyname, roles, cmd, qual FROM pg_policies WHERE tablename = 'tasks'"
    privileges = "SELECT * FROM information_schema.column_privileges WHERE table_name = 'tasks' ORDER BY 4, 5, 6, 7"
    before = [run_sql(as_admin(url), query) for query in (OLD_FIELDS, columns, policies, privileges)]
    upgrade(url, AFTER)
    run_sql(
        as_admin(url),
        "UPDATE tasks SET due_date = '2026-12-24', due_order = '2026-12-25', priority = 0, tags = '{home}'",
    )
    downgrade(url, BEFORE)
    assert [run_sql(as_admin(url), query) for query in (OLD_FIELDS, columns, policies, privileges)] == before
    run_sql(url, INSERT)
    upgrade(url, AFTER)
    assert_complete(url)


def statement_of_the_documentation():
    page = (ROOT / "docs/migrations.md").read_text()
    statements = re.findall(r'"(SELECT set_config\(.app\.backfill.*?)"', page, re.DOTALL)
    (statement,) = (each for each in statements if "completed_at" in each)
    return statement


@pytest.mark.slow
def test_release_before_writes_during_and_after_it(make_database):
    """Its writes succeed at every moment. What they leave is completed by the statement in the documentation."""
    url = make_database(tasks=5_000)
    finished = threading.Event()

    def write():
        longest = rounds = 0
        with contextlib.closing(connect(url)) as connection, connection.cursor() as cursor:
            while not finished.is_set():
                for statement in (INSERT, TOGGLE + " WHERE id % 7 = 0", LIST):
                    started = time.monotonic()
                    cursor.execute(statement)
                    longest = max(longest, time.monotonic() - started)
                rounds += 1
        return longest, rounds

    with ThreadPoolExecutor(1) as thread:
        writer = thread.submit(write)
        try:
            upgrade(url, AFTER)
        finally:
            finished.set()
        longest, rounds = writer.result()
    run_sql(url, INSERT)
    run_sql(url, TOGGLE)
    assert rounds > 3
    assert longest < 5
    assert_complete(url)
    ((contradicting,),) = run_sql(as_admin(url), CONTRADICTING)
    assert contradicting
    versions = run_sql(as_admin(url), OLD_FIELDS)
    run_sql(url, statement_of_the_documentation())
    assert run_sql(as_admin(url), CONTRADICTING) == [(0,)]
    assert run_sql(as_admin(url), OLD_FIELDS) == versions


@pytest.mark.parametrize(
    ("index", "interrupt"),
    [
        ("ix_tasks_user_id_due_order_id", "pg_cancel_backend"),
        pytest.param("uq_tasks_user_id_uid", "pg_terminate_backend", marks=pytest.mark.slow),
    ],
)
def test_interrupted_index_build_is_repeated(make_database, index, interrupt):
    url = make_database(tasks=5)
    if index.startswith("uq"):  # All steps before it are repeated too.
        upgrade(url, AFTER)
        run_sql(url, f"DROP INDEX {index}; UPDATE alembic_version SET version_num = '{BEFORE}'")
    interrupt_index_build(url, AFTER, index, interrupt, lambda: None)
    run_sql(url, INSERT)
    upgrade(url, AFTER)
    assert_complete(url)


@pytest.mark.slow
def test_table_in_use_does_not_block_requests_for_long(make_database):
    """A long transaction uses the table. The migration waits with pauses, in which others proceed."""
    url = make_database(tasks=5)

    def meanwhile():
        started = time.monotonic()
        run_sql(url, INSERT)
        assert time.monotonic() - started < 1.5

    upgrade_table_in_use(url, AFTER, "tasks", "%ADD COLUMN%", meanwhile)
    assert_complete(url)


@pytest.mark.slow
def test_hosts_that_migrate_at_once_do_not_wait_for_each_other_forever(make_database):
    """One builds indexes, which waits for all snapshots. The others wait for its end, without one."""
    url = make_database(tasks=20_000)
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: flask("db", "upgrade", AFTER, MIGRATION_DATABASE_URL=url), range(3)))
    assert_complete(url)
