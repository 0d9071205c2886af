"""The deadline of the current request: one for all its statements, from the first one on.

Nothing else bounds the wait for a database. A pooler holds a statement for as long as it takes, the timeouts of libpq
end with the login, and gunicorn does not watch its threads.
"""

import math
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg2
from psycopg2 import extensions

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
    ends_at: float | None = None


# How long the current request waited for a thread, which counts towards its timeout. A server that knows it sets it.
seconds_in_queue: ContextVar[float] = ContextVar("seconds_in_queue", default=0.0)
_request: ContextVar[_Request | None] = ContextVar("request", default=None)
_wait_ends_at: ContextVar[float] = ContextVar("wait_ends_at", default=math.inf)


@contextmanager
def request_deadline() -> Iterator[None]:
    """Have all statements of a request share one deadline."""
    token = _request.set(_Request())
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
            request.ends_at = time.monotonic() + timeout - seconds_in_queue.get()
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


def wait_for_server(connection: Any) -> None:
    """Wait for PostgreSQL, but no longer than the current :func:`wait_until` allows: the wait callback of psycopg2.

    psycopg2 closes the connection if this raises; closing it here would hang.

    Raises:
        psycopg2.OperationalError: the time is up.
    """
    while (state := connection.poll()) != extensions.POLL_OK:
        seconds = _wait_ends_at.get() - time.monotonic()
        if seconds <= 0:
            raise psycopg2.OperationalError("no response before the deadline")
        poller = select.poll()  # A new one each time: while it connects, libpq may go on to another socket.
        poller.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
        poller.poll(None if seconds == math.inf else seconds * 1000)
