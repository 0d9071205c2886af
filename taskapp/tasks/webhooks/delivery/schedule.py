"""When a failed delivery is tried again."""

import random
from http import HTTPStatus

from taskapp.tasks.webhooks.delivery.queries import MAXIMUM_ATTEMPTS

_MINUTE, _HOUR = 60, 3600
# Seconds after each failure. The schedule of the Standard Webhooks specification:
# https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#deliverability-and-reliability
WAITS = (5, 5 * _MINUTE, 30 * _MINUTE, *(hours * _HOUR for hours in (2, 5, 10, 14, 20, 24)))
# So that the receivers of one host, which fail together, are not called together again.
JITTER = 0.1
LONGEST_RETRY_AFTER = 24 * _HOUR


def seconds_to_wait(attempt: int, retry_after: float) -> float:
    """Return the seconds between a failure and the next try.

    Args:
        attempt: the number of the try that failed, from 1 on.
        retry_after: the seconds that the receiver asked for, which count if they are more.
    """
    planned = WAITS[min(attempt, len(WAITS)) - 1] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 # No secret.
    return max(planned, min(retry_after, LONGEST_RETRY_AFTER))


def disables(attempt: int, status: int | None) -> bool:
    """Return whether a failure disables the webhook: the last try, or a 410, by which a receiver unsubscribes."""
    return attempt >= MAXIMUM_ATTEMPTS or status == HTTPStatus.GONE
