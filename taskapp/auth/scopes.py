"""The scopes of tokens (RFC 6749, section 3.3): which requests a token admits if ``JWT_SCOPES`` is on."""

from collections.abc import Mapping
from typing import Any

from taskapp.auth.errors import InvalidToken, Reason

READ = "tasks:read"
# Includes READ.
WRITE = "tasks:write"
ALL = frozenset((READ, WRITE))
# The claim (RFC 9068, section 2.2.3, and RFC 8693, section 4.2).
CLAIM = "scope"
# The methods that do not write (RFC 9110, section 9.2.1). OPTIONS requires no token.
_SAFE_METHODS = ("GET", "HEAD")
_READ_ONLY = frozenset((READ,))
_NONE: frozenset[str] = frozenset()


def required_scope(method: str) -> str:
    """Return the scope that a request with this method requires."""
    return READ if method in _SAFE_METHODS else WRITE


def granted_scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes of this service that a token grants. A token without the claim grants none.

    Other scopes are ignored, because a token may be for several services.

    Args:
        claims: the verified claims of the token.

    Raises:
        InvalidToken: the claim is not a string, so it is unknown what it grants.
    """
    scope = claims.get(CLAIM, "")
    if not isinstance(scope, str):
        raise InvalidToken(Reason.INVALID_CLAIM, CLAIM)
    names = scope.split(" ")
    if WRITE in names:
        return ALL
    return _READ_ONLY if READ in names else _NONE
