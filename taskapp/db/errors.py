"""Errors of statements. They know no HTTP status; ``taskapp.http.errors`` maps them to responses."""

import psycopg2


class DatabaseUnavailable(Exception):
    """The database is unreachable or did not respond in time."""


class DatabaseReadOnly(DatabaseUnavailable):
    """The database accepts no writes, because of a failover or a setting."""


class NodeUnavailable(DatabaseUnavailable):
    """One node of a Citus cluster is unreachable or broke. The others, and the users on them, are not affected."""


class UserBusy(DatabaseUnavailable):
    """Other writes of the user did not end in time."""


class DatabaseNotSetUp(DatabaseUnavailable):
    """The database lacks something that the service requires: a table, a privilege, a setting."""


class UnsuitableDatabase(DatabaseUnavailable, psycopg2.OperationalError):  # type: ignore[misc] # It has no types.
    """The service cannot use this database. The message gives the reason.

    Also an error of psycopg2, because it is raised while a connection is opened.
    """


class StatementTooSlow(Exception):
    """PostgreSQL stopped the statement, because it took longer than its share of the timeout."""


class IdempotencyKeyInUse(Exception):
    """The first request with this idempotency key is in progress."""


class IdempotencyKeyReused(Exception):
    """The idempotency key was used for another request."""


def describe(error: Exception) -> str:
    """Return the reason that PostgreSQL or libpq gives, in one line, without the text of a statement.

    libpq has a line for each address that it tried, and hints that begin with a tab.
    """
    error = getattr(error, "orig", error)
    diagnostics = getattr(error, "diag", None)
    if diagnostics is not None and diagnostics.message_primary:
        return str(diagnostics.message_primary)
    lines = [line for line in str(error).splitlines() if line.strip() and not line.startswith("\t")]
    return "; ".join(lines)
