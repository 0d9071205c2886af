"""The migration to the log of changes, with the tasks and the writes of the release before."""

import contextlib
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskapp.settings import StartupError
from tests.support.commands import downgrade, upgrade
from tests.support.migrations import as_admin, database_before, interrupt_upgrade
from tests.support.postgres import connect, create_owner, run_sql

BEFORE, AFTER = "0005", "0006"
# More than two batches. Some users have several tasks, and some batches end between the tasks of a user.
TASKS = 2_500
FILL = (
    "INSERT INTO tasks (user_id, title, version, updated_at)"
    " SELECT 'user-' || i %% 700, 'Task ' || i, i %% 5 + 1, now() - i * interval '1 hour'"
    " FROM generate_series(1, %s) i"
)
# The statements of the release before.
AS_ALICE = "SELECT set_config('role', 'taskapp_user', true), set_config('app.user_id', 'alice', true);"
INSERT = f"{AS_ALICE} INSERT INTO tasks (user_id, title, description, completed) VALUES ('alice', 't', null, true)"
TOGGLE = f"{AS_ALICE} UPDATE tasks SET completed = NOT completed, version = version + 1, updated_at = clock_timestamp()"
LIST = f"{AS_ALICE} SELECT id, version FROM tasks ORDER BY id LIMIT 50"

VERSIONS = "SELECT user_id, id, title, completed, version, created_at, updated_at FROM tasks ORDER BY id"
COLUMN = (
    "SELECT data_type, is_nullable, column_default FROM information_schema.columns"
    " WHERE table_name = 'tasks' AND column_name = 'version'"
)
LEFT_OVER = (
    "SELECT tgname::text FROM pg_trigger WHERE tgrelid = 'tasks'::regclass UNION ALL"
    " SELECT proname FROM pg_proc WHERE proname LIKE 'taskapp%' UNION ALL"
    " SELECT conname FROM pg_constraint WHERE conname LIKE '%copied' UNION ALL"
    " SELECT attname FROM pg_attribute WHERE attrelid = 'tasks'::regclass AND attname = 'number'"
)
MARKERS = "SELECT user_id, number FROM changes WHERE task_id = 0 AND before = '{}' AND after = '{}' ORDER BY 1"
NEWEST = "SELECT user_id, max(version) FROM tasks GROUP BY user_id ORDER BY 1"


@pytest.fixture(scope="module")
def make_database(each_postgres):
    """Makes databases of the release before, with tasks, each with an owner of its own."""

    def make(attributes="NOSUPERUSER"):
        return database_before(each_postgres, BEFORE, FILL, TASKS, attributes)

    return make


def assert_complete(url):
    """All steps of the migration are done, and only what must stay is there."""
    assert run_sql(url, "SELECT version_num FROM alembic_version") == [(AFTER,)]
    assert run_sql(url, COLUMN) == [("bigint", "NO", "1")]
    assert run_sql(url, LEFT_OVER) == []
    assert run_sql(url, "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'changes'::regclass") == [
        (True, True)
    ]


@pytest.mark.parametrize(
    "owner",
    [
        "NOSUPERUSER",
        pytest.param("NOSUPERUSER BYPASSRLS", marks=pytest.mark.slow),
        pytest.param("SUPERUSER", marks=pytest.mark.slow),
    ],
)
def test_versions_are_kept_and_each_user_has_a_marker(make_database, owner):
    url = make_database(owner)
    admin = as_admin(url)
    state = f"SELECT pg_relation_filenode('tasks'), array_agg(t) FROM ({VERSIONS}) t"
    before, newest = run_sql(admin, state), run_sql(admin, NEWEST)
    upgrade(url, AFTER)
    assert run_sql(admin, state) == before  # Also: the table was not rewritten.
    assert_complete(url)
    assert len(newest) == 700
    assert run_sql(admin, MARKERS) == newest
    assert run_sql(admin, "SELECT count(*) FROM changes") == [(700,)]


def test_table_may_have_got_another_owner(make_database):
    """As the embedded server's did. The policies that 0005 made are for the one before."""
    url = make_database()
    newest = run_sql(as_admin(url), NEWEST)
    create_owner(as_admin(url), f"new_{url.username}")
    run_sql(as_admin(url), f"REASSIGN OWNED BY {url.username} TO new_{url.username}")
    upgrade(url.set(username=f"new_{url.username}"), AFTER)
    assert_complete(url.set(username=f"new_{url.username}"))
    assert run_sql(as_admin(url), MARKERS) == newest


def test_downgrade_keeps_the_tasks(make_database):
    url = make_database()
    columns = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'tasks' ORDER BY 1"
    policies = "SELECT policyname, roles, cmd, qual FROM pg_policies WHERE tablename = 'tasks' ORDER BY 1"
    privileges = (
        "SELECT grantee, column_name, privilege_type FROM information_schema.column_privileges"
        " WHERE table_name IN ('tasks', 'idempotency_keys') ORDER BY 1, 2, 3"
    )
    before = [run_sql(as_admin(url), query) for query in (VERSIONS, columns, policies, privileges)]
    upgrade(url, AFTER)
    downgrade(url, BEFORE)
    assert [run_sql(as_admin(url), query) for query in (VERSIONS, columns, policies, privileges)] == before
    run_sql(url, INSERT)
    run_sql(url, TOGGLE)
    upgrade(url, AFTER)
    assert_complete(url)
    assert run_sql(as_admin(url), "SELECT number FROM changes WHERE user_id = 'alice'") == [(2,)]


def test_downgrade_refuses_versions_that_do_not_fit(make_database):
    url = make_database()
    upgrade(url, AFTER)
    run_sql(as_admin(url), f"UPDATE tasks SET version = {2**31} WHERE user_id = 'user-1'")
    with pytest.raises(StartupError, match=r"A task has the version 2147483648, and the previous release supports"):
        downgrade(url, BEFORE)
    assert_complete(url)
    run_sql(as_admin(url), f"UPDATE tasks SET version = {2**31 - 1} WHERE user_id = 'user-1'")
    downgrade(url, BEFORE)
    assert run_sql(url, COLUMN) == [("integer", "NO", "1")]


# Fails a migration at the tasks of some users.
FAIL_TASKS = """
CREATE TRIGGER fail_task BEFORE UPDATE ON tasks FOR EACH ROW WHEN (OLD.user_id > 'user-5')
    EXECUTE FUNCTION fail_row();
"""
STEPS = {
    "new column": ("ALTER POLICY", "%ADD COLUMN number%"),
    "some batches are copied": ("", "%copied AS%"),
    "check": ("ALTER TABLE", "%NOT VALID%"),
    "validation": ("ALTER TABLE", "%; ALTER TABLE tasks VALIDATE%"),
    "swap": ("GRANT", "%RENAME number%"),
    "log": ("GRANT", "%CREATE TABLE changes%"),
    "revision": ("", "UPDATE alembic_version%"),
}


def test_interruption_at_each_step_is_repeated(make_database):
    """The release before can write after each of them, and no write is lost."""
    url = make_database()
    expected = dict.fromkeys(range(TASKS + 1, TASKS + 8), 1)
    other_versions = run_sql(as_admin(url), VERSIONS)
    for step, (tag, like) in enumerate(STEPS.values(), TASKS + 1):
        interrupt_upgrade(url, AFTER, tag, like, FAIL_TASKS)
        run_sql(url, INSERT)
        run_sql(url, TOGGLE)
        expected = {task_id: version + (task_id <= step) for task_id, version in expected.items()}
    upgrade(url, AFTER)
    assert_complete(url)
    versions = run_sql(as_admin(url), VERSIONS)
    assert versions[:TASKS] == other_versions
    assert {row[1]: row[4] for row in versions[TASKS:]} == expected
    # The last step came after the log, so alice has written once without it.
    alice = {"alice": max(expected.values()) - 1}
    newest = dict(run_sql(as_admin(url), NEWEST))
    assert dict(run_sql(as_admin(url), MARKERS)) == {**newest, **alice}


@pytest.mark.slow
def test_release_before_writes_during_and_after_it(make_database):
    """Its writes succeed at every moment, soon, and none of them is lost."""
    url = make_database()
    run_sql(url, f"{INSERT};" * 20)
    finished = threading.Event()

    def write():
        longest = toggled = 0
        task_ids = itertools.cycle(range(TASKS + 1, TASKS + 21))
        with contextlib.closing(connect(url)) as connection, connection.cursor() as cursor:
            while not finished.is_set():
                # One task at a time, as that release does. Two writers of several would lock each other out.
                for statement in (f"{TOGGLE} WHERE id = {next(task_ids)}", INSERT, LIST):
                    started = time.monotonic()
                    cursor.execute(statement)
                    longest = max(longest, time.monotonic() - started)
                    toggled += cursor.rowcount if statement.startswith(TOGGLE) else 0
        return longest, toggled

    with ThreadPoolExecutor(2) as threads:
        writers = [threads.submit(write) for _ in range(2)]
        try:
            upgrade(url, AFTER)
            time.sleep(0.2)
        finally:
            finished.set()
        results = [writer.result() for writer in writers]
    assert_complete(url)
    assert max(longest for longest, _ in results) < 5
    toggled = sum(count for _, count in results)
    assert toggled > 20
    assert run_sql(url, f"{AS_ALICE} SELECT sum(version - 1) FROM tasks") == [(toggled,)]
