"""Runs migrations as the login role, on a separate connection that does not switch to the acting role.

The database is MIGRATION_DATABASE_URL if it is set (Neon's direct host), otherwise DATABASE_URL. Without both, it is
the embedded server, which is started.
"""

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError

from taskapp.db import embedded
from taskapp.db.deadline import wait_until
from taskapp.db.engine import unpooled_engine
from taskapp.db.errors import describe
from taskapp.db.migrations import next_number
from taskapp.settings import StartupError

# An arbitrary number. Migrations that several hosts start at the same time run one after the other. Earlier versions of
# this file used 7_459_001, and waited in a way that blocks CREATE INDEX CONCURRENTLY.
ADVISORY_LOCK = 7_459_002
LOCK_PAUSE = 0.2
# Limits that the role or the database may have for requests, as far as this version of PostgreSQL has them.
WITHOUT_TIMEOUTS = text(
    "SELECT set_config(name, '0', false) FROM pg_settings"
    " WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')"
)
# Long enough for a suspended database to start.
CONNECT_SECONDS = 30
# https://www.postgresql.org/docs/current/errcodes-appendix.html: insufficient privilege, no schema that the role may
# use, read-only, rows that violate a new check. A missing table or column, however, is a bug of a migration.
REFUSALS = ("42501", "3F000", "25006", "23514")

# The ids that Alembic makes.
RANDOM_ID = re.compile(r"[0-9a-f]{12}")

metadata = current_app.extensions["migrate"].db.metadata


def database_url() -> URL:
    """Return the URL of the database to migrate. Starts the embedded server if that is the database."""
    url: URL | None = current_app.config["MIGRATION_DATABASE_URL"] or current_app.config["DATABASE_URL"]
    server = embedded.of_app(current_app)
    if url is not None or server is None:
        return url
    server.start()
    return server.owner_url


def name_revision(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Number a new revision, unless --rev-id names it, or drop it if nothing has changed."""
    script = directives[0]
    if (
        context.config.cmd_opts
        and getattr(context.config.cmd_opts, "autogenerate", False)
        and script.upgrade_ops.is_empty()
    ):
        directives.clear()
        logging.getLogger("taskapp.migrations").warning("No changes between the models and the database.")
        return
    if RANDOM_ID.fullmatch(script.rev_id):
        script.rev_id = next_number(context.script)


def connect(engine: Engine) -> Connection:
    """Connect to the database, which may have to start first."""
    with wait_until(time.monotonic() + CONNECT_SECONDS):
        connection = engine.connect()
    connection.execute(WITHOUT_TIMEOUTS)
    connection.commit()
    return connection


@contextmanager
def alone(engine: Engine) -> Iterator[None]:
    """Wait until no other host migrates, and let others wait until the end.

    A transaction of its own holds the lock, because a migration may commit, for example to build an index. Both the
    holder and those who wait have no snapshot, or CREATE INDEX CONCURRENTLY would wait for them, and they for it. So
    they ask for the lock repeatedly, because a statement has a snapshot while it waits.
    """
    with connect(engine).execution_options(isolation_level="READ COMMITTED") as guard:
        while not guard.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK}):
            guard.rollback()
            time.sleep(LOCK_PAUSE)
        yield


def run_migrations() -> None:
    """Run the migrations in a single transaction, unless they commit."""
    engine = unpooled_engine(database_url())
    with alone(engine), connect(engine) as connection:
        context.configure(connection=connection, target_metadata=metadata, process_revision_directives=name_revision)
        with context.begin_transaction():
            context.run_migrations()


def reason_of(error: BaseException | None) -> BaseException | None:
    """Return why a connection was lost. Alembic tries to commit on it, and so hides the reason."""
    while isinstance(error, PendingRollbackError):
        error = error.__context__
    return error


if context.is_offline_mode():
    raise StartupError("The option --sql is not supported, because migrations query the database.")
try:
    run_migrations()
except (DBAPIError, PendingRollbackError) as error:
    reason = reason_of(error) or error
    # An unreachable or read-only database or a missing privilege is not a bug, so a traceback would not help.
    if isinstance(reason, DBAPIError) and (
        isinstance(reason, OperationalError) or getattr(reason.orig, "pgcode", None) in REFUSALS
    ):
        raise StartupError(f"Cannot migrate the database: {describe(reason)}.") from None
    raise reason from None
