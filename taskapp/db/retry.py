"""Retries of database operations during an outage, up to the deadline and with at most half of the threads."""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from taskapp.db.errors import DatabaseUnavailable

_logger = logging.getLogger(__name__)

Result = TypeVar("Result")

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
        self._bulkhead = threading.BoundedSemaphore(max(1, threads // 2))
        self._is_open = False

    def call(self, operation: Callable[[], Result], until: float) -> Result:
        """Call an operation, and again if that may help.

        Args:
            operation: raises :class:`OperationFailed` if the database does not perform it.
            until: when to give up, on the clock of ``time.monotonic``.

        Raises:
            DatabaseUnavailable: it failed for good, or too many threads retry already.
        """
        in_bulkhead = False
        pause = _FIRST_PAUSE
        try:
            while True:
                if self._is_open and not in_bulkhead:
                    in_bulkhead = self._bulkhead.acquire(blocking=False)
                    if not in_bulkhead:
                        raise DatabaseUnavailable
                try:
                    return self.call_once(operation)
                except OperationFailed as failure:
                    wait = pause * random.uniform(0.5, 1)  # noqa: S311 # Jitter, so that threads do not retry as one.
                    if not failure.can_retry or time.monotonic() + wait >= until:
                        raise DatabaseUnavailable from failure
                time.sleep(wait)
                pause = min(2 * pause, _LONGEST_PAUSE)
        finally:
            if in_bulkhead:
                self._bulkhead.release()

    def call_once(self, operation: Callable[[], Result]) -> Result:
        """Call an operation, and open or close the breaker by how it ends.

        Raises:
            OperationFailed: the database did not perform it.
        """
        try:
            result = operation()
        except OperationFailed as failure:
            self._record(failure)
            raise
        if self._is_open:
            self._is_open = False
            _logger.warning("The database is back")
        return result

    def _record(self, failure: OperationFailed) -> None:
        reason = str(failure).partition("\n")[0]
        if not failure.unavailable:
            _logger.warning("The database did not do what it was asked: %s", reason)
        elif not self._is_open:  # Logged once, not by every request of the outage.
            self._is_open = True
            _logger.warning("The database is away: %s", reason)
