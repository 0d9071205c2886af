"""Fires reminders in a thread of its own, so that a user whose turn takes long delays no delivery."""

import logging
import threading
import time
from typing import Self

from flask import Flask

from taskapp.db.errors import DatabaseUnavailable
from taskapp.tasks.reminders.service import fire_due_reminders

_logger = logging.getLogger(__name__)

# Seconds between looks at the shortest, however often others wake this thread.
_SHORTEST_PAUSE = 1.0
# Seconds until the next attempt after the database was unavailable, or has rejected the statement.
_OUTAGE, _BUG = 1.0, 10.0
# How long the process waits for a reminder that is being written when it ends.
_LAST_WRITE = 10.0


class ReminderThread:
    """Fires the reminders of all users when they are due.

    Args:
        app: the application.
        idle_seconds: the longest time between looks at the database.
    """

    def __init__(self, app: Flask, idle_seconds: float) -> None:
        self._app = app
        self._idle_seconds = idle_seconds
        self._failed: dict[str, float] = {}
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reminders", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._stopping.set()
        self._woken.set()
        self._thread.join(_LAST_WRITE)

    def wake(self) -> None:
        """Look for reminders that were set meanwhile."""
        self._woken.set()

    def _run(self) -> None:
        with self._app.app_context():
            while not self._stopping.is_set():
                started = time.monotonic()
                self._woken.wait(self._fire())
                self._stopping.wait(started + _SHORTEST_PAUSE - time.monotonic())
                self._woken.clear()

    def _fire(self) -> float:
        """Fire what is due, and return the seconds until the next look at the latest."""
        try:
            seconds = fire_due_reminders(self._failed)
        except DatabaseUnavailable:  # Logged once.
            return _OUTAGE
        except Exception:  # Nobody would notice the end of this thread.
            _logger.exception("Cannot fire reminders")
            return _BUG
        return self._idle_seconds if seconds is None else min(seconds, self._idle_seconds)
