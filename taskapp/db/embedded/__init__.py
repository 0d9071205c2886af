"""The embedded default: the database and the secret of a service that is configured with neither.

With a DATABASE_URL none of this runs, and no server binary is looked for.
"""

import math
import secrets
import threading
from pathlib import Path

import flask_migrate
from flask import Flask
from sqlalchemy import Engine, event

from config import SECRET_BYTES, StartupError
from taskapp.db.deadline import wait_until
from taskapp.db.embedded.folders import EmbeddedError, make_private
from taskapp.db.embedded.lock import exclusively
from taskapp.db.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedError", "EmbeddedPostgres", "init_app", "of_app", "prepare", "read_or_make_secret"]

# The folders whose server this process, or the one it was forked from, has started and migrated.
_prepared: set[Path] = set()
_preparing = threading.Lock()


def read_or_make_secret(path: Path) -> str:
    """Return the secret that signs tokens on the embedded default: made once, readable by the owner alone.

    Raises:
        EmbeddedError: what is kept there is no secret.
    """
    make_private(path.parent)
    with exclusively(path.with_suffix(".lock")):
        if not path.exists():
            unfinished = path.with_suffix(".new")
            unfinished.touch(mode=0o600)
            unfinished.write_text(secrets.token_urlsafe(48))
            unfinished.rename(path)
    secret = path.read_text(errors="replace")
    if len(secret) < SECRET_BYTES or not secret.isascii():
        raise EmbeddedError(f"The file {path} holds no secret any more: delete it, and a new one is made.")
    return secret


def of_app(app: Flask) -> EmbeddedPostgres | None:
    """Return the embedded server of an application, or None if DATABASE_URL names another."""
    server: EmbeddedPostgres | None = app.extensions.get("embedded_postgres")
    return server


def init_app(app: Flask) -> None:
    """Give an application without DATABASE_URL the embedded server, and a secret. Starts nothing."""
    if app.config["DATABASE_URL"]:
        return
    folder = Path(app.instance_path)
    server = EmbeddedPostgres(folder)
    app.extensions["embedded_postgres"] = server
    if not (app.config["JWT_SECRET"] or app.config["JWT_JWKS_URL"]):
        app.config["JWT_SECRET"] = read_or_make_secret(folder / "jwt_secret")


def prepare(app: Flask) -> None:
    """Start the embedded server of an application, and migrate it to head; once for this process and its forks.

    Raises:
        StartupError: it cannot be used; the message says why.
    """
    server = of_app(app)
    if server is None:
        return
    if app.config["MIGRATION_DATABASE_URL"]:
        raise StartupError("MIGRATION_DATABASE_URL is set but DATABASE_URL is not: set both, or neither.")
    with _preparing, wait_until(math.inf):
        if server.folder not in _prepared:
            server.start()
            flask_migrate.upgrade()
            _prepared.add(server.folder)


def prepare_lazily(app: Flask, engine: Engine) -> None:
    """Have the embedded server prepared by the first connection that the application makes.

    gunicorn's master does so before it serves; this is for ``flask run`` and ``flask shell``.
    """
    if of_app(app):
        event.listen(engine, "do_connect", lambda *_: prepare(app))
