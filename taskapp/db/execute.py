"""How a statement reaches PostgreSQL: as one user, in one message, before a deadline.

The engine runs in AUTOCOMMIT, and psycopg2 sends its text as one message of the simple query protocol, whose statements
are one implicit transaction
(https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT). So every statement goes out
behind a prefix that takes the acting role and names the acting user for just that transaction: no round trip of its
own, and nothing left on the connection for the next request, behind PgBouncer in transaction mode too.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import psycopg2
from blinker import Signal
from flask import Flask, current_app
from sqlalchemy import BindParameter, Engine, Executable, bindparam, event
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2

from taskapp.db import db, embedded, migrate
from taskapp.db.deadline import Deadline, statement_deadline, wait_until
from taskapp.db.engine import connect, engine_options, init_engine
from taskapp.db.errors import DatabaseUnavailable
from taskapp.db.retry import CircuitBreaker, OperationFailed, Retry

_logger = logging.getLogger(__name__)

# The role that statements act as: it cannot log in, owns nothing, and row-level security holds for it.
ACTING_ROLE = "taskapp_user"

# The user that a statement runs as, for statements to name. There is no other that they could be given by mistake.
ACTING_USER: BindParameter[str] = bindparam("acting_user")

# Sent after each statement, by its engine, with its ``seconds`` and its ``outcome``: ``ok``, ``unavailable`` or
# ``failed``.
statement_executed = Signal()

# Times are in UTC, whatever the server is set to.
_PREFIX = (
    f"SELECT set_config('role', '{ACTING_ROLE}', true), set_config('app.user_id', %({ACTING_USER.key})s, true),"
    " set_config('statement_timeout', %(statement_timeout)s, true), set_config('TimeZone', 'UTC', true);\n"
)
_DIALECT = PGDialect_psycopg2()  # type: ignore[no-untyped-call] # As SQLAlchemy has it.
# More than the variants of all statements that clients use; what is over it is compiled again.
_COMPILED_STATEMENTS = 1024
# https://www.postgresql.org/docs/current/errcodes-appendix.html. Connection exception, and a server that shuts down.
_UNAVAILABLE = ("08", "57P")
# Serialization failure and deadlock: the server undid the statement, so it can be sent again.
_UNDONE = ("40001", "40P01")
# Insufficient resources, and operator intervention (57014 among them: the statement ran into its timeout).
_NOT_THE_STATEMENT = (*_UNAVAILABLE, *_UNDONE, "53", "57")

Rows = Sequence[tuple[Any, ...]]


class Database(NamedTuple):
    """What an application runs statements with.

    Attributes:
        engine: its engine.
        breaker: whether the database is available.
        timeout: REQUEST_TIMEOUT, in seconds.
    """

    engine: Engine
    breaker: CircuitBreaker
    timeout: float


class _Message(NamedTuple):
    """What is sent: a text in psycopg2's form of parameters, and their values."""

    text: str
    values: Mapping[str, Any]


def execute(statement: Executable, parameters: Mapping[str, Any], *, user_id: str, can_retry: bool = False) -> Rows:
    """Run one statement as a user, in one message.

    Args:
        statement: what to run; row-level security confines it to the user's rows, whatever it asks for.
        parameters: the values of its bind parameters, but for :data:`ACTING_USER`.
        user_id: who acts; an empty string is nobody, who sees no rows and can write none.
        can_retry: whether the statement may run twice, so that it is sent again if its connection breaks. A statement
            that could not be sent at all is sent again in any case.

    Returns:
        All rows, those of RETURNING included, as tuples. Times in them are in UTC, and have no zone.

    Raises:
        DatabaseUnavailable: the database cannot be reached, or did not respond in time.
        psycopg2.Error: it rejects the statement.
    """
    return _run(_message_as(user_id, statement, parameters), can_retry=can_retry)


def execute_as_login_role(statement: Executable) -> Rows:
    """Run one statement as the role that the service logs in with, once: for the schema, never for users' rows.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`execute`.
    """
    return _run(_compile(statement), once=True)


def execute_as_nobody(statement: Executable, parameters: Mapping[str, Any]) -> Rows:
    """Run one statement as the acting role for no user, once: for health checks.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`execute`.
    """
    return _run(_message_as("", statement, parameters), once=True)


def _run(message: _Message, *, once: bool = False, can_retry: bool = False) -> Rows:
    """Send a message; unless it is to be sent once, again if that may help."""
    database: Database = current_app.extensions["database"]
    deadline = statement_deadline(database.timeout)
    with _measure(database.engine), Retry(database.breaker, None if once else deadline.server) as retry:
        while True:
            retry.check()
            try:
                rows = _send(database.engine, message, deadline, can_retry=can_retry)
            except OperationFailed as failure:
                retry.pause_after(failure)
            else:
                database.breaker.record_success()
                return rows


@contextmanager
def _measure(engine: Engine) -> Iterator[None]:
    started = time.perf_counter()
    outcome = "failed"
    try:
        yield
        outcome = "ok"
    except DatabaseUnavailable:
        outcome = "unavailable"
        raise
    finally:
        statement_executed.send(engine, seconds=time.perf_counter() - started, outcome=outcome)


@lru_cache(maxsize=_COMPILED_STATEMENTS)
def _compile(statement: Executable) -> _Message:
    """Write a statement out as SQL once; SQLAlchemy's own execution looks that up, and much else, each time."""
    compiled = statement.compile(dialect=_DIALECT)  # type: ignore[attr-defined] # All that is run can be compiled.
    fixed = {name: value for name, value in compiled.params.items() if not compiled.binds[name].required}
    return _Message(str(compiled), fixed)


def _message_as(user_id: str, statement: Executable, parameters: Mapping[str, Any]) -> _Message:
    text, fixed = _compile(statement)
    return _Message(_PREFIX + text, {**fixed, **parameters, ACTING_USER.key: user_id})


def _send(engine: Engine, message: _Message, deadline: Deadline, *, can_retry: bool) -> Rows:
    _check_time_left(deadline)
    with wait_until(deadline.client):
        connection = connect(engine)
        try:
            return _execute_on(connection, message, deadline)
        except psycopg2.Error as error:
            if failure := _failure_of_database(error, connection, can_retry=can_retry):
                raise failure from error
            raise
        finally:
            connection.close()  # Returns it to the pool.


def _execute_on(connection: Any, message: _Message, deadline: Deadline) -> Rows:
    text, values = message
    with connection.cursor() as cursor:
        cursor.tzinfo_factory = None  # The prefix has all times in UTC; a zone on each takes a tenth of a list's time.
        cursor.execute(text, {**values, "statement_timeout": str(_check_time_left(deadline))})
        rows: Rows = cursor.fetchall()
        return rows


def _failure_of_database(error: psycopg2.Error, connection: Any, *, can_retry: bool) -> OperationFailed | None:
    """Return how the database failed, or None if the statement is to blame."""
    closed = bool(connection.closed)
    if closed:
        connection.invalidate(error)
    code = error.pgcode or ""
    # A connection that breaks has no SQLSTATE in psycopg2.
    broken = not code and (closed or isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError))
    if not broken and not code.startswith(_NOT_THE_STATEMENT):
        return None
    unavailable = broken or code.startswith(_UNAVAILABLE)
    return OperationFailed(error, unavailable=unavailable, can_retry=code in _UNDONE or (can_retry and unavailable))


def _check_time_left(deadline: Deadline) -> int:
    """Return the milliseconds that the server has for a statement.

    Raises:
        DatabaseUnavailable: there are none. Sent all the same, the statement would cost its connection.
    """
    milliseconds = deadline.server_milliseconds()
    if milliseconds <= 0:
        _logger.warning("The time of a request was up before its statement was sent")
        raise DatabaseUnavailable
    return milliseconds


def _act_as_nobody(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _executemany: Any
) -> tuple[str, Any]:
    """Run a statement that goes past the functions above, through SQLAlchemy itself, as nobody, who sees no rows."""
    return _PREFIX + statement, {**parameters, ACTING_USER.key: "", "statement_timeout": "0"}


def init_app(app: Flask) -> None:
    """Make the engine of an application. Connects to nothing."""
    server = embedded.of_app(app)
    app.config["SQLALCHEMY_DATABASE_URI"] = server.url if server else app.config["DATABASE_URL"]
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(app.config)
    db.init_app(app)
    migrate.init_app(app)
    with app.app_context():
        engine = db.engine
    embedded.prepare_lazily(app, engine)
    app.extensions["database"] = Database(engine, CircuitBreaker(app.config["THREADS"]), app.config["REQUEST_TIMEOUT"])
    init_engine(engine)
    event.listen(engine, "before_cursor_execute", _act_as_nobody, retval=True)
