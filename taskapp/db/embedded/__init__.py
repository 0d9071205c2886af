"""The embedded PostgreSQL: the database and the secret of a service without DATABASE_URL.

If DATABASE_URL is set, nothing in this package runs, and no server binary is needed.
"""

import logging
import math
import os
import secrets
import threading
from pathlib import Path

import flask_migrate
from flask import Flask
from sqlalchemy import Engine, event

from taskapp.db.deadline import wait_until
from taskapp.db.embedded.folders import EmbeddedError, make_private, report_os_errors
from taskapp.db.embedded.lock import exclusive_lock
from taskapp.db.embedded.programs import package_binaries
from taskapp.db.embedded.server import EmbeddedPostgres
from taskapp.settings import SECRET_BYTES, StartupError

__all__ = [
    "EmbeddedError",
    "EmbeddedPostgres",
    "init_app",
    "of_app",
    "prepare",
    "prepare_lazily",
    "read_or_make_secret",
]

# The folders whose servers were started and migrated by this process, or by the process that it was forked from.
_prepared: set[Path] = set()
_preparing = threading.Lock()
_logger = logging.getLogger(__name__)


def read_or_make_secret(path: Path) -> str:
    """Return the secret in a file. If the file does not exist, create it with a new secret, readable only by its owner.

    Raises:
        EmbeddedError: the file does not contain a secret, or its folder cannot be used.
    """
    make_private(path.parent)
    with report_os_errors(path.parent), exclusive_lock(path.with_suffix(".lock")):
        if not path.exists():
            unfinished = path.with_suffix(".new")
            unfinished.touch(mode=0o600)
            with unfinished.open("w") as file:
                file.write(secrets.token_urlsafe(48))
                file.flush()
                os.fsync(file.fileno())  # Otherwise, a power failure may leave an empty file.
            unfinished.rename(path)
        secret = path.read_text(errors="replace")
    if len(secret) < SECRET_BYTES or not secret.isascii():
        raise EmbeddedError(f"The file {path} does not contain a valid secret. Delete it to generate a new one.")
    return secret


def of_app(app: Flask) -> EmbeddedPostgres | None:
    """Return the embedded server of an application, or None if DATABASE_URL is set."""
    server: EmbeddedPostgres | None = app.extensions.get("embedded_postgres")
    return server


def ignore_client_settings() -> None:
    """Remove the settings of libpq, such as PGHOSTADDR and PGSERVICE, from the environment of this process.

    libpq completes every connection with them, and some have no parameter that could override them
    (https://www.postgresql.org/docs/current/libpq-envars.html). They are meant for other servers.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def init_app(app: Flask) -> None:
    """Configure the embedded server and a secret if DATABASE_URL is not set. Does not start the server.

    Raises:
        EmbeddedError: the secret cannot be read or created.
    """
    if app.config["DATABASE_URL"]:
        return
    ignore_client_settings()
    folder = Path(app.instance_path)
    server = EmbeddedPostgres(folder)
    app.extensions["embedded_postgres"] = server
    if not (app.config["JWT_SECRET"] or app.config["JWT_JWKS_URL"]):
        try:
            app.config["JWT_SECRET"] = read_or_make_secret(folder / "jwt_secret")
        except EmbeddedError:
            package_binaries()  # In a container it is missing too, and that is the reason to report.
            raise


def prepare(app: Flask) -> None:
    """Start the embedded server of an application, if it has one, and migrate it. Later calls only revive it.

    Raises:
        StartupError: the server cannot be started or migrated; the message gives the reason.
    """
    server = of_app(app)
    if server is None:
        return
    if app.config["MIGRATION_DATABASE_URL"]:
        raise StartupError("MIGRATION_DATABASE_URL requires DATABASE_URL. Set both or neither.")
    with _preparing, wait_until(math.inf):
        if server.folder not in _prepared:
            server.start()
            flask_migrate.upgrade()
            _prepared.add(server.folder)
            return
    # Not earlier: another thread may still be starting it.
    try:
        server.revive()
    except EmbeddedError as error:
        _logger.error("%s", error)  # noqa: TRY400


def prepare_lazily(app: Flask, engine: Engine) -> None:
    """Prepare the embedded server when the application connects for the first time, and revive it if it has died.

    The first is for ``flask run`` and ``flask shell``. gunicorn's master prepares the server before it starts workers.
    """
    if of_app(app):
        event.listen(engine, "do_connect", lambda *_: prepare(app))
