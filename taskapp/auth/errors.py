"""Errors of authentication and authorization. They know no HTTP status; ``taskapp.auth.guard`` maps them."""

from enum import StrEnum


class Reason(StrEnum):
    """Why a token is rejected. These words are the only part of a rejected token that the log and the metrics have."""

    MALFORMED = "malformed"
    UNSUPPORTED = "unsupported"
    ALGORITHM = "algorithm"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    AUTHORIZED_PARTY = "authorized_party"
    MISSING_CLAIM = "missing_claim"
    INVALID_CLAIM = "invalid_claim"


class MissingToken(Exception):
    """The request has no token."""


class InvalidToken(Exception):
    """The token is malformed, expired, or not from an issuer that this service trusts.

    Args:
        reason: why; None for a token that is not a JWT, such as METRICS_TOKEN.
        claim: the name of the claim that is missing or invalid.
    """

    def __init__(self, reason: Reason | None = None, claim: str | None = None) -> None:
        super().__init__(reason, claim)
        self.reason = reason
        self.claim = claim


class WrongUser(Exception):
    """The token belongs to another user."""


class InsufficientScope(Exception):
    """The token lacks a scope that the request requires.

    Args:
        scope: the scope.
    """

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.scope = scope


class SigningKeyUnavailable(Exception):
    """The token's key is unknown, and the issuer's keys cannot be fetched.

    Args:
        seconds: when to retry, in whole seconds from now; None if retries cannot help, because the service or the
            issuer is misconfigured.
    """

    def __init__(self, seconds: int | None) -> None:
        super().__init__(seconds)
        self.seconds = seconds
