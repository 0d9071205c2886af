"""The loop of ``flask webhooks deliver``: looks for webhooks that are due, and delivers to many of them at once."""

import logging
import signal
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import psycopg2
from blinker import Signal
from flask import Flask

from taskapp.db.errors import DatabaseUnavailable
from taskapp.tasks.reminders.service import fire_due_reminders
from taskapp.tasks.webhooks.delivery import courier
from taskapp.tasks.webhooks.delivery.bell import Bell
from taskapp.tasks.webhooks.delivery.courier import Lease
from taskapp.tasks.webhooks.delivery.delivery import DATABASE_CONNECTIONS, Options, deliver
from taskapp.tasks.webhooks.delivery.reminders import ReminderThread

_logger = logging.getLogger(__name__)

# Sent before each look at all webhooks.
looking = Signal()

THREADS = 64
# Seconds between looks while any webhook is enabled, and the shortest time if calls end sooner than that.
LOOK_SECONDS = 1.0
_SHORTEST_PAUSE = 0.05


class _Found(NamedTuple):
    """What a look found: how many webhooks were due, whether there may be more, and the time until the next look."""

    leases: int
    more: bool
    pause: float


class Loop:
    """Delivers to webhooks until it is told to stop.

    Args:
        app: the application.
        idle_seconds: the longest time between looks while no webhook is enabled.
        wake_fd: see :class:`~taskapp.tasks.webhooks.delivery.bell.Bell`.
    """

    def __init__(self, app: Flask, *, idle_seconds: float, wake_fd: int | None = None) -> None:
        self._app = app
        self._idle_seconds = idle_seconds
        self._bell = Bell(wake_fd)
        self._stopping = threading.Event()
        connections = threading.BoundedSemaphore(min(DATABASE_CONNECTIONS, app.config["THREADS"]))
        self._options = Options(
            allow_private=app.config["WEBHOOK_ALLOW_PRIVATE"],
            prefix=app.config["SCRIPT_NAME"],
            log_calls=app.config["ACCESS_LOG"],
            stopping=self._stopping,
            database=connections,
        )
        # Set if a webhook that has just received a lot has more to receive.
        self._more = threading.Event()
        self._running: set[Future[None]] = set()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook")

    def stop_on_signals(self) -> None:
        """End after the current calls on SIGTERM or SIGINT. A second signal ends the process immediately."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        self._stopping.set()
        self._bell.ring()

    def run(self) -> None:
        """Deliver until a signal."""
        with self._app.app_context(), self._pool, ReminderThread(self._app, self._idle_seconds) as reminders:
            while not self._stopping.is_set():
                started = time.monotonic()
                found = self._look_or_pause()
                self._wait(started, found)
                reminders.wake()

    def run_once(self) -> None:
        """Fire the reminders that are due, deliver everything that is due, and return.

        Raises:
            DatabaseUnavailable, psycopg2.Error: as for :func:`taskapp.db.execute.execute`.
        """
        with self._app.app_context(), self._pool:
            fire_due_reminders()
            while not self._stopping.is_set():
                found = self._look()
                if not found.leases and not self._running:
                    return
                while self._running and not self._has_room(found):
                    self._bell.wait(LOOK_SECONDS)

    def _look_or_pause(self) -> _Found:
        """Look for webhooks that are due. During an outage, which is logged once, only pause."""
        try:
            return self._look()
        except DatabaseUnavailable:
            return _Found(0, more=False, pause=LOOK_SECONDS)
        except psycopg2.Error:
            _logger.exception("Cannot look for webhooks")
            return _Found(0, more=False, pause=10 * LOOK_SECONDS)

    def _look(self) -> _Found:
        looking.send(self)
        self._more.clear()
        free = THREADS - len(self._running)
        look = courier.look(free)
        for lease in look.leases:
            self._start(lease)
        pause = LOOK_SECONDS if look.enabled else self._idle_seconds
        return _Found(len(look.leases), more=len(look.leases) == free, pause=pause)

    def _start(self, lease: Lease) -> None:
        future = self._pool.submit(self._deliver, lease)
        self._running.add(future)
        future.add_done_callback(self._end)

    def _end(self, future: Future[Any]) -> None:
        self._running.discard(future)
        self._bell.ring()

    def _deliver(self, lease: Lease) -> None:
        try:
            with self._app.app_context():
                if deliver(lease, self._options):
                    self._more.set()
        except DatabaseUnavailable:  # Logged once. The lease will run out.
            return
        except Exception:
            _logger.exception("Cannot deliver to a webhook", extra={"webhook": lease.webhook_id, "user": lease.user_id})

    def _has_room(self, found: _Found) -> bool:
        """Return whether more is due, and a thread is free to deliver it."""
        return (found.more or self._more.is_set()) and len(self._running) < THREADS

    def _wait(self, started: float, found: _Found) -> None:
        """Wait until the time of the next look, until another process asks for it, or if more is due, for a thread."""
        until = started + found.pause
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            if self._bell.wait(left) or self._has_room(found):
                until = min(until, started + _SHORTEST_PAUSE)
