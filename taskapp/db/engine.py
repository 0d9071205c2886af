"""The engine: its pool, the detection of dead connections, and a wait for PostgreSQL that ends at the deadline."""

import math
import select
from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Engine, PoolProxiedConnection, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from taskapp.db.deadline import wait_for_server
from taskapp.db.retry import OperationFailed


def engine_options(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the engine options for Flask-SQLAlchemy.

    Args:
        config: the settings, including THREADS and REQUEST_TIMEOUT.
    """
    return {
        "isolation_level": "AUTOCOMMIT",
        # With AUTOCOMMIT, no transaction stays open. No column has the type hstore, so nothing looks for it.
        "pool_reset_on_return": None,
        "use_native_hstore": False,
        # One connection per thread. The most recently used one is taken first, so that surplus connections stay idle.
        # They are replaced before Neon suspends (after 5 minutes) or a firewall drops them.
        "pool_size": config["THREADS"],
        "max_overflow": 0,
        "pool_timeout": math.ceil(config["REQUEST_TIMEOUT"]),  # SQLAlchemy truncates it to whole seconds.
        "pool_use_lifo": True,
        "pool_recycle": 240,
        # Parameters contain the data of users, which must not be logged.
        "hide_parameters": True,
        "connect_args": {
            "application_name": "taskapp",
            # Not left to PGCLIENTENCODING: in other encodings different user ids may be the same bytes.
            "client_encoding": "utf8",
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
    }


def connect(engine: Engine) -> PoolProxiedConnection:
    """Take a connection from the pool, or open one. Both can be retried, because no statement was sent yet.

    Raises:
        OperationFailed: there is no connection.
    """
    try:
        return engine.raw_connection()
    except PoolTimeoutError as error:  # All connections were in use for the whole REQUEST_TIMEOUT.
        raise OperationFailed(error, unavailable=False, can_retry=False) from error
    # SQLAlchemy raises its own errors if its queries on the first connection fail, or if several connections are dead.
    except (psycopg2.Error, DBAPIError, InvalidRequestError) as error:
        raise OperationFailed(error, unavailable=True, can_retry=True) from error


def _is_readable(dbapi_connection: Any) -> bool:
    poller = select.poll()  # select() supports no descriptor above 1023.
    poller.register(dbapi_connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))


def _replace_dead(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    """Make the pool replace a connection that was closed while it was idle.

    PostgreSQL sends nothing on an idle connection, so a readable one was closed. This check takes microseconds.
    SQLAlchemy's ``pool_pre_ping`` takes a round trip.

    Raises:
        DisconnectionError: the connection is dead; SQLAlchemy then opens another one.
    """
    if dbapi_connection.closed or _is_readable(dbapi_connection):
        raise DisconnectionError


def init_engine(engine: Engine) -> None:
    """Limit how long connections wait for PostgreSQL, and replace dead ones. Does not connect."""
    extensions.set_wait_callback(wait_for_server)
    event.listen(engine, "checkout", _replace_dead)
