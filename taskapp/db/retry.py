"""Retries of database operations during an outage, up to the deadline and with at most half of the threads."""

import logging
import random
import threading
import time
from typing import Self

from taskapp.db.errors import DatabaseUnavailable

_logger = logging.getLogger(__name__)

# Seconds before the next try. The first come quickly, because a server that restarts may be back at once; later ones
# often enough to find it within a second of its return.
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.3


class OperationFailed(Exception):
    """The database did not perform an operation.

    Args:
        cause: the exception of the driver.

    Attributes:
        unavailable: whether every operation would fail now: the database cannot be reached, or does not respond.
        can_retry: whether trying again does no harm.
    """

    def __init__(self, cause: Exception, *, unavailable: bool, can_retry: bool) -> None:
        super().__init__(str(getattr(cause, "orig", cause)))
        self.unavailable = unavailable
        self.can_retry = can_retry


class CircuitBreaker:
    """Whether the database is available, as this process has seen it, and how many threads may retry while it is not.

    A thread that waits for the database serves no other request. During an outage the breaker is open: half of the
    threads may retry (a bulkhead), and further requests fail at once. Otherwise requests would queue for longer than
    any deadline.

    Args:
        threads: how many threads of this process serve requests.
    """

    def __init__(self, threads: int) -> None:
        self.bulkhead = threading.BoundedSemaphore(max(1, threads // 2))
        self.is_open = False

    def record_success(self) -> None:
        """Close the breaker."""
        if self.is_open:
            self.is_open = False
            _logger.warning("The database is back")

    def record_failure(self, failure: OperationFailed) -> None:
        """Open the breaker if the database is unavailable."""
        reason = str(failure).partition("\n")[0]
        if not failure.unavailable:
            _logger.warning("The database did not do what it was asked: %s", reason)
        elif not self.is_open:  # Logged once, not by every request of the outage.
            self.is_open = True
            _logger.warning("The database is away: %s", reason)


class Retry:
    """The tries of one operation, as a context.

    Args:
        breaker: whether the database is available.
        until: when to give up, on the clock of ``time.monotonic``; None for a single try, even if the breaker is open.
    """

    def __init__(self, breaker: CircuitBreaker, until: float | None) -> None:
        self._breaker = breaker
        self._until = until
        self._pause = _FIRST_PAUSE
        self._in_bulkhead = False

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bulkhead."""
        if self._in_bulkhead:
            self._breaker.bulkhead.release()

    def check(self) -> None:
        """Before each try: find out whether this thread may try.

        Raises:
            DatabaseUnavailable: the database is unavailable, and enough threads retry already.
        """
        if self._until is not None and self._breaker.is_open and not self._in_bulkhead:
            self._in_bulkhead = self._breaker.bulkhead.acquire(blocking=False)
            if not self._in_bulkhead:
                raise DatabaseUnavailable

    def pause_after(self, failure: OperationFailed) -> None:
        """After a try that failed: wait until the next.

        Raises:
            DatabaseUnavailable: there is no next try.
        """
        self._breaker.record_failure(failure)
        seconds = self._pause * random.uniform(0.5, 1)  # noqa: S311 # Jitter, so that threads do not retry as one.
        if self._until is None or not failure.can_retry or time.monotonic() + seconds >= self._until:
            raise DatabaseUnavailable from failure
        time.sleep(seconds)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
