"""What can go wrong with a statement, without a word on how clients are told."""


class DatabaseUnavailable(Exception):
    """The database cannot be reached, or did not respond before the deadline."""


class IdempotencyKeyInUse(Exception):
    """The first write with the same idempotency key is still running."""


class IdempotencyKeyReused(Exception):
    """The idempotency key was used for another request."""
