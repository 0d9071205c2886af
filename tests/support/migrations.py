"""Databases of the release before a migration, and what interrupts the migration."""

import contextlib
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskapp.settings import StartupError
from tests.support import release_before_recurrence
from tests.support.commands import upgrade
from tests.support.postgres import connect, create_owner, run_sql
from tests.support.waiting import wait_until

_names = itertools.count(1)
_FAIL = "RAISE query_canceled USING MESSAGE = 'canceling statement, as the test asks'"
# Fails a migration at a command, or at a row, of the step whose text is like this.
_FAULTS = f"""
CREATE FUNCTION fail_command() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    IF tg_tag = %(tag)s AND current_query() LIKE %(step)s THEN {_FAIL}; END IF; END $$;
CREATE EVENT TRIGGER fail_command ON ddl_command_start EXECUTE FUNCTION fail_command();
CREATE FUNCTION fail_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF current_query() LIKE %(step)s THEN {_FAIL}; END IF; RETURN NEW; END $$;
CREATE TRIGGER fail_revision BEFORE UPDATE ON alembic_version FOR EACH ROW EXECUTE FUNCTION fail_row();
"""
_NO_FAULTS = "DROP EVENT TRIGGER fail_command; DROP FUNCTION fail_command(); DROP FUNCTION fail_row() CASCADE"


def as_admin(url):
    return url.set(username="postgres")


def database_before(postgres, revision, insert, tasks, attributes="NOSUPERUSER"):
    """Create a database of a release, with tasks and an owner of its own, and return its URL.

    Args:
        postgres: the server.
        revision: the newest migration of the release.
        insert: the statement that inserts tasks; its parameter is their number.
        tasks: the number of tasks.
        attributes: those of the owner's role.
    """
    number = next(_names)
    owner, name = f"owner_of_{revision}_{number}", f"before_{revision}_{number}"
    create_owner(postgres.url, owner, attributes)
    run_sql(postgres.url, f"CREATE DATABASE {name} OWNER {owner}")
    url = postgres.url.set(username=owner, database=name)
    upgrade(url, revision)
    run_sql(as_admin(url), insert, [tasks])
    return url


def revision_of(url):
    return run_sql(url, "SELECT version_num FROM alembic_version")


def interrupt_upgrade(url, revision, tag, step, triggers=""):
    """Let a migration fail at a step. The revision of the database stays.

    Args:
        url: the database.
        revision: the migration.
        tag: the command tag at which the step fails.
        step: a LIKE pattern of the text of the step.
        triggers: statements that call ``fail_row()`` for rows of further tables.
    """
    before = revision_of(url)
    run_sql(as_admin(url), _FAULTS + triggers, {"tag": tag, "step": step})
    with pytest.raises(StartupError, match="Cannot migrate the database: canceling statement, as the test asks"):
        upgrade(url, revision)
    run_sql(as_admin(url), _NO_FAULTS)
    assert revision_of(url) == before


def interrupt_index_build(url, revision, index, interrupt, meanwhile):
    """Interrupt a migration while it builds an index, which then is invalid.

    Args:
        url: the database.
        revision: the migration.
        index: the name of the index.
        interrupt: the function of PostgreSQL that interrupts a backend.
        meanwhile: what the build must not block, as a function.
    """
    with contextlib.closing(connect(as_admin(url))) as reader, ThreadPoolExecutor(1) as thread:
        # The build waits for all snapshots that are older.
        reader.set_session(isolation_level="REPEATABLE READ", autocommit=False)
        reader.cursor().execute("SELECT 1")
        migration = thread.submit(upgrade, url, revision)
        wait_until(lambda: waiting_backend(url, f"CREATE%INDEX CONCURRENTLY%{index} %"), "The build does not wait")
        meanwhile()
        run_sql(as_admin(url), f"SELECT {interrupt}(%s)", [waiting_backend(url, "CREATE%INDEX%")])
        with pytest.raises(StartupError, match=r"Cannot migrate the database: .*(canceling|terminating)"):
            migration.result()
    valid = "SELECT indisvalid FROM pg_index JOIN pg_class ON oid = indexrelid WHERE relname = %s"
    assert run_sql(url, valid, [index]) == [(False,)]


def upgrade_table_in_use(url, revision, table, step, meanwhile):
    """Upgrade while a long transaction uses a table. The migration waits with pauses, in which others proceed.

    Args:
        url: the database.
        revision: the migration.
        table: the table.
        step: a LIKE pattern of the text of the step that waits.
        meanwhile: what the migration must not block, as a function that is called twice.
    """
    with contextlib.closing(connect(as_admin(url))) as reader, ThreadPoolExecutor(1) as thread:
        reader.autocommit = False
        reader.cursor().execute(f"SELECT count(*) FROM {table}")
        migration = thread.submit(upgrade, url, revision)
        wait_until(lambda: waiting_backend(url, step), "The migration does not wait")
        for _ in range(2):
            meanwhile()
        assert not migration.done()
        reader.rollback()
        migration.result()


def upgrade_under_writes(url, revision, statements):
    """Upgrade while two users of an earlier release write.

    Args:
        url: the database.
        revision: the migration.
        statements: those of a round, from ``release_before_recurrence``; the first creates the task of the others.

    Returns:
        The users with the numbers of their rounds, and the duration of the longest write in seconds.
    """
    finished = threading.Event()
    durations = []

    def write(user):
        rounds = 0
        with release_before_recurrence.old_worker(url, user) as send:
            while not finished.is_set():
                task = None
                for statement in statements:
                    started = time.monotonic()
                    task = send(statement, task_id=task, title="t")
                    durations.append(time.monotonic() - started)
                rounds += 1
        return user, rounds

    with ThreadPoolExecutor(2) as threads:
        writers = [threads.submit(write, user) for user in ("first", "second")]
        try:
            upgrade(url, revision)
            time.sleep(0.2)
        finally:
            finished.set()
        return dict(writer.result() for writer in writers), max(durations)


def waiting_backend(url, query):
    """The process id of the backend that waits with a query like this, or None."""
    rows = run_sql(
        as_admin(url),
        "SELECT pid FROM pg_stat_activity WHERE query LIKE %s AND datname = %s AND wait_event IS NOT NULL"
        " AND state = 'active'",
        [query, url.database],
    )
    return rows[0][0] if rows else None
