"""The engine: what each connection states, its pool, and a wait for PostgreSQL that ends at the deadline."""

import math
import select
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import URL, Engine, NullPool, PoolProxiedConnection, create_engine, event
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import DBAPIError, DisconnectionError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from taskapp.db.deadline import wait_for_server, wait_until
from taskapp.db.errors import UnsuitableDatabase
from taskapp.db.retry import OperationFailed

# libpq fills in what a URL leaves out from variables such as PGHOSTADDR and from a service file
# (https://www.postgresql.org/docs/current/libpq-envars.html). They may add credentials and TLS options, but do not
# decide where a connection goes, nor what its session begins with. An empty value selects libpq's own default.
_NOT_FROM_ENVIRONMENT = {
    "host": "",
    "hostaddr": "",
    "port": "",
    "dbname": "",
    "options": "",
    "target_session_attrs": "any",
}
_DEFAULTS = {
    "application_name": "taskapp",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}
# In other encodings, different user ids may be the same bytes, and some text has none.
_REQUIRED = {"client_encoding": "utf8"}
# What the server reports about a new session. psycopg2 quotes values by the value of standard_conforming_strings that
# it found first: if that was off, and later is on, a backslash in a value would end its quotes.
_REPORTED = {"server_encoding": "UTF8", "standard_conforming_strings": "on"}
# Whether the database is the coordinator of a Citus cluster.
HAS_CITUS = "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus')"
_DIALECT = PGDialect_psycopg2()  # type: ignore[no-untyped-call] # SQLAlchemy does not annotate it.


def _url_args(url: URL) -> dict[str, Any]:
    """Return the arguments of psycopg2 that a database URL has, with its password."""
    _, args = _DIALECT.create_connect_args(url)  # type: ignore[no-untyped-call] # As above.
    return dict(args)


def further_args(url: URL) -> dict[str, Any]:
    """Return the arguments that make a connection independent of the environment, in addition to those of its URL.

    Args:
        url: the URL. Its own parameters take precedence, except over the encoding of the client.
    """
    given = _url_args(url)
    stated = {**_NOT_FROM_ENVIRONMENT, **_DEFAULTS}
    return {**{name: value for name, value in stated.items() if name not in given}, **_REQUIRED}


def engine_options(config: Mapping[str, Any], url: URL) -> dict[str, Any]:
    """Return the engine options for Flask-SQLAlchemy.

    Args:
        config: the settings, including THREADS and REQUEST_TIMEOUT.
        url: the URL of the database.
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
        "connect_args": further_args(url),
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
    except UnsuitableDatabase as error:
        raise OperationFailed(error, unavailable=True, can_retry=False, error=UnsuitableDatabase) from error
    # SQLAlchemy raises its own errors if its queries on the first connection fail, or if several connections are dead.
    except (psycopg2.Error, DBAPIError, InvalidRequestError) as error:
        raise OperationFailed(error, unavailable=True, can_retry=True) from error


@contextmanager
def connection_of(engine: Engine) -> Iterator[PoolProxiedConnection]:
    """Take a connection, as :func:`connect` does, and return it to the pool at the end."""
    connection = connect(engine)
    try:
        yield connection
    finally:
        connection.close()


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


def _check_new(dbapi_connection: Any, record: Any) -> None:
    """Check what the server reported when a connection was opened. This takes no round trip.

    Raises:
        UnsuitableDatabase: the service cannot use the database.
    """
    record.info["opened_at"] = time.monotonic()
    _check_reported(dbapi_connection)


def _check_reported(dbapi_connection: Any) -> None:
    for name, required in _REPORTED.items():
        value = dbapi_connection.get_parameter_status(name)
        if value != required:
            dbapi_connection.close()
            raise UnsuitableDatabase(f"{name} of the database is {value}, but must be {required}")


def _detect_citus(dbapi_connection: Any, record: Any) -> None:
    """Look whether the database is a Citus cluster. This takes a round trip for each new connection."""
    with dbapi_connection.cursor() as cursor:
        cursor.execute(HAS_CITUS)
        record.info["citus"] = bool(cursor.fetchall()[0][0])


def is_citus(connection: PoolProxiedConnection) -> bool:
    """Return whether a connection is to the coordinator of a Citus cluster."""
    return bool(connection.info["citus"])


def opened_at(connection: PoolProxiedConnection) -> float:
    """Return when a connection was opened, on the clock of ``time.monotonic``."""
    return float(connection.info["opened_at"])


def init_engine(engine: Engine) -> None:
    """Limit how long connections wait for PostgreSQL, look at new ones, and replace dead ones. Does not connect."""
    extensions.set_wait_callback(wait_for_server)
    event.listen(engine, "connect", _check_new)
    event.listen(engine, "connect", _detect_citus)
    event.listen(engine, "checkout", _replace_dead)


def unpooled_engine(url: URL) -> Engine:
    """Return an engine for migrations, which opens a connection for each use."""
    engine = create_engine(url, poolclass=NullPool, connect_args=further_args(url), hide_parameters=True)
    event.listen(engine, "connect", _check_new)
    return engine


def check_database(url: URL, seconds: float) -> None:
    """Connect to a database once, and check whether the service can use it.

    Args:
        url: the URL of the database.
        seconds: how long to wait for the connection.

    Raises:
        UnsuitableDatabase: the service cannot use it.
        psycopg2.Error: it cannot be reached.
    """
    with wait_until(time.monotonic() + seconds):
        connection = psycopg2.connect(**{**_url_args(url), **further_args(url)})
    _check_reported(connection)
    connection.close()
