"""The background job of the service, which purges what has expired. Each purge is also a ``flask`` command."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg2
from flask import Flask, current_app, has_request_context

from taskapp.db.errors import DatabaseNotSetUp, DatabaseUnavailable
from taskapp.db.execute import user_wrote
from taskapp.db.idempotency import purge_expired

PURGE_SECONDS = 3600
_logger = logging.getLogger(__name__)


class Purge(NamedTuple):
    """Something to purge.

    Attributes:
        subject: what has expired, for the log.
        command: the command that does the same.
        run: deletes it.
    """

    subject: str
    command: str
    run: Callable[[], object]


class PurgeJob:
    """Runs purges one after the other, at most once an hour, after a write.

    It does not run without writes: there would be little to purge, and it would keep a database such as Neon awake.

    Args:
        app: the application.

    Attributes:
        due_at: when a write starts it again, on the clock of ``time.monotonic``.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self.due_at = 0.0
        self._lock = threading.Lock()
        self.purges = [Purge("idempotency keys", "flask idempotency purge", purge_expired)]

    def start_if_due(self) -> None:
        """Start the job unless it started within the last hour."""
        if time.monotonic() < self.due_at:
            return
        with self._lock:
            if time.monotonic() < self.due_at:
                return
            self.due_at = time.monotonic() + PURGE_SECONDS
        try:
            threading.Thread(target=self._run, name="purge", daemon=True).start()
        except RuntimeError as error:  # No more threads. The write has succeeded all the same.
            _logger.warning("Cannot purge: %s", error)

    def _run(self) -> None:
        with self._app.app_context():
            for purge in self.purges:
                _run(purge)


def _run(purge: Purge) -> None:
    message = f"Cannot purge expired {purge.subject}"
    try:
        purge.run()
    except DatabaseNotSetUp:
        _logger.warning(
            "%s: DATABASE_URL logs in as a role that does not own their table; run '%s' as the owner",
            message,
            purge.command,
        )
    except DatabaseUnavailable:
        _logger.warning("%s: the database is unavailable", message)
    except psycopg2.Error:
        _logger.warning(message, exc_info=True)


def _start_purge(_sender: object, **_: Any) -> None:
    if not has_request_context():  # A command ends before the job would.
        return
    job: PurgeJob = current_app.extensions["purge_job"]
    job.start_if_due()


user_wrote.connect(_start_purge)


def add_purge(app: Flask, purge: Purge) -> None:
    """Let the job of an application also run another purge."""
    job: PurgeJob = app.extensions["purge_job"]
    job.purges.append(purge)


def init_app(app: Flask) -> None:
    """Add the background job to an application."""
    app.extensions["purge_job"] = PurgeJob(app)
