"""Migrations on connections of their own: several hosts migrate one after the other, and no limit of requests holds."""

import contextlib
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from config import ROOT
from tests.support.commands import HEAD, WITHOUT_DATABASE, environment, upgrade
from tests.support.postgres import connect, run_sql
from tests.support.waiting import wait_until

LOCK = 7_459_002
REVISION = "SELECT version_num FROM alembic_version"


def test_host_that_waits_does_not_block_index_builds(new_database):
    url = new_database("0001")
    waits = (
        f"SELECT 1 FROM pg_stat_activity WHERE datname = '{url.database}' AND application_name = 'taskapp'"
        " AND query ~ 'advisory|ROLLBACK'"
    )
    with ThreadPoolExecutor(1) as thread, contextlib.closing(connect(url)) as other:
        other.autocommit = False
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        migration = thread.submit(upgrade, url)
        wait_until(lambda: run_sql(url, waits), "The host does not wait")
        # It waits for all snapshots that are older.
        with contextlib.closing(connect(url, options="-c lock_timeout=5s")) as builder:
            builder.cursor().execute("CREATE INDEX CONCURRENTLY ON tasks (description)")
        assert run_sql(url, REVISION) == [("0001",)]
        other.rollback()
        migration.result()
    assert run_sql(url, REVISION) == [(HEAD,)]


def test_limits_for_requests_do_not_end_migrations(new_database):
    url = new_database("0001")
    with ThreadPoolExecutor(1) as thread, contextlib.closing(connect(url)) as other:
        for name in ("statement_timeout", "transaction_timeout", "idle_in_transaction_session_timeout"):
            if run_sql(url, "SELECT 1 FROM pg_settings WHERE name = %s", [name]):
                run_sql(url, f"ALTER DATABASE {url.database} SET {name} = '200ms'")
        other.autocommit = False
        other.cursor().execute("LOCK TABLE tasks")
        migration = thread.submit(upgrade, url)
        locks = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"
        wait_until(lambda: run_sql(url, locks, [LOCK]), "it does not migrate")
        time.sleep(0.8)
        assert run_sql(url, locks, [LOCK])
        other.rollback()
        migration.result()
    assert run_sql(url, REVISION) == [(HEAD,)]


@pytest.mark.slow
def test_interrupted_index_build_is_no_error_of_the_database(new_database):
    url = new_database("0004")
    builds = (
        f"SELECT 1 FROM pg_stat_activity WHERE datname = '{url.database}' AND state = 'active'"
        " AND query LIKE 'CREATE INDEX CONCURRENTLY%'"
    )
    with contextlib.closing(connect(url)) as other:
        other.set_session(isolation_level="REPEATABLE READ", autocommit=False)
        other.cursor().execute("SELECT 1")  # Its snapshot makes the build wait.
        command = subprocess.Popen(
            [sys.executable, "-m", "flask", "db", "upgrade"],
            cwd=ROOT,
            env=environment(**WITHOUT_DATABASE, MIGRATION_DATABASE_URL=url),
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda: run_sql(url, builds), "The build does not wait")
        time.sleep(0.5)  # Then the command waits, too. Python ignores an interrupt that comes in a destructor.
        command.send_signal(signal.SIGINT)
        assert command.communicate(timeout=30)[1].split() == ["Aborted!"]
    upgrade(url)
    assert run_sql(url, REVISION) == [(HEAD,)]
