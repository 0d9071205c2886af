"""How Alembic reaches the database: as the role that logs in, on a connection of its own, past the prefix.

MIGRATION_DATABASE_URL is used where it is set (Neon's direct host), otherwise DATABASE_URL, otherwise the embedded
server, which is started for it.
"""

import logging
from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import URL, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from config import StartupError
from taskapp.db import embedded

# Any number that nobody else takes for a lock: migrations started at once by several hosts run one after the other.
ADVISORY_LOCK = 7_459_001

# https://www.postgresql.org/docs/current/errcodes-appendix.html
NO_RIGHT = ("42501", "3F000")  # The second where no schema may be used at all.

metadata = current_app.extensions["migrate"].db.metadata


def database_url() -> URL:
    """Return the URL to migrate, with the embedded server started where it is that one's."""
    url: URL | None = current_app.config["MIGRATION_DATABASE_URL"] or current_app.config["DATABASE_URL"]
    server = embedded.of_app(current_app)
    if url is not None or server is None:
        return url
    server.start()
    return server.url


def name_revision(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Number a new revision after the newest, and make none where nothing has changed."""
    script = directives[0]
    if (
        context.config.cmd_opts
        and getattr(context.config.cmd_opts, "autogenerate", False)
        and script.upgrade_ops.is_empty()
    ):
        directives.clear()
        logging.getLogger("taskapp.migrations").warning(
            "The models and the database agree; there is nothing to migrate."
        )
        return
    head = context.script.get_current_head()
    script.rev_id = f"{int(head or 0) + 1:04}"


def run_migrations() -> None:
    """Run the migrations in one transaction."""
    engine = create_engine(database_url(), poolclass=NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, process_revision_directives=name_revision)
        with context.begin_transaction():
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": ADVISORY_LOCK})
            context.run_migrations()


if context.is_offline_mode():
    raise StartupError("Migrations look at the database they change, so they cannot be written as a script.")
try:
    run_migrations()
except DBAPIError as error:
    # Unreachable, or without the right: not what a traceback would explain.
    if isinstance(error, OperationalError) or getattr(error.orig, "pgcode", None) in NO_RIGHT:
        raise StartupError(f"The database cannot be migrated: {str(error.orig).splitlines()[0]}.") from None
    raise
