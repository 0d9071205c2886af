"""Background jobs of the service. Each is also available as a ``flask`` command."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg2
from flask import Flask, current_app

from taskapp.db.errors import DatabaseNotSetUp, DatabaseUnavailable
from taskapp.db.idempotency import purge_expired, result_stored

PURGE_SECONDS = 3600
_logger = logging.getLogger(__name__)


class PurgeJob:
    """Purges expired idempotency keys, at most once an hour, after a result was stored.

    It does not run without writes: there would be nothing to purge, and it would keep a database such as Neon awake.

    Args:
        purge: deletes the expired keys; called in a new thread.
    """

    def __init__(self, purge: Callable[[], object]) -> None:
        self._purge = purge
        self._due_at = 0.0
        self._lock = threading.Lock()

    def start_if_due(self) -> None:
        """Start the job unless it started within the last hour."""
        with self._lock:
            if time.monotonic() < self._due_at:
                return
            self._due_at = time.monotonic() + PURGE_SECONDS
        try:
            threading.Thread(target=self._purge, name="purge-idempotency-keys", daemon=True).start()
        except RuntimeError as error:  # No more threads. The write that stored the result has succeeded all the same.
            _logger.warning("Cannot purge expired idempotency keys: %s", error)


def _purge(app: Flask) -> None:
    with app.app_context():
        try:
            purge_expired()
        except DatabaseNotSetUp:
            app.logger.warning(
                "Cannot purge expired idempotency keys: DATABASE_URL logs in as a role that does not own their table; "
                "run 'flask idempotency purge' as the owner"
            )
        except DatabaseUnavailable:
            app.logger.warning("Cannot purge expired idempotency keys: the database is unavailable")
        except psycopg2.Error:
            app.logger.warning("Cannot purge expired idempotency keys", exc_info=True)


def _start_purge(_sender: object, **_: Any) -> None:
    job: PurgeJob = current_app.extensions["purge_job"]
    job.start_if_due()


result_stored.connect(_start_purge)


def init_app(app: Flask) -> None:
    """Add the background jobs to an application."""
    app.extensions["purge_job"] = PurgeJob(lambda: _purge(app))
