"""How a statement reaches PostgreSQL: as one user, in one message, before a deadline.

All of the request path that knows psycopg2 is here. The engine runs in AUTOCOMMIT, and psycopg2 sends what it is given
as one message of the simple query protocol, whose statements are one implicit transaction
(https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT). So every statement goes out
behind a prefix that takes the acting role and names the acting user for just that transaction: no round trip of its
own, and nothing left on the connection for the next request, behind PgBouncer in transaction mode too.
"""

import math
import select
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, timedelta, timezone
from functools import lru_cache
from typing import Any

import psycopg2
from flask import Flask, current_app
from psycopg2 import extensions
from sqlalchemy import Executable, PoolProxiedConnection, event
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.exc import DisconnectionError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from taskapp.errors import DatabaseUnavailable
from taskapp.extensions import db
from taskapp.outages import FailedAttempt, Outages
from taskapp.timing import give_up_at, timed

# The role that statements act as: it cannot log in, owns nothing, and row-level security holds for it.
ACTING_ROLE = "taskapp_user"

# The time zone makes psycopg2 return times in UTC, whatever the server is set to.
_PREFIX = (
    f"SELECT set_config('role', '{ACTING_ROLE}', true), set_config('app.user_id', %(acting_user)s, true),"
    " set_config('statement_timeout', %(statement_timeout)s, true), set_config('TimeZone', 'UTC', true);\n"
)
_DIALECT = PGDialect_psycopg2()  # type: ignore[no-untyped-call] # As SQLAlchemy has it.
# Of REQUEST_TIMEOUT: we give up on the server a little before it is over, so that the answer is there by then; and the
# server gives up on a statement a little before we do, which keeps the connection.
_SHARE = 0.95
# https://www.postgresql.org/docs/current/errcodes-appendix.html. The server cannot be reached, or ends its connections.
_AWAY = ("08", "57P")
# Serialization failure and deadlock: the server undid the statement, so it can be sent again.
_UNDONE = ("40001", "40P01")
# Insufficient resources, and operator intervention (57014 among them: the statement ran into its timeout).
_UNAVAILABLE = (*_AWAY, *_UNDONE, "53", "57")


class _Deadline(threading.local):
    """When the statement of this thread must be done, on the monotonic clock."""

    at = math.inf


_deadline = _Deadline()


@contextmanager
def without_deadline() -> Iterator[None]:
    """Do within a request what is no part of it, and may take longer."""
    before, _deadline.at = _deadline.at, math.inf
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
        # Both spare round trips: a rollback where no transaction is open, a probe for a type we do not use.
        "skip_autocommit_rollback": True,
        "use_native_hstore": False,
        # One connection for each thread that can ask for one; the most recently used first, so that what a quiet hour
        # leaves over goes idle, and is replaced before Neon suspends (5 minutes) or a firewall forgets it.
        "pool_size": config["THREADS"],
        "max_overflow": 0,
        "pool_timeout": math.ceil(config["REQUEST_TIMEOUT"]),  # SQLAlchemy takes whole seconds.
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


@timed
def execute(
    statement: Executable, parameters: Mapping[str, Any], *, user_id: str, repeatable: bool = False
) -> Sequence[tuple[Any, ...]]:
    """Run one statement as a user, in one message.

    Args:
        statement: what to run; row-level security confines it to the user's rows, whatever it asks for.
        parameters: the values of its bind parameters.
        user_id: who acts; an empty string is nobody, who sees no rows and can write none.
        repeatable: whether it may run twice, so that it is sent again where a connection breaks under it. One that
            could not be sent at all is sent again in any case.

    Returns:
        All rows, those of RETURNING included, as tuples.

    Raises:
        DatabaseUnavailable: the database cannot be reached, or did not answer in time.
        psycopg2.Error: it refuses the statement.
    """
    message = _message_as(user_id, statement, parameters)
    until = _until()
    return _outages().attempt(lambda: _attempt(message, until, repeatable=repeatable), until)


def execute_as_login_role(statement: Executable) -> Sequence[tuple[Any, ...]]:
    """Run one statement as the role that the service logs in with, once: for the schema, never for users' rows.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`execute`.
    """
    return _execute_once(_compile(statement))


def execute_as_nobody(statement: Executable, parameters: Mapping[str, Any]) -> Sequence[tuple[Any, ...]]:
    """Run one statement as the acting role for no user, once: for looking at whether all is well.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`execute`.
    """
    return _execute_once(_message_as("", statement, parameters))


@timed
def _execute_once(message: "_Message") -> Sequence[tuple[Any, ...]]:
    until = _until()
    try:
        return _outages().attempt_once(lambda: _attempt(message, until, repeatable=False))
    except FailedAttempt as failure:
        raise DatabaseUnavailable from failure


def _outages() -> Outages:
    outages: Outages = current_app.extensions["database_outages"]
    return outages


def _until() -> float:
    return give_up_at(current_app.config["REQUEST_TIMEOUT"] * _SHARE)


# What is sent, in psycopg2's own form of parameters, and their values.
_Message = tuple[str, Mapping[str, Any]]


@lru_cache(maxsize=256)
def _compile(statement: Executable) -> _Message:
    """Write a statement out once; SQLAlchemy's own execution would look that up, and much else, each time."""
    compiled = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined] # All that we run can be compiled.
    fixed = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
    return str(compiled), fixed


def _message_as(user_id: str, statement: Executable, parameters: Mapping[str, Any]) -> _Message:
    text, fixed = _compile(statement)
    return _PREFIX + text, {**fixed, **parameters, "acting_user": user_id}


def _attempt(message: _Message, until: float, *, repeatable: bool) -> Sequence[tuple[Any, ...]]:
    text, values = message
    _deadline.at = until
    connection: Any = None
    try:
        connection = _connect()
        with connection.cursor() as cursor:
            cursor.tzinfo_factory = _time_zone
            cursor.execute(text, {**values, "statement_timeout": _statement_timeout(until)})
            rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
            return rows
    except psycopg2.Error as error:
        if connection.closed:
            connection.invalidate(error)
        code = error.pgcode or ""
        # A connection that breaks has no SQLSTATE: psycopg2 does not tell it.
        broken = not code and isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
        if not broken and not code.startswith(_UNAVAILABLE):
            raise
        raise FailedAttempt(
            error,
            away=broken or code.startswith(_AWAY),
            repeatable=code in _UNDONE or (repeatable and (broken or code.startswith(_AWAY))),
        ) from error
    finally:
        _deadline.at = math.inf
        if connection:
            connection.close()  # Gives it back to the pool.


def _time_zone(offset: timedelta) -> timezone:
    """Return the zone of a time for psycopg2, which by itself makes one for each: a third of what a list costs it."""
    return timezone(offset) if offset else UTC


def _connect() -> PoolProxiedConnection:
    """Take a connection; nothing is sent before there is one, so this can always be repeated.

    Raises:
        FailedAttempt: there is none to be had.
    """
    try:
        return db.engine.raw_connection()
    except PoolTimeoutError as error:  # All connections were in use until the deadline.
        raise FailedAttempt(error, away=False, repeatable=False) from error
    except (psycopg2.Error, InvalidRequestError) as error:  # The second: one after the other turned out dead.
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


def _refuse_dead(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
    """Have the pool replace a connection that died while it was idle.

    A server has nothing to say on an idle connection, so one that is readable was closed. This costs microseconds
    where the usual ping costs a round trip.
    """
    if dbapi_connection.closed:
        raise DisconnectionError
    poller = select.poll()
    poller.register(dbapi_connection.fileno(), select.POLLIN)
    if poller.poll(0):
        raise DisconnectionError


def _statement_timeout(until: float) -> str:
    """Return what is left until the deadline, less the share by which the server is to be the first to give up."""
    return str(max(1, int((until - time.monotonic()) * 1000 * _SHARE)))


def _act_as_nobody(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _executemany: Any
) -> tuple[str, Any]:
    """Confine what passes the functions above by, through SQLAlchemy itself, to what nobody may see: nothing."""
    return _PREFIX + statement, {**parameters, "acting_user": "", "statement_timeout": "0"}


def init_app(app: Flask) -> None:
    """Have connections wait no longer than they may, and dead ones replaced. Connects to nothing."""
    extensions.set_wait_callback(_wait_until_deadline)
    app.extensions["database_outages"] = Outages(app.config["THREADS"])
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", _act_as_nobody, retval=True)
        event.listen(db.engine, "checkout", _refuse_dead)
