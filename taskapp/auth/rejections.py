"""Reports of rejected tokens: a log line with the reason, and a signal for the metrics.

A report contains nothing of the token, because a client chooses what is in it.
"""

import logging
from collections import Counter

from blinker import Signal
from flask import Flask

from taskapp.auth.errors import InvalidToken, Reason
from taskapp.auth.token_bucket import TokenBucket

_logger = logging.getLogger(__name__)

# Sent for each rejected token. The sender is the application. The argument is the reason, ``reason``.
token_rejected = Signal()

# For each reason, BURST lines may follow each other immediately. After that, one line per PERIOD seconds is written, so
# that a flood of invalid tokens does not fill the disk, and does not hide the other reasons.
BURST = 20
PERIOD = 1


class RejectionLog:
    """Reports each token that an application rejects. Log lines are limited per reason, the signal is not.

    Args:
        app: the application.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._buckets = {reason: TokenBucket(BURST, PERIOD) for reason in Reason}
        self._suppressed: Counter[Reason] = Counter()

    def report(self, error: InvalidToken) -> None:
        """Report a rejected token."""
        if error.reason:
            token_rejected.send(self._app, reason=error.reason.value)
            self._log(error.reason, error.claim)

    def _log(self, reason: Reason, claim: str | None) -> None:
        if not self._buckets[reason].take():
            self._suppressed[reason] += 1
            return
        # A field without a value is left out.
        fields = {"reason": reason.value, "claim": claim, "suppressed": self._suppressed.pop(reason, None)}
        _logger.info("rejected token", extra={name: value for name, value in fields.items() if value})
