"""The deadline of the current request: one for all its statements, from the first one on.

Nothing else bounds the wait for a database. A pooler holds a statement for as long as it takes, the timeouts of libpq
end with the login, and gunicorn does not watch its threads.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple

# The parts of the timeout after which PostgreSQL cancels a statement, which keeps the connection, and after which this
# process gives up on PostgreSQL, so that the response is there before the timeout is over.
SERVER_SHARE = 0.90
CLIENT_SHARE = 0.95


class Deadline(NamedTuple):
    """When a statement must be done, on the clock of ``time.monotonic``.

    Attributes:
        server: when PostgreSQL cancels it.
        client: when this process gives up on PostgreSQL.
    """

    server: float
    client: float

    def server_milliseconds(self) -> int:
        """Return how long PostgreSQL may still take; zero or less if there is no time left."""
        return int((self.server - time.monotonic()) * 1000)


@dataclass(slots=True)
class _Request:
    seconds_in_queue: float
    ends_at: float | None = None


_request: ContextVar[_Request | None] = ContextVar("request", default=None)
_wait_ends_at: ContextVar[float] = ContextVar("wait_ends_at", default=math.inf)


@contextmanager
def request_deadline(seconds_in_queue: float) -> Iterator[None]:
    """Have all statements of a request share one deadline.

    Args:
        seconds_in_queue: how long the request waited for a thread, which counts towards its timeout.
    """
    token = _request.set(_Request(seconds_in_queue))
    try:
        yield
    finally:
        _request.reset(token)


def statement_deadline(timeout: float) -> Deadline:
    """Return the deadline of a statement.

    Args:
        timeout: seconds for all statements of a request together, from the first one on. A statement outside of a
            request has them for itself.
    """
    request = _request.get()
    if request is None:
        ends_at = time.monotonic() + timeout
    else:
        if request.ends_at is None:
            request.ends_at = time.monotonic() + timeout - request.seconds_in_queue
        ends_at = request.ends_at
    return Deadline(ends_at - (1 - SERVER_SHARE) * timeout, ends_at - (1 - CLIENT_SHARE) * timeout)


@contextmanager
def wait_until(ends_at: float) -> Iterator[None]:
    """Wait for PostgreSQL until a time on the clock of ``time.monotonic``; ``math.inf`` is for as long as it takes."""
    token = _wait_ends_at.set(ends_at)
    try:
        yield
    finally:
        _wait_ends_at.reset(token)


def seconds_left() -> float:
    """Return how long the current statement may still wait for PostgreSQL."""
    return _wait_ends_at.get() - time.monotonic()
