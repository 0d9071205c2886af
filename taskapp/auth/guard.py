"""Who is calling: tokens, and the guard of every ``/api`` blueprint.

A token is a JWT (RFC 7519), checked as RFC 8725 advises: the algorithms are fixed by the kind of key that is
configured, never by the token.
"""

import math
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from flask import Flask, g

from taskapp.auth import jwks
from taskapp.http.context import this_app, this_request
from taskapp.http.errors import Forbidden, InvalidInput, InvalidToken, Unauthorized
from taskapp.tasks.models import USER_ID_LENGTH

SECRET_ALGORITHMS = ["HS256"]
# RFC 7515, section 7.1. Python's base64 passes over any other character, which would let a token have many spellings.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
# Seconds that the issuer's clock may differ from ours.
LEEWAY = 30
# Clients send the same token again and again. One that was found good is taken for good for so many seconds, but never
# for longer than it says itself; and so many are remembered.
TRUST = 60
REMEMBERED = 4096
clock = time.monotonic


@dataclass(frozen=True)
class TokenChecker:
    """Checks tokens.

    Attributes:
        find_keys: returns the keys that a token may be signed with, the likeliest first, and raises
            ``jwt.PyJWTError`` where there is none.
        algorithms: the only ones allowed with that kind of key.
        issuer: what ``iss`` must be, or None for any.
        audience: what ``aud`` must hold, or None for any.
        user_claim: the claim that holds the user's id.
    """

    find_keys: Callable[[str], Sequence[Any]]
    algorithms: list[str]
    issuer: str | None
    audience: str | None
    user_claim: str
    _known: dict[str, tuple[str, float]] = field(default_factory=dict, init=False, repr=False)

    def user_of(self, token: str) -> str:
        """Return the user that a token was issued to.

        Raises:
            InvalidToken: the token does not hold.
            IdentityUnavailable: it cannot be checked for want of the issuer's keys.
        """
        user_id, until = self._known.get(token, ("", -math.inf))
        if clock() < until:
            return user_id
        if not _COMPACT.fullmatch(token):
            raise InvalidToken
        try:
            claims = self._claims(token)
        except jwt.PyJWTError as error:
            raise InvalidToken from error
        user_id = claims[self.user_claim]
        if not isinstance(user_id, str):
            raise InvalidToken
        self._remember(token, user_id, int(claims["exp"]))
        return user_id

    def _remember(self, token: str, user_id: str, expires_at: int) -> None:
        if len(self._known) >= REMEMBERED:  # Simpler than to find the oldest, and as good: each is checked once more.
            self._known.clear()
        now = time.time()
        self._known[token] = user_id, clock() + (min(now + TRUST, expires_at + LEEWAY) - now)

    def _claims(self, token: str) -> dict[str, Any]:
        *likelier, last = self.find_keys(token)
        for key in likelier:
            with suppress(jwt.InvalidSignatureError):  # Only then is it worth trying the next.
                return self._decode(token, key)
        return self._decode(token, last)

    def _decode(self, token: str, key: Any) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=self.algorithms,
            issuer=self.issuer,
            audience=self.audience,
            leeway=LEEWAY,
            options={"require": ["exp", self.user_claim], "verify_aud": self.audience is not None},
        )


def bearer_token() -> str:
    """Return the token of the request (RFC 6750, section 2.1).

    Raises:
        Unauthorized: there is none.
    """
    scheme, _, token = this_request().headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized
    return token.strip()


def authorize() -> None:
    """Before a view: let only the user of the path pass. Attached to blueprints, so that no view can forget it.

    Raises:
        Unauthorized: there is no token, or not one that holds.
        Forbidden: the token is another user's.
        InvalidInput: no task can belong to a user of this id.
    """
    checker: TokenChecker = this_app().extensions["token_checker"]
    user_id = (this_request().view_args or {})["user_id"]
    g.user_id = caller = checker.user_of(bearer_token())  # For the log, whatever becomes of the request.
    if caller != user_id:
        raise Forbidden
    if len(user_id) > USER_ID_LENGTH or "\0" in user_id:
        raise InvalidInput(details={"user_id": [f"Must be 1 to {USER_ID_LENGTH} characters, none of them NUL."]})


def sign_token(app: Flask, user_id: str, lifetime: timedelta) -> str:
    """Make a token for a user with the service's own secret.

    Raises:
        LookupError: the service has no secret, its tokens are signed by an issuer elsewhere.
    """
    config = app.config
    if not config["JWT_SECRET"]:
        raise LookupError(
            "JWT_JWKS_URL is set, so tokens come from that issuer; this service holds no key to sign with"
        )
    now = datetime.now(UTC)
    claims = {"sub": user_id, config["JWT_USER_CLAIM"]: user_id, "iat": now, "exp": now + lifetime}
    optional = {"iss": config["JWT_ISSUER"], "aud": config["JWT_AUDIENCE"]}
    claims.update({name: value for name, value in optional.items() if value})
    return jwt.encode(claims, config["JWT_SECRET"], SECRET_ALGORITHMS[0])


def init_app(app: Flask) -> None:
    """Check tokens with the kind of key that the settings name."""
    config = app.config
    find_keys: Callable[[str], Sequence[Any]]
    if config["JWT_JWKS_URL"]:
        key_set = jwks.KeySet(config["JWT_JWKS_URL"])
        find_keys, algorithms = (lambda token: [key_set.key_of(token)]), jwks.ALGORITHMS
    else:
        secrets = [secret for secret in (config["JWT_SECRET"], config["JWT_SECRET_FALLBACK"]) if secret]
        find_keys, algorithms = (lambda _token: secrets), SECRET_ALGORITHMS
    app.extensions["token_checker"] = TokenChecker(
        find_keys, algorithms, config["JWT_ISSUER"], config["JWT_AUDIENCE"], config["JWT_USER_CLAIM"]
    )
