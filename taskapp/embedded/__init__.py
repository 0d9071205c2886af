"""The embedded default: the database and the secret of a service that was given neither.

With a DATABASE_URL nothing here is touched, and no server binary is looked for.
"""

import fcntl
import secrets
import threading
from pathlib import Path

import flask_migrate
from flask import Flask
from sqlalchemy import event

from taskapp.embedded.server import EmbeddedError, EmbeddedPostgres, make_private
from taskapp.extensions import db

__all__ = ["EmbeddedError", "EmbeddedPostgres", "init_app", "of_app", "read_or_make_secret", "start_when_needed"]


def read_or_make_secret(path: Path) -> str:
    """Return the secret that signs tokens on the embedded default: made once, readable by the owner alone."""
    make_private(path.parent)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            unfinished = path.with_suffix(".new")
            unfinished.touch(mode=0o600)
            unfinished.write_text(secrets.token_urlsafe(48))
            unfinished.rename(path)
    return path.read_text()


def of_app(app: Flask) -> EmbeddedPostgres | None:
    """Return the embedded server of an application, or None where DATABASE_URL names another."""
    server: EmbeddedPostgres | None = app.extensions.get("embedded_postgres")
    return server


def init_app(app: Flask) -> None:
    """Point an application without DATABASE_URL at the embedded server, and give it a secret. Starts nothing."""
    folder = Path(app.instance_path)
    server = EmbeddedPostgres(folder)
    app.extensions["embedded_postgres"] = server
    app.config["SQLALCHEMY_DATABASE_URI"] = server.url
    if not (app.config["JWT_SECRET"] or app.config["JWT_JWKS_URL"]):
        app.config["JWT_SECRET"] = read_or_make_secret(folder / "jwt_secret")


def start_when_needed(app: Flask) -> None:
    """Have the embedded server started and migrated to head by the first connection that the application makes.

    gunicorn's master does both before it serves; this is for ``flask run`` and ``flask shell``.
    """
    server = of_app(app)
    if server is None:
        return
    lock = threading.Lock()

    def start(*_: object) -> None:
        with lock:
            if not server.in_use:
                server.start()
                flask_migrate.upgrade()

    with app.app_context():
        event.listen(db.engine, "do_connect", start)
