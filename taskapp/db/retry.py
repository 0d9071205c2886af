"""Retries of database operations during an outage, up to the deadline and with at most half of the threads."""

import logging
import math
import random
import threading
import time
from typing import Self

from taskapp.db.errors import DatabaseReadOnly, DatabaseUnavailable, NodeUnavailable, UserBusy, describe

_logger = logging.getLogger(__name__)

# Seconds before the next attempt. The first attempts follow quickly, because a restart may be short. The later ones are
# frequent enough to notice a recovery within a second.
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.3
# Refusals that follow each other within these seconds have one cause, and are logged once.
_SAME_REFUSAL = 60


class OperationFailed(Exception):
    """A database operation failed.

    Args:
        cause: the exception of the driver or of SQLAlchemy.

    Attributes:
        unavailable: whether the database is unreachable or does not respond, so that every operation would fail.
        can_retry: whether a retry is safe and may succeed.
        error: the class of the error that the operation ends with if it is not retried.
        sqlstate: the code that PostgreSQL gave, or an empty string.
    """

    def __init__(
        self,
        cause: Exception,
        *,
        unavailable: bool,
        can_retry: bool,
        error: type[DatabaseUnavailable] = DatabaseUnavailable,
    ) -> None:
        super().__init__(describe(cause))
        self.unavailable = unavailable
        self.can_retry = can_retry
        self.error = error
        self.sqlstate: str = getattr(cause, "pgcode", None) or ""

    @property
    def refused(self) -> bool:
        """Whether the database responds, but refuses the statement, as it will until somebody changes it."""
        return self.error not in (DatabaseUnavailable, NodeUnavailable, UserBusy) and not self.unavailable


class CircuitBreaker:
    """Tracks whether the database is available to this process, and limits retries while it is not.

    A thread that waits for the database serves no other request. During an outage the breaker is open: at most half of
    the threads, but at least one, retry (a bulkhead), and further requests fail immediately. Otherwise requests would
    queue for longer than any deadline.

    Args:
        threads: the number of threads in this process that serve requests.
    """

    def __init__(self, threads: int) -> None:
        self.bulkhead = threading.BoundedSemaphore(max(1, threads // 2))
        self.is_open = False
        self._refused_at: dict[str, float] = {}

    def record_success(self) -> None:
        """Close the breaker."""
        if self.is_open:
            self.is_open = False
            _logger.warning("The database is available again")

    def record_failure(self, failure: OperationFailed) -> None:
        """Log a failure, and open the breaker if the database is unavailable."""
        if failure.refused:
            self._record_refusal(failure)
        elif not failure.unavailable:
            _logger.warning("Database operation failed: %s", failure)
        elif not self.is_open:  # Logged once per outage, not once per request.
            self.is_open = True
            _logger.warning("The database is unavailable: %s", failure)

    def _record_refusal(self, failure: OperationFailed) -> None:
        """Log a refusal, unless the last one with its cause was less than a minute ago.

        Missing privileges on two tables have one SQLSTATE, but two messages. A read-only database has one message for
        each kind of statement.
        """
        now = time.monotonic()
        cause = failure.sqlstate if failure.error is DatabaseReadOnly else str(failure)
        last = self._refused_at.get(cause, -math.inf)
        self._refused_at[cause] = now
        if now - last > _SAME_REFUSAL:
            _logger.error("The database refused a statement: %s (SQLSTATE %s)", failure, failure.sqlstate)


class Retry:
    """The attempts of one operation, as a context manager.

    Args:
        breaker: the circuit breaker of the database.
        until: the deadline, on the clock of ``time.monotonic``; None for a single attempt, even if the breaker is open.
    """

    def __init__(self, breaker: CircuitBreaker, until: float | None) -> None:
        self._breaker = breaker
        self._until = until
        self._pause = _FIRST_PAUSE
        self._in_bulkhead = False

    def __enter__(self) -> Self:
        """Return the attempts."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bulkhead."""
        if self._in_bulkhead:
            self._breaker.bulkhead.release()

    def check(self) -> None:
        """Check whether this thread may attempt the operation. To be called before each attempt.

        Raises:
            DatabaseUnavailable: the breaker is open, and the bulkhead is full.
        """
        if self._until is not None and self._breaker.is_open and not self._in_bulkhead:
            self._in_bulkhead = self._breaker.bulkhead.acquire(blocking=False)
            if not self._in_bulkhead:
                raise DatabaseUnavailable

    def pause_after(self, failure: OperationFailed) -> None:
        """Wait after a failed attempt until the next one.

        Raises:
            DatabaseUnavailable: there is no next attempt.
        """
        self._breaker.record_failure(failure)
        seconds = self._pause * random.uniform(0.5, 1)  # noqa: S311 # Jitter, so that threads do not retry together.
        if self._until is None or not failure.can_retry or time.monotonic() + seconds >= self._until:
            raise failure.error(str(failure)) from failure
        time.sleep(seconds)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
