"""The deadline of the current request. All its statements share it, and it starts with the first one.

Nothing else limits how long a request waits for the database. A pooler holds a statement for as long as it takes, the
timeouts of libpq only cover connecting, and gunicorn does not monitor its threads.
"""

import math
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import psycopg2
from psycopg2 import extensions

from taskapp.db.request_scope import request_state

# Fractions of the timeout. After the first, PostgreSQL cancels the statement, which keeps the connection usable. After
# the second, this process discards the connection, so that it can still respond within the timeout.
SERVER_SHARE = 0.90
CLIENT_SHARE = 0.95


class Deadline(NamedTuple):
    """The time limits of a statement, on the clock of ``time.monotonic``.

    Attributes:
        server: when PostgreSQL cancels it.
        client: when this process stops waiting for PostgreSQL.
    """

    server: float
    client: float

    def server_milliseconds(self) -> int:
        """Return the milliseconds that PostgreSQL has left; zero or less if the time is up."""
        return int((self.server - time.monotonic()) * 1000)


# How long the current request waited for a thread, which counts towards its timeout. Set by servers that measure it.
seconds_in_queue: ContextVar[float] = ContextVar("seconds_in_queue", default=0.0)
_wait_ends_at: ContextVar[float] = ContextVar("wait_ends_at", default=math.inf)


def statement_deadline(timeout: float) -> Deadline:
    """Return the deadline of a statement.

    Args:
        timeout: seconds for all statements of a request, counted from the first one. Outside of a request, each
            statement has its own deadline.
    """
    request = request_state.get()
    if request is None:
        ends_at = time.monotonic() + timeout
    else:
        if request.ends_at is None:
            request.ends_at = time.monotonic() + timeout - seconds_in_queue.get()
        ends_at = request.ends_at
    return Deadline(ends_at - (1 - SERVER_SHARE) * timeout, ends_at - (1 - CLIENT_SHARE) * timeout)


@contextmanager
def wait_until(ends_at: float) -> Iterator[None]:
    """Limit the waits for PostgreSQL in this context.

    Args:
        ends_at: the end of the waits, on the clock of ``time.monotonic``; ``math.inf`` means no limit.
    """
    token = _wait_ends_at.set(ends_at)
    try:
        yield
    finally:
        _wait_ends_at.reset(token)


def wait_for_server(connection: Any) -> None:
    """Wait for PostgreSQL until the end that :func:`wait_until` set. This is the wait callback of psycopg2.

    https://www.psycopg.org/docs/extensions.html#psycopg2.extensions.set_wait_callback: if this raises, psycopg2 closes
    the connection. Closing it here would hang.

    Raises:
        psycopg2.OperationalError: the time is up.
    """
    while (state := connection.poll()) != extensions.POLL_OK:
        seconds = _wait_ends_at.get() - time.monotonic()
        if seconds <= 0:
            raise psycopg2.OperationalError("no response before the deadline")
        poller = select.poll()  # A new one each time, because libpq may switch sockets while it connects.
        poller.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
        poller.poll(None if seconds == math.inf else seconds * 1000)
