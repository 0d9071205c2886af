"""What an error of PostgreSQL says about the database, by its SQLSTATE.

https://www.postgresql.org/docs/current/errcodes-appendix.html. An error that is not listed here is a bug in the
statement. Each error with an SQLSTATE rolled back the whole message.
"""

import re

import psycopg2

from taskapp.db.errors import DatabaseNotSetUp, DatabaseReadOnly, DatabaseUnavailable, NodeUnavailable, UserBusy
from taskapp.db.retry import OperationFailed

# Connection exceptions, which include the errors of PgBouncer; shutdown; and logins that fail behind a pooler: no such
# database, invalid authorization.
_UNAVAILABLE = ("08", "57P", "3D", "28")
# Serialization failure and deadlock: the statement can be sent again.
_ROLLED_BACK = ("40001", "40P01")
# Two writes of a user took the same number or the same idempotency key. A write waits for its user's turn, so only a
# write that did not do so, such as one through another coordinator of a cluster, can be the cause. The second one can
# be sent again. On a shard of Citus, the name of a constraint ends with the number of the shard.
_TAKEN = re.compile(r"pk_(changes|idempotency_keys)(_\d+)?")
# lock_timeout.
_LOCKED = "55P03"
# A hot standby, or default_transaction_read_only; a bug if this service made the transaction read-only.
_READ_ONLY = "25006"
# No such table, column, role or schema; no privilege; and what a standby or an older version does not support.
_NOT_SET_UP = ("42P01", "42703", "42704", "22023", "3F", "42501", "0A")
# Not a bug either: rollback, insufficient resources, objects in use or locked, operator intervention (also the
# statement timeout, 57014). After the second group, the session may be unusable: invalid transaction state, system
# errors and internal errors of the server.
_FAULTS = ("40", "53", "55", "57")
_FAULTS_OF_SESSION = ("25", "58", "XX")
# Where PostgreSQL raises codes of the third group about values instead: a row of another user in a write, and an
# unknown time zone (before PostgreSQL 16, one function for each type of time). Messages may be translated.
_ABOUT_VALUES = ("ExecWithCheckOptions", "timestamp_zone", "timestamptz_zone", "DecodeTimezoneName")


# Errors that end the session, whatever their code.
_ENDS_SESSION = ("FATAL", "PANIC")
# The code with which Citus reports a node that broke in the middle of a statement.
_INTERNAL = "XX000"


def failure_of(
    error: psycopg2.Error, *, closed: bool, can_retry: bool, read_only: bool = False, on_citus: bool = False
) -> OperationFailed | None:
    """Return the failure of the database, or None if the error is a bug in the statement.

    Args:
        error: the error of psycopg2.
        closed: whether the connection is closed now.
        can_retry: whether the statement may run twice.
        read_only: whether the statement was sent in a read-only transaction, so that a write is a bug.
        on_citus: whether the connection is to the coordinator of a Citus cluster.
    """
    code = error.pgcode or ""
    if code == _READ_ONLY and read_only:
        return None
    if on_citus and _is_of_node(error, code, closed=closed):
        return OperationFailed(error, unavailable=False, can_retry=False, error=NodeUnavailable)
    # psycopg2 reports a broken connection without an SQLSTATE.
    broken = not code and (closed or isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError))
    if broken or code.startswith(_UNAVAILABLE):
        return OperationFailed(error, unavailable=True, can_retry=can_retry)
    if refusal := _refusal(error, code):
        return OperationFailed(error, unavailable=False, can_retry=False, error=refusal)
    if _TAKEN.fullmatch(error.diag.constraint_name or ""):
        return OperationFailed(error, unavailable=False, can_retry=True)
    is_fault = closed or code.startswith((*_FAULTS, *_FAULTS_OF_SESSION))
    return OperationFailed(error, unavailable=False, can_retry=code in _ROLLED_BACK) if is_fault else None


def _is_of_node(error: psycopg2.Error, code: str, *, closed: bool) -> bool:
    """Return whether an error on a whole connection to a coordinator says that one of its nodes is unavailable.

    Only users whose tasks are on that node are affected. An error of the coordinator itself ends the session.
    """
    ends = closed or (error.diag.severity_nonlocalized or error.diag.severity) in _ENDS_SESSION
    return not ends and (code == _INTERNAL or code.startswith(_UNAVAILABLE))


def _refusal(error: psycopg2.Error, code: str) -> type[DatabaseUnavailable] | None:
    if code == _LOCKED:
        return UserBusy
    if code == _READ_ONLY:
        return DatabaseReadOnly
    if code.startswith(_NOT_SET_UP) and error.diag.source_function not in _ABOUT_VALUES:
        return DatabaseNotSetUp
    return None


def spoils_session(failure: OperationFailed) -> bool:
    """Return whether the session must not be used again after a failure."""
    return (
        not failure.refused and failure.error is not NodeUnavailable and failure.sqlstate.startswith(_FAULTS_OF_SESSION)
    )
