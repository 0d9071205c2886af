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
from typing import Any

import psycopg2
from flask import Flask, current_app
from psycopg2 import extensions
from sqlalchemy import Connection, Executable, Row, event
from sqlalchemy.exc import DBAPIError, DisconnectionError, InvalidRequestError, OperationalError
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
) -> Sequence[Row[Any]]:
    """Run one statement as a user, in one message.

    Args:
        statement: what to run; row-level security confines it to the user's rows, whatever it asks for.
        parameters: the values of its bind parameters.
        user_id: who acts; an empty string is nobody, who sees no rows and can write none.
        repeatable: whether it may run twice, so that it is sent again where a connection breaks under it. One that
            could not be sent at all is sent again in any case.

    Returns:
        All rows, those of RETURNING included.

    Raises:
        DatabaseUnavailable: the database cannot be reached, or did not answer in time.
    """
    outages: Outages = current_app.extensions["database_outages"]
    options = {"acting_user": user_id}
    with _deadline_of_request() as until:
        return outages.attempt(lambda: _attempt(statement, parameters, options, repeatable=repeatable), until)


def execute_as_login_role(statement: Executable) -> Sequence[Row[Any]]:
    """Run one statement as the role that the service logs in with, once: for the schema, never for users' rows.

    Raises:
        DatabaseUnavailable: as for :func:`execute`.
    """
    return _execute_once(statement, {}, {"login_role": True})


def execute_as_nobody(statement: Executable, parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """Run one statement as the acting role for no user, once: for looking at whether all is well.

    Raises:
        DatabaseUnavailable: as for :func:`execute`.
    """
    return _execute_once(statement, parameters, {})


@timed
def _execute_once(
    statement: Executable, parameters: Mapping[str, Any], options: Mapping[str, Any]
) -> Sequence[Row[Any]]:
    outages: Outages = current_app.extensions["database_outages"]
    with _deadline_of_request():
        try:
            return outages.attempt_once(lambda: _attempt(statement, parameters, options, repeatable=False))
        except FailedAttempt as failure:
            raise DatabaseUnavailable from failure


@contextmanager
def _deadline_of_request() -> Iterator[float]:
    _deadline.at = give_up_at(current_app.config["REQUEST_TIMEOUT"] * _SHARE)
    try:
        yield _deadline.at
    finally:
        _deadline.at = math.inf


def _attempt(
    statement: Executable, parameters: Mapping[str, Any], options: Mapping[str, Any], *, repeatable: bool
) -> Sequence[Row[Any]]:
    with _connect() as connection:
        try:
            return connection.execute(statement, parameters, execution_options=options).all()
        except DBAPIError as error:
            code = str(getattr(error.orig, "pgcode", None) or "")
            # A connection that breaks has no SQLSTATE: psycopg2 does not tell it.
            broken = not code and (error.connection_invalidated or isinstance(error, OperationalError))
            if not broken and not code.startswith(_UNAVAILABLE):
                raise
            raise FailedAttempt(
                error,
                away=broken or code.startswith(_AWAY),
                repeatable=code in _UNDONE or (repeatable and (broken or code.startswith(_AWAY))),
            ) from error


def _connect() -> Connection:
    """Take a connection; nothing is sent before there is one, so this can always be repeated.

    Raises:
        FailedAttempt: there is none to be had.
    """
    try:
        return db.engine.connect()
    except PoolTimeoutError as error:  # All connections were in use until the deadline.
        raise FailedAttempt(error, away=False, repeatable=False) from error
    except (DBAPIError, InvalidRequestError) as error:  # The second: one after the other turned out dead.
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


def _statement_timeout() -> str:
    """Return what is left until the deadline, less the share by which the server is to be the first to give up."""
    remaining = _deadline.at - time.monotonic()
    return "0" if remaining == math.inf else str(max(1, int(remaining * 1000 * _SHARE)))


def _add_prefix(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, context: Any, _executemany: Any
) -> tuple[str, Any]:
    options = context.execution_options
    if options.get("login_role"):
        return statement, parameters
    acting = {"acting_user": options.get("acting_user", ""), "statement_timeout": _statement_timeout()}
    return _PREFIX + statement, {**parameters, **acting}


def init_app(app: Flask) -> None:
    """Make every statement on the application's engine pass through the prefix. Connects to nothing."""
    extensions.set_wait_callback(_wait_until_deadline)
    app.extensions["database_outages"] = Outages(app.config["THREADS"])
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", _add_prefix, retval=True)
        event.listen(db.engine, "checkout", _refuse_dead)
