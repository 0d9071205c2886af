"""How a statement reaches PostgreSQL: as one user, in one message, before a deadline.

The engine runs in AUTOCOMMIT, and psycopg2 sends what it is given as one message of the simple query protocol, whose
statements are one implicit transaction
(https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT). So every statement goes out
behind a prefix that takes the acting role and names the acting user for just that transaction: no round trip of its
own, and nothing left on the connection for the next request, behind PgBouncer in transaction mode too.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import psycopg2
from flask import Flask
from sqlalchemy import BindParameter, Executable, bindparam, event
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from taskapp.db import db
from taskapp.db import engine as connections
from taskapp.db.retry import FailedAttempt, Outages
from taskapp.http.context import this_app
from taskapp.http.errors import DatabaseUnavailable
from taskapp.server.request_stats import give_up_at, timed

_logger = logging.getLogger(__name__)

# The role that statements act as: it cannot log in, owns nothing, and row-level security holds for it.
ACTING_ROLE = "taskapp_user"

# The user that a statement runs as, for statements to name: there is no other that they could be given by mistake.
ACTING_USER: BindParameter[str] = bindparam("acting_user")
# Times are in UTC, whatever the server is set to.
_PREFIX = (
    f"SELECT set_config('role', '{ACTING_ROLE}', true), set_config('app.user_id', %({ACTING_USER.key})s, true),"
    " set_config('statement_timeout', %(statement_timeout)s, true), set_config('TimeZone', 'UTC', true);\n"
)
_DIALECT = PGDialect_psycopg2()  # type: ignore[no-untyped-call] # As SQLAlchemy has it.
# The part of REQUEST_TIMEOUT after which the server gives up on a statement: before we do, which keeps the connection.
_SERVERS_SHARE = 0.90
# https://www.postgresql.org/docs/current/errcodes-appendix.html. The server cannot be reached, or ends its connections.
_AWAY = ("08", "57P")
# Serialization failure and deadlock: the server undid the statement, so it can be sent again.
_UNDONE = ("40001", "40P01")
# Insufficient resources, and operator intervention (57014 among them: the statement ran into its timeout).
_UNAVAILABLE = (*_AWAY, *_UNDONE, "53", "57")


@timed
def execute(
    statement: Executable, parameters: Mapping[str, Any], *, user_id: str, repeatable: bool = False
) -> Sequence[tuple[Any, ...]]:
    """Run one statement as a user, in one message.

    Args:
        statement: what to run; row-level security confines it to the user's rows, whatever it asks for.
        parameters: the values of its bind parameters, but for :data:`ACTING_USER`.
        user_id: who acts; an empty string is nobody, who sees no rows and can write none.
        repeatable: whether it may run twice, so that it is sent again where a connection breaks under it. One that
            could not be sent at all is sent again in any case.

    Returns:
        All rows, those of RETURNING included, as tuples. Times in them are in UTC, and have no zone.

    Raises:
        DatabaseUnavailable: the database cannot be reached, or did not answer in time.
        psycopg2.Error: it refuses the statement.
    """
    message = _message_as(user_id, statement, parameters)
    times = _times()
    return _outages().attempt(lambda: _attempt(message, times, repeatable=repeatable), times.server_gives_up)


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
    times = _times()
    try:
        return _outages().attempt_once(lambda: _attempt(message, times, repeatable=False))
    except FailedAttempt as failure:
        raise DatabaseUnavailable from failure


def _outages() -> Outages:
    outages: Outages = this_app().extensions["database_outages"]
    return outages


class _Times(NamedTuple):
    """When the server is to give up on a statement, and when we give up on the server, on the monotonic clock."""

    server_gives_up: float
    we_give_up: float


def _times() -> _Times:
    timeout = this_app().config["REQUEST_TIMEOUT"]
    end = give_up_at(timeout)
    return _Times(end - (1 - _SERVERS_SHARE) * timeout, end - (1 - connections.SHARE) * timeout)


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
    return _PREFIX + text, {**fixed, **parameters, ACTING_USER.key: user_id}


def _attempt(message: _Message, times: _Times, *, repeatable: bool) -> Sequence[tuple[Any, ...]]:
    _check_that_time_is_left(times)
    with connections.deadline(times.we_give_up):
        connection = connections.connect()
        try:
            return _send(connection, message, times)
        except psycopg2.Error as error:
            if failure := _failure_of_database(error, connection, repeatable=repeatable):
                raise failure from error
            raise
        finally:
            connection.close()  # Gives it back to the pool.


def _send(connection: Any, message: _Message, times: _Times) -> Sequence[tuple[Any, ...]]:
    text, values = message
    with connection.cursor() as cursor:
        cursor.tzinfo_factory = None  # Times are in UTC by the prefix; to say so with each takes a tenth of a list.
        cursor.execute(text, {**values, "statement_timeout": str(_check_that_time_is_left(times))})
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _failure_of_database(error: psycopg2.Error, connection: Any, *, repeatable: bool) -> FailedAttempt | None:
    """Return what an error says of the database, or None where the statement is to blame."""
    closed = bool(connection.closed)
    if closed:
        connection.invalidate(error)
    code = error.pgcode or ""
    # A connection that breaks has no SQLSTATE: psycopg2 does not tell it.
    broken = not code and (closed or isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError))
    if not broken and not code.startswith(_UNAVAILABLE):
        return None
    away = broken or code.startswith(_AWAY)
    return FailedAttempt(error, away=away, repeatable=code in _UNDONE or (repeatable and away))


def _check_that_time_is_left(times: _Times) -> int:
    """Return the milliseconds that the server has for a statement.

    Raises:
        DatabaseUnavailable: there are none. Sent all the same, the statement would cost its connection.
    """
    left = int((times.server_gives_up - time.monotonic()) * 1000)
    if left <= 0:
        _logger.warning("The time of a request was up before its statement was sent")
        raise DatabaseUnavailable
    return left


def _act_as_nobody(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _executemany: Any
) -> tuple[str, Any]:
    """Confine what passes the functions above by, through SQLAlchemy itself, to what nobody may see: nothing."""
    return _PREFIX + statement, {**parameters, ACTING_USER.key: "", "statement_timeout": "0"}


def init_app(app: Flask) -> None:
    """Prepare the engine for what is sent. Connects to nothing."""
    app.extensions["database_outages"] = Outages(app.config["THREADS"])
    with app.app_context():
        connections.init_engine(db.engine)
        event.listen(db.engine, "before_cursor_execute", _act_as_nobody, retval=True)
