"""The engine: a pool of live connections, and a wait for PostgreSQL that ends with the deadline."""

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
    """Return what Flask-SQLAlchemy makes the engine with.

    Args:
        config: the settings, of which THREADS and REQUEST_TIMEOUT count here.
    """
    return {
        "isolation_level": "AUTOCOMMIT",
        # No transaction is ever left open, and there is no column of the type that would be probed for.
        "pool_reset_on_return": None,
        "use_native_hstore": False,
        # One connection for each thread that can ask for one. The most recently used one comes first, so that those a
        # quiet hour leaves over stay idle and are replaced before Neon suspends (5 minutes) or a firewall forgets them.
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


def connect(engine: Engine) -> PoolProxiedConnection:
    """Take a connection from the pool. Nothing is sent before there is one, so this can always be retried.

    Raises:
        OperationFailed: there is no connection.
    """
    try:
        return engine.raw_connection()
    except PoolTimeoutError as error:  # All connections were in use for as long as a request has.
        raise OperationFailed(error, unavailable=False, can_retry=False) from error
    # SQLAlchemy's own: what it asks of the first connection of all failed, or one after the other turned out dead.
    except (psycopg2.Error, DBAPIError, InvalidRequestError) as error:
        raise OperationFailed(error, unavailable=True, can_retry=True) from error


def _is_readable(dbapi_connection: Any) -> bool:
    poller = select.poll()  # select() takes no descriptor from 1024 on.
    poller.register(dbapi_connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))


def _replace_dead(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    """Have the pool replace a connection that was closed while it was idle.

    PostgreSQL sends nothing on an idle connection, so one that is readable was closed. This costs microseconds, the
    usual ping a round trip.
    """
    if dbapi_connection.closed or _is_readable(dbapi_connection):
        raise DisconnectionError


def init_engine(engine: Engine) -> None:
    """Bound how long connections wait, and have dead ones replaced. Connects to nothing."""
    extensions.set_wait_callback(wait_for_server)
    event.listen(engine, "checkout", _replace_dead)
