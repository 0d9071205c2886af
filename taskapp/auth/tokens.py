"""Tokens: JWTs (RFC 7519), verified as RFC 8725 recommends.

The configured kind of key determines the allowed algorithms. The token never does (RFC 8725, section 3.1).
"""

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from taskapp.auth import jwks
from taskapp.auth.errors import InvalidToken

SECRET_ALGORITHMS = ["HS256"]
# RFC 7515, section 7.1. Python's base64 ignores all other characters, so the same token could have many spellings.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
# Allowed clock skew between the issuer and this service, in seconds.
LEEWAY = 30
# Clients send the same token repeatedly. A valid token is cached for this many seconds, but never beyond its expiry.
CACHE_SECONDS = 60
CACHE_SIZE = 4096
clock = time.monotonic


@dataclass(frozen=True)
class TokenVerifier:
    """Verifies tokens.

    Attributes:
        find_keys: returns the keys that may have signed a token, the most likely one first. Raises
            ``jwt.PyJWTError`` if there is none.
        algorithms: the algorithms that are allowed with this kind of key.
        issuer: the required value of ``iss``, or None if it is not checked.
        audience: the required value in ``aud``, or None if it is not checked.
        user_claim: the claim that contains the user id.
    """

    find_keys: Callable[[str], Sequence[Any]]
    algorithms: list[str]
    issuer: str | None
    audience: str | None
    user_claim: str
    _cache: dict[str, tuple[str, float]] = field(default_factory=dict, init=False, repr=False)

    def authenticate(self, token: str) -> str:
        """Return the id of the user that a token was issued to.

        Raises:
            InvalidToken: the token is malformed, expired, or not trusted.
            SigningKeyUnavailable: its key is unknown, and the issuer is unreachable.
        """
        user_id, until = self._cache.get(token, ("", -math.inf))
        if clock() < until:
            return user_id
        if not _COMPACT.fullmatch(token):
            raise InvalidToken
        try:
            claims = self._verify(token)
        except jwt.PyJWTError as error:
            raise InvalidToken from error
        user_id = claims[self.user_claim]
        if not isinstance(user_id, str):
            raise InvalidToken
        self._add_to_cache(token, user_id, int(claims["exp"]))
        return user_id

    def _add_to_cache(self, token: str, user_id: str, expires_at: int) -> None:
        if len(self._cache) >= CACHE_SIZE:  # Simpler than evicting the oldest; each token is only verified once more.
            self._cache.clear()
        now = time.time()
        self._cache[token] = user_id, clock() + (min(now + CACHE_SECONDS, expires_at + LEEWAY) - now)

    def _verify(self, token: str) -> dict[str, Any]:
        *candidates, last = self.find_keys(token)
        for key in candidates:
            with suppress(jwt.InvalidSignatureError):  # With any other error, the next key would fail too.
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


def make_verifier(config: Mapping[str, Any]) -> TokenVerifier:
    """Return the verifier for the settings: with JWT_JWKS_URL if it is set, otherwise with the secrets."""
    find_keys: Callable[[str], Sequence[Any]]
    if config["JWT_JWKS_URL"]:
        key_set = jwks.KeySet(config["JWT_JWKS_URL"])
        find_keys, algorithms = (lambda token: [key_set.get_signing_key(token)]), jwks.ALGORITHMS
    else:
        secrets = [secret for secret in (config["JWT_SECRET"], config["JWT_SECRET_FALLBACK"]) if secret]
        find_keys, algorithms = (lambda _token: secrets), SECRET_ALGORITHMS
    return TokenVerifier(find_keys, algorithms, config["JWT_ISSUER"], config["JWT_AUDIENCE"], config["JWT_USER_CLAIM"])


def sign_token(config: Mapping[str, Any], user_id: str, lifetime: timedelta) -> str:
    """Return a new token for a user, signed with JWT_SECRET.

    Args:
        config: the settings.
        user_id: the user.
        lifetime: how long the token is valid.

    Raises:
        LookupError: JWT_SECRET is not set, because tokens come from an issuer.
    """
    if not config["JWT_SECRET"]:
        raise LookupError("Cannot sign tokens: JWT_JWKS_URL is set, so only the issuer can sign them")
    now = datetime.now(UTC)
    claims = {"sub": user_id, config["JWT_USER_CLAIM"]: user_id, "iat": now, "exp": now + lifetime}
    optional = {"iss": config["JWT_ISSUER"], "aud": config["JWT_AUDIENCE"]}
    claims.update({name: value for name, value in optional.items() if value})
    return jwt.encode(claims, config["JWT_SECRET"], SECRET_ALGORITHMS[0])
