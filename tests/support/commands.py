"""The application and its commands, with exactly the settings that a test gives."""

import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import flask_migrate

from config import ROOT, Settings
from taskapp import create_app
from taskapp.db.migrations import head_revisions
from tests.support.urls import as_text

(HEAD,) = head_revisions(ROOT / "migrations")
# For tests that need no embedded default, and must not touch that of the checkout.
NO_INSTANCE = Path(tempfile.gettempdir()) / f"taskapp-tests-{os.geteuid()}"
# Migrations need neither; an application without both would make an embedded default.
WITHOUT_DATABASE = {"DATABASE_URL": "postgresql://nobody@/none", "JWT_SECRET": "x" * 32}


def environment(**settings):
    """An environment with exactly these settings, whatever .env or this process have."""
    unset = {**dict.fromkeys(Settings().fields, ""), "INSTANCE_PATH": NO_INSTANCE}
    values = {"PYTHONPATH": "", **unset, **settings}
    return {**os.environ, **{name: as_text(value) for name, value in values.items()}}


def load_app(**settings):
    """An application in this process; a setting of "" or None is not set."""
    values = {name: as_text(value) for name, value in settings.items() if value not in {"", None}}
    app = create_app(Settings().load(values))
    # A purge after the first write would mix with the messages and log lines that tests look at.
    app.extensions["purge_job"].due_at = math.inf
    return app


def flask(*arguments, check=True, **settings):
    """Run a flask command in the project, as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "flask", *arguments],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=check,
        timeout=120,
    )


def upgrade(url, revision="head"):
    """Migrate a database up to a revision in this process, as ``flask db upgrade`` does."""
    with load_app(MIGRATION_DATABASE_URL=url, **WITHOUT_DATABASE).app_context():
        flask_migrate.upgrade(revision=revision)


def downgrade(url, revision="base"):
    """Migrate a database down to a revision in this process, as ``flask db downgrade`` does."""
    with load_app(MIGRATION_DATABASE_URL=url, **WITHOUT_DATABASE).app_context():
        flask_migrate.downgrade(revision=revision)
