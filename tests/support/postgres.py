"""Real PostgreSQL servers of each version at hand, and plain statements on them."""

import contextlib
import os
import time
from pathlib import Path

import psycopg2

from taskapp.db.embedded import EmbeddedPostgres
from tests.support.commands import upgrade
from tests.support.waiting import wait_until

DEBIAN_POSTGRESQL = Path("/usr/lib/postgresql")
# Nothing a test stores has to survive a power failure. Each application of a test keeps its connections to the end.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "500"}


def debian_versions():
    """The major versions of PostgreSQL that Debian's packages installed here."""
    return sorted(folder.parent.parent.name for folder in DEBIAN_POSTGRESQL.glob("*/bin/initdb"))


def make_postgres(folder, version="embedded"):
    """A PostgreSQL server in a folder of its own: the embedded one, or one of Debian's."""
    if version == "embedded":
        return EmbeddedPostgres(folder, settings=FAST)
    return EmbeddedPostgres(folder, binaries=DEBIAN_POSTGRESQL / version / "bin", initdb_options=[], settings=FAST)


@contextlib.contextmanager
def durable_postgres(folder):
    """A migrated PostgreSQL for tests that break it; it keeps what it has acknowledged, as in production."""
    server = EmbeddedPostgres(folder)
    server.start()
    try:
        upgrade(server.url)
        yield server
    finally:
        server.stop()


def postmaster(server):
    """The id of the process that all others of a PostgreSQL come from."""
    return int((server.data / "postmaster.pid").read_text().split()[0])


def shut_down(server, how):
    """Stop a PostgreSQL by a signal, whoever uses it, and wait until it is gone and can start again.

    https://www.postgresql.org/docs/current/server-shutdown.html says which signal means what.
    """
    os.kill(postmaster(server), how)
    wait_until(lambda: not (server.data / "postmaster.pid").exists(), "PostgreSQL does not stop")


def restart(server, stop, down=0):
    """Stop a PostgreSQL by a signal, and start it again after it was down for some seconds."""
    shut_down(server, stop)
    time.sleep(down)
    server._start_server()


def connect(url, **options):
    """A plain connection that bypasses the service."""
    parts = url.translate_connect_args(username="user", database="dbname")
    connection = psycopg2.connect(**{**parts, **url.query, **options})
    connection.autocommit = True
    return connection


def run_sql(url, statement, parameters=None):
    """Run a statement, bypassing the service, and return its rows."""
    with contextlib.closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def create_owner(url, name, attributes="NOSUPERUSER"):
    """Create a role that may run migrations, and the roles that these would create, unless they are there."""
    roles = ("taskapp_user", "taskapp_eraser", "taskapp_courier")
    for role in roles:
        create = f"BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object THEN END"
        run_sql(url, f"DO $$ {create} $$")
    run_sql(url, f"CREATE ROLE {name} LOGIN {attributes}; GRANT {', '.join(roles)} TO {name}")


@contextlib.contextmanager
def locked_tasks(url):
    """Hold a lock that blocks every read and write of tasks."""
    with contextlib.closing(connect(url)) as holder:
        holder.autocommit = False
        holder.cursor().execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        yield
        holder.rollback()
