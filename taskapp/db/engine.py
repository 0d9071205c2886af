"""Connections to PostgreSQL: from Flask-SQLAlchemy's pool, alive, and waited for no longer than until a deadline."""

import math
import select
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Engine, PoolProxiedConnection, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from taskapp.db import db
from taskapp.db.retry import FailedAttempt

# The part of REQUEST_TIMEOUT after which we give up on the server, so that the answer is there before it is over.
SHARE = 0.95


class _Deadline(threading.local):
    """When the statement of this thread must be done, on the monotonic clock."""

    at = math.inf


_deadline = _Deadline()


@contextmanager
def deadline(at: float) -> Iterator[None]:
    """Give up on the server where it has not answered by a time, on the monotonic clock; ``math.inf`` is never."""
    before, _deadline.at = _deadline.at, at
    try:
        yield
    finally:
        _deadline.at = before


def engine_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Flask-SQLAlchemy makes the engine with.

    Args:
        config: the settings, of which THREADS and REQUEST_TIMEOUT count here.
    """
    return {
        "isolation_level": "AUTOCOMMIT",
        # No transaction is ever left open, and there is no column of the type that would be probed for.
        "pool_reset_on_return": None,
        "use_native_hstore": False,
        # One connection for each thread that can ask for one; the most recently used first, so that what a quiet hour
        # leaves over goes idle, and is replaced before Neon suspends (5 minutes) or a firewall forgets it.
        "pool_size": config["THREADS"],
        "max_overflow": 0,
        "pool_timeout": math.ceil(config["REQUEST_TIMEOUT"]),  # SQLAlchemy cuts it to whole seconds.
        "pool_use_lifo": True,
        "pool_recycle": 240,
        # Parameters are what users wrote: not for logs.
        "hide_parameters": True,
        "connect_args": {
            "application_name": "taskapp",
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
    }


def connect() -> PoolProxiedConnection:
    """Take a connection; nothing is sent before there is one, so this can always be repeated.

    Raises:
        FailedAttempt: there is none to be had.
    """
    try:
        return db.engine.raw_connection()
    except PoolTimeoutError as error:  # All connections were in use for as long as a request has.
        raise FailedAttempt(error, away=False, repeatable=False) from error
    # SQLAlchemy's own: what it asks of the first connection of all failed, or one after the other turned out dead.
    except (psycopg2.Error, DBAPIError, InvalidRequestError) as error:
        raise FailedAttempt(error, away=True, repeatable=True) from error


def _wait_until_deadline(connection: Any) -> None:
    """Wait for the server, but no longer than the deadline of this thread's statement.

    Nothing else bounds this: a pooler holds a statement as long as it takes, libpq's timeouts end with the login, and
    gunicorn does not watch a thread. psycopg2 closes the connection when this raises; closing it here would hang.
    """
    while (state := connection.poll()) != extensions.POLL_OK:
        remaining = _deadline.at - time.monotonic()
        if remaining <= 0:
            raise psycopg2.OperationalError("no answer before the deadline")
        poller = select.poll()  # A new one each time: while it connects, libpq may go on to another socket.
        poller.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
        poller.poll(None if remaining == math.inf else remaining * 1000)


def _is_readable(dbapi_connection: Any) -> bool:
    poller = select.poll()  # select() takes no descriptor from 1024 on.
    poller.register(dbapi_connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))


def _refuse_dead(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    """Have the pool replace a connection that died while it was idle.

    A server has nothing to say on an idle connection, so one that is readable was closed. This costs microseconds
    where the usual ping costs a round trip.
    """
    if dbapi_connection.closed or _is_readable(dbapi_connection):
        raise DisconnectionError


def init_engine(engine: Engine) -> None:
    """Have connections wait no longer than they may, and dead ones replaced. Connects to nothing."""
    extensions.set_wait_callback(_wait_until_deadline)
    event.listen(engine, "checkout", _refuse_dead)
