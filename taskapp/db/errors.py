"""Errors of statements. They know no HTTP status; ``taskapp.http.errors`` maps them to responses."""


class DatabaseUnavailable(Exception):
    """The database cannot be reached, or did not respond before the deadline."""


class IdempotencyKeyInUse(Exception):
    """The first write with the same idempotency key is still running."""


class IdempotencyKeyReused(Exception):
    """The idempotency key was used for another request."""
