"""Runs a statement as one user, in one message, before a deadline.

The engine runs in AUTOCOMMIT. psycopg2 sends the text of an operation as one message of the simple query protocol, and
PostgreSQL runs the statements of a message as one implicit transaction
(https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT). Every statement has a prefix
for this transaction only; see :mod:`taskapp.db.prefix`. The prefix takes no extra round trip, leaves nothing on the
connection for the next request, and works with PgBouncer in transaction mode.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import psycopg2
from blinker import Signal
from flask import current_app
from sqlalchemy import Engine, Executable

from taskapp.db import prefix
from taskapp.db.database import Database
from taskapp.db.deadline import Deadline, statement_deadline, wait_until
from taskapp.db.engine import connection_of, is_citus, opened_at
from taskapp.db.errors import DatabaseUnavailable, StatementTooSlow
from taskapp.db.message import Message, forward_settings, make_read_only, message_as, message_as_login_role
from taskapp.db.request_scope import request_state
from taskapp.db.retry import OperationFailed, Retry
from taskapp.db.sqlstate import failure_of, spoils_session

_logger = logging.getLogger(__name__)

# Sent after each statement. The sender is the engine. The arguments are the duration, ``seconds``, and ``outcome``,
# which is ``ok``, ``unavailable`` or ``failed``.
statement_executed = Signal()
# Sent after each write of a user, which leaves something to purge some day.
user_wrote = Signal()

# A refused statement is sent again on a new connection if its session began these seconds before it, because a session
# keeps the defaults that it began with, such as default_transaction_read_only. The limit prevents endless reconnects.
_OUTDATED = 1.0

Rows = Sequence[tuple[Any, ...]]


def execute(
    statement: Executable, parameters: Mapping[str, Any], *, user_id: str, can_retry: bool = False, share: float = 1.0
) -> Rows:
    """Run one statement as a user, in one message.

    Args:
        statement: the statement. Row-level security restricts it to the user's rows, whatever its conditions.
        parameters: the values of its bind parameters, except :data:`~taskapp.db.prefix.ACTING_USER`.
        user_id: the acting user. With an empty string, the statement sees no rows and cannot write any.
        can_retry: whether the statement may run twice. If so, it is resent if its connection breaks. If no connection
            could be opened, the statement is retried in any case.
        share: the fraction of REQUEST_TIMEOUT that PostgreSQL may spend on the statement, if the deadline is not
            earlier. For statements whose work has no other bound.

    Returns:
        All rows as tuples, including those of RETURNING. Times are naive datetimes in UTC.

    Raises:
        DatabaseUnavailable: the database is unreachable, or did not respond before the deadline.
        DatabaseReadOnly, DatabaseNotSetUp: it refuses the statement until somebody changes it.
        StatementTooSlow: the statement took longer than its share.
        psycopg2.Error: PostgreSQL rejected the statement, which is a bug.
    """
    return _run(message_as(prefix.READ, user_id, statement, parameters, share), can_retry=can_retry)


def execute_in_turn(
    statement: Executable,
    parameters: Mapping[str, Any],
    *,
    user_id: str,
    lock: int | None = None,
    share: float = 1.0,
) -> Rows:
    """Run a write as a user, after all earlier writes of this user, in one message. The write sees all of them.

    Args:
        statement: the statement, as for :func:`execute`.
        parameters: as for :func:`execute`.
        user_id: the acting user.
        lock: a number (bigint) to lock until the write ends. If another transaction has locked it, the statement does
            not wait for the user's turn and must not write: ``current_setting('app.key_acquired')`` is ``false``.
        share: as for :func:`execute`. The wait for the turn does not count.

    Returns:
        As :func:`execute`.

    Raises:
        UserBusy: other writes of the user did not end before the deadline.
        DatabaseUnavailable, StatementTooSlow, psycopg2.Error: as :func:`execute`.
    """
    if lock is None:
        message = message_as(prefix.WRITE, user_id, statement, parameters, share)
    else:
        message = message_as(prefix.WRITE_ONCE, user_id, statement, {**parameters, "lock": lock}, share)
    rows = _run(message)
    user_wrote.send()
    return rows


def execute_out_of_turn(statement: Executable, parameters: Mapping[str, Any], *, user_id: str) -> Rows:
    """Run a write as a user without waiting for the user's turn. Not for tasks, whose writes take numbers.

    Args:
        statement: the statement. It may run twice, if its connection breaks.
        parameters: as for :func:`execute`.
        user_id: the acting user.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as :func:`execute`.
    """
    return _run(message_as(prefix.WRITE_OUT_OF_TURN, user_id, statement, parameters), can_retry=True)


def execute_as_eraser(statement: Executable, *, user_id: str, share: float = 1.0) -> Rows:
    """Run a statement like :func:`execute_in_turn`, but as the role that may delete all data of the user.

    Raises:
        DatabaseNotSetUp: the login role may not switch to this role.
        UserBusy, DatabaseUnavailable, StatementTooSlow, psycopg2.Error: as :func:`execute_in_turn`.
    """
    return _run(message_as(prefix.ERASE, user_id, statement, {}, share))


def execute_as_courier(statement: Executable, parameters: Mapping[str, Any]) -> Rows:
    """Run one statement without an acting user, as the role that sees of all users that something is due.

    Raises:
        DatabaseNotSetUp: the login role may not switch to this role.
        DatabaseUnavailable, psycopg2.Error: as :func:`execute`.
    """
    return _run(message_as(prefix.COURIER, "", statement, parameters))


def execute_as_login_role(statement: Executable, parameters: Mapping[str, Any] = MappingProxyType({})) -> Rows:
    """Run one statement as the login role, without retries. For health checks and maintenance, not for tasks.

    Args:
        statement: the statement. If it is a text of several, the last one returns the rows.
        parameters: the values of its bind parameters.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`execute`.
    """
    return _run(message_as_login_role(statement, parameters), once=True)


def execute_as_nobody(statement: Executable, parameters: Mapping[str, Any]) -> Rows:
    """Run one statement as the acting role, without a user and without retries. For health checks.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`execute`.
    """
    return _run(message_as(prefix.READ, "", statement, parameters), once=True)


def _run(message: Message, *, once: bool = False, can_retry: bool = False) -> Rows:
    """Send a message, with retries unless ``once`` is set. It is read-only if the current request must not write."""
    database: Database = current_app.extensions["database"]
    request = request_state.get()
    if request is not None and request.read_only:
        message = make_read_only(message)
    deadline = statement_deadline(database.timeout)
    with _measure(database.engine), Retry(database.breaker, None if once else deadline.server) as retry:
        while True:
            retry.check()
            try:
                rows = _send(database, message, deadline, can_retry=can_retry)
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


def _send(database: Database, message: Message, deadline: Deadline, *, can_retry: bool) -> Rows:
    started = time.monotonic()
    while True:
        _check_time_left(deadline)
        with wait_until(deadline.client), connection_of(database.engine) as connection:
            on_citus = is_citus(connection)
            try:
                sent = forward_settings(message) if on_citus else message
                return _execute_on(connection, sent, deadline, database.timeout)
            except psycopg2.Error as error:
                closed = bool(connection.closed)
                failure = failure_of(
                    error, closed=closed, can_retry=can_retry, read_only=message.read_only, on_citus=on_citus
                )
                if failure is None:
                    raise
                outdated = failure.refused and opened_at(connection) < started - _OUTDATED
                if closed or outdated or spoils_session(failure):
                    connection.invalidate(error)
                if not outdated:
                    raise failure from error


def _execute_on(connection: Any, message: Message, deadline: Deadline, timeout: float) -> Rows:
    left, share = _check_time_left(deadline), int(message.share * timeout * 1000)
    with connection.cursor() as cursor:
        cursor.tzinfo_factory = None  # All times are in UTC. Time zone objects would take 10 % of the time of a list.
        try:
            limits = {"statement_timeout": str(min(left, share)), "lock_timeout": str(left)}
            cursor.execute(message.text, {**message.values, **limits})
        except psycopg2.errors.QueryCanceled as error:
            if share < left:
                raise StatementTooSlow from error
            raise
        rows: Rows = cursor.fetchall()
        return rows


def _check_time_left(deadline: Deadline) -> int:
    """Return the milliseconds that PostgreSQL has left for a statement.

    Raises:
        DatabaseUnavailable: the time is up. A statement that was sent now would have to discard its connection.
    """
    milliseconds = deadline.server_milliseconds()
    if milliseconds <= 0:
        _logger.warning("The deadline of a request passed before its statement was sent")
        raise DatabaseUnavailable
    return milliseconds
