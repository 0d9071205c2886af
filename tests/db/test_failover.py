"""A real hot standby as the database of the service, and its promotion."""

import shutil
import subprocess

import pytest

from taskapp.db import execute as execute_module
from taskapp.db.embedded import EmbeddedPostgres
from tests.support.commands import load_app, upgrade
from tests.support.in_process import LocalUser, assert_refused
from tests.support.postgres import DEBIAN_POSTGRESQL, FAST, debian_versions, make_postgres, run_sql
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def standby(tmp_path):
    """A primary and its hot standby, of Debian's PostgreSQL."""
    versions = debian_versions()
    if not versions:
        pytest.skip("needs Debian's PostgreSQL (apt install postgresql)")
    version = versions[-1]
    primary = make_postgres(tmp_path / "primary", version)
    primary.start()
    upgrade(primary.url)
    binaries = DEBIAN_POSTGRESQL / version / "bin"
    source = f"host={primary.url.query['host']} port={primary.url.port} user=postgres"
    replica = EmbeddedPostgres(tmp_path / "replica", binaries=binaries, settings={**FAST, "primary_conninfo": source})
    (tmp_path / "replica").mkdir(mode=0o700)
    subprocess.run(
        [binaries / "pg_basebackup", "-d", source, "-D", replica.data, "-c", "fast", "-R"], check=True, timeout=60
    )
    owner = primary.data.stat()
    for path in [replica.data, *replica.data.rglob("*")]:
        shutil.chown(path, owner.st_uid, owner.st_gid)
    replica.start()
    yield replica
    replica.stop()
    primary.stop()


def test_failover(standby, secret, monkeypatch):
    """Reads work on a hot standby, writes are unavailable, and after its promotion the same service writes."""
    monkeypatch.setattr(execute_module, "_OUTDATED", 0.0)
    user = LocalUser(load_app(DATABASE_URL=standby.url, JWT_SECRET=secret), secret)
    assert user.read().status_code == 200
    assert_refused(user.write(), "read-only", retry_after="1")
    assert_refused(user.write("key"), "read-only", retry_after="1")
    assert user.ready() == {"read_and_write": ["The database is read-only."]}
    run_sql(standby.url, "SELECT pg_promote()")
    wait_until(lambda: run_sql(standby.url, "SELECT pg_is_in_recovery()") == [(False,)], "it is not promoted")
    assert user.write("key").status_code == 201
    assert user.ready() == "ok"
