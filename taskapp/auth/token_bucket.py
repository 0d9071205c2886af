"""A rate limiter for what clients can cause: fetches of keys, and log lines."""

import math
import time

clock = time.monotonic


class TokenBucket:
    """Allows a burst of actions, then one per period.

    Args:
        burst: how many actions may follow each other immediately.
        period: the seconds after which another one is allowed.
    """

    def __init__(self, burst: int, period: float) -> None:
        self._burst = burst
        self._period = period
        self._left = float(burst)
        self._counted_at = clock()

    def take(self) -> bool:
        """Take a token; return False if none is left."""
        left, now = self._left_now(), clock()
        if left < 1:
            return False
        self._left, self._counted_at = left - 1, now
        return True

    def wait(self) -> int:
        """Return the time until the next token in whole seconds, at least 1."""
        return max(1, math.ceil((1 - self._left_now()) * self._period))

    def _left_now(self) -> float:
        return min(self._burst, self._left + (clock() - self._counted_at) / self._period)
