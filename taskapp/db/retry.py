"""What the service does while its database is away: it tries again, until the deadline, but not with every thread."""

import logging
import random
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from taskapp.http.errors import DatabaseUnavailable

_logger = logging.getLogger(__name__)

Result = TypeVar("Result")

# Seconds before another try: at first nearly at once, because a server that restarts may be back; then so often that it
# is found within a second of its return. Halved at random, so that not all come at the same moment.
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 0.3


class FailedAttempt(Exception):
    """The database did not do what it was asked.

    Args:
        cause: what the driver said.

    Attributes:
        away: whether that is so for whoever asks: it cannot be reached, or does not answer.
        repeatable: whether it does no harm to ask again.
    """

    def __init__(self, cause: Exception, *, away: bool, repeatable: bool) -> None:
        super().__init__(str(getattr(cause, "orig", cause)))
        self.away = away
        self.repeatable = repeatable


class Outages:
    """Whether the database answers, as far as this process has seen, and who may wait for its return.

    A thread that waits for the database answers nobody else. So while it is away half of the threads wait, at most, and
    what comes beyond that is refused at once; otherwise requests would queue for longer than any deadline.

    Args:
        threads: how many threads of this process serve requests.
    """

    def __init__(self, threads: int) -> None:
        self._places = threading.BoundedSemaphore(max(1, threads // 2))
        self._away = False

    def attempt(self, attempt: Callable[[], Result], until: float) -> Result:
        """Do something that needs the database, again and again where that helps.

        Args:
            attempt: does it; raises :class:`FailedAttempt` where the database does not.
            until: when to give up, on the monotonic clock.

        Raises:
            DatabaseUnavailable: it could not be done, or too many wait already.
        """
        has_place = False
        pause = _FIRST_PAUSE
        try:
            while True:
                if self._away and not has_place:
                    has_place = self._places.acquire(blocking=False)
                    if not has_place:
                        raise DatabaseUnavailable
                try:
                    result = self.attempt_once(attempt)
                except FailedAttempt as failure:
                    wait = pause * random.uniform(0.5, 1)  # noqa: S311 # Not for secrets.
                    if not failure.repeatable or time.monotonic() + wait >= until:
                        raise DatabaseUnavailable from failure
                    time.sleep(wait)
                    pause = min(2 * pause, _LONGEST_PAUSE)
                else:
                    return result
        finally:
            if has_place:
                self._places.release()

    def attempt_once(self, attempt: Callable[[], Result]) -> Result:
        """Do something that needs the database, and remember whether it answered.

        Raises:
            FailedAttempt: it did not do it.
        """
        try:
            result = attempt()
        except FailedAttempt as failure:
            self._note(failure)
            raise
        if self._away:
            self._away = False
            _logger.warning("The database is back")
        return result

    def _note(self, failure: FailedAttempt) -> None:
        reason = str(failure).partition("\n")[0]
        if not failure.away:
            _logger.warning("The database did not do what it was asked: %s", reason)
        elif not self._away:  # Said once, not by every request until it is back.
            self._away = True
            _logger.warning("The database is away: %s", reason)
