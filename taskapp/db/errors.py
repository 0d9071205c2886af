"""Errors of statements. They know no HTTP status; ``taskapp.http.errors`` maps them to responses."""


class DatabaseUnavailable(Exception):
    """The database is unreachable or did not respond in time."""


class IdempotencyKeyInUse(Exception):
    """The first request with this idempotency key is in progress."""


class IdempotencyKeyReused(Exception):
    """The idempotency key was used for another request."""
