"""The loop of ``flask webhooks deliver``: looks for webhooks that are due, and delivers to many of them at once."""

import logging
import random
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import psycopg2
from blinker import Signal
from flask import Flask

from taskapp.db.errors import DatabaseUnavailable
from taskapp.tasks.reminders.service import fire_due_reminders
from taskapp.tasks.webhooks.delivery import courier
from taskapp.tasks.webhooks.delivery.bell import Bell
from taskapp.tasks.webhooks.delivery.courier import Due
from taskapp.tasks.webhooks.delivery.delivery import DATABASE_CONNECTIONS, Options, deliver
from taskapp.tasks.webhooks.delivery.reminders import ReminderThread

_logger = logging.getLogger(__name__)

# Sent before each look at all webhooks.
looking = Signal()

THREADS = 64
# How many times as many webhooks a look reads as there are free threads. The process tries any of them, so that several
# processes seldom try the same ones.
PAGE = 16
# Seconds between looks while any webhook is enabled, and the shortest time if calls end sooner than that.
LOOK_SECONDS = 1.0
_SHORTEST_PAUSE = 0.05


class _Found(NamedTuple):
    """What a look led to: how many webhooks are tried, whether more may be due, and the time until the next look."""

    tried: int
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
        self._running: set[tuple[str, int]] = set()
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
                if not found.tried and not self._running:
                    return
                while self._running:
                    self._bell.wait(LOOK_SECONDS)
                    if self._has_room(found):
                        break

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
        look = courier.look(PAGE * free)
        # One that is being tried is due until its lease is taken, and once it was released.
        running = self._running.copy()
        others = [due for due in look.due if due[:2] not in running]
        tried = random.sample(others, min(len(others), free))
        for due in tried:
            self._start(due)
        pause = LOOK_SECONDS if look.enabled else self._idle_seconds
        return _Found(len(tried), more=not free or len(look.due) > len(tried), pause=pause)

    def _start(self, due: Due) -> None:
        self._running.add(due[:2])
        future = self._pool.submit(self._deliver, due)
        future.add_done_callback(lambda _: self._end(due))

    def _end(self, due: Due) -> None:
        self._running.discard(due[:2])
        self._bell.ring()

    def _deliver(self, due: Due) -> None:
        try:
            with self._app.app_context():
                if deliver(due, self._options):
                    self._more.set()
        except DatabaseUnavailable:  # Logged once. A lease that was taken will run out.
            return
        except Exception:
            _logger.exception("Cannot deliver to a webhook", extra={"webhook": due.webhook_id, "user": due.user_id})

    def _has_room(self, found: _Found) -> bool:
        """Return whether more is due, and a thread is free to deliver it."""
        return (found.more or self._more.is_set()) and len(self._running) < THREADS

    def _wait(self, started: float, found: _Found) -> None:
        """Wait until the time of the next look, until another process asks for it, or if more is due, for a thread."""
        until = started + found.pause
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            if self._bell.wait(left) or self._has_room(found):
                until = min(until, started + _SHORTEST_PAUSE)
