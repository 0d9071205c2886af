"""Tokens: JWTs (RFC 7519), verified as RFC 8725 recommends.

The configured kind of key determines the allowed algorithms. The token never does (RFC 8725, section 3.1).
"""

import hashlib
import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import jwt

from taskapp.auth import scopes
from taskapp.auth.errors import InvalidToken, Reason
from taskapp.auth.jwks import KeySet
from taskapp.auth.public_keys import ALGORITHMS
from taskapp.auth.strict_jwt import Header, StrictJWT, invalid_token, read_header
from taskapp.db.columns import USER_ID_LENGTH

SECRET_ALGORITHMS = ["HS256"]
# Allowed clock skew between the issuer and this service, in seconds.
LEEWAY = 30
# Clients send the same token repeatedly. A valid token is cached for this many seconds, but never beyond its expiry.
CACHE_SECONDS = 60
CACHE_SIZE = 4096
clock = time.monotonic
decode = StrictJWT().decode


class Caller(NamedTuple):
    """Whom a valid token admits, and to what.

    Attributes:
        user_id: the user that the token was issued to.
        scopes: the scopes of this service that it grants; all of them if scopes are not checked.
    """

    user_id: str
    scopes: frozenset[str] = scopes.ALL


_NOBODY = Caller("")


@dataclass(frozen=True)
class TokenVerifier:
    """Verifies tokens.

    Attributes:
        find_keys: returns the keys that may have signed a token with a header, the most likely one first. Raises
            ``InvalidToken`` if there is none.
        algorithms: the algorithms that are allowed with this kind of key.
        user_claim: the claim that contains the user id.
        issuers: the allowed values of ``iss``; empty if it is not checked.
        audiences: the values of which ``aud`` must contain one; empty if it is not checked.
        authorized_parties: the allowed values of ``azp`` if a token has it; empty if it is not checked.
        checks_scopes: whether a token grants only the scopes in its claim ``scope``.
    """

    find_keys: Callable[[Header], Iterable[Any]]
    algorithms: list[str]
    user_claim: str = "sub"
    issuers: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    authorized_parties: tuple[str, ...] = ()
    checks_scopes: bool = False
    # The keys are hashes of tokens: each has 32 bytes, and a memory dump contains no tokens.
    _cache: dict[bytes, tuple[Caller, float]] = field(default_factory=dict, init=False, repr=False)

    def authenticate(self, token: str) -> Caller:
        """Return the user that a token was issued to, and the scopes that it grants.

        Raises:
            InvalidToken: the token is malformed, expired, or not trusted.
            SigningKeyUnavailable: its key is unknown, and the issuer's keys cannot be fetched.
        """
        digest = hashlib.sha256(token.encode()).digest()
        caller, until = self._cache.get(digest, (_NOBODY, -math.inf))
        if clock() < until:
            return caller
        try:
            claims = self._verify(token)
        except jwt.PyJWTError as error:
            raise invalid_token(error) from error
        user_id = claims[self.user_claim]
        if not user_id or not isinstance(user_id, str):
            raise InvalidToken(Reason.INVALID_CLAIM, self.user_claim)
        if self.authorized_parties and claims.get("azp", self.authorized_parties[0]) not in self.authorized_parties:
            raise InvalidToken(Reason.AUTHORIZED_PARTY)
        caller = Caller(user_id, scopes.granted_scopes(claims)) if self.checks_scopes else Caller(user_id)
        if len(user_id) <= USER_ID_LENGTH:  # Longer ones are not valid, and take memory.
            self._add_to_cache(digest, caller, int(claims["exp"]))
        return caller

    def _add_to_cache(self, digest: bytes, caller: Caller, expires_at: int) -> None:
        if len(self._cache) >= CACHE_SIZE:  # Simpler than evicting the oldest; each token is only verified once more.
            self._cache.clear()
        now = time.time()
        self._cache[digest] = caller, clock() + (min(now + CACHE_SECONDS, expires_at + LEEWAY) - now)

    def _verify(self, token: str) -> dict[str, Any]:
        header = read_header(token)
        if header.algorithm not in self.algorithms:
            raise InvalidToken(Reason.ALGORITHM)
        for key in self.find_keys(header):
            with suppress(jwt.InvalidSignatureError):  # With any other error, the next key would fail too.
                return self._decode(token, key)
        raise InvalidToken(Reason.SIGNATURE)

    def _decode(self, token: str, key: Any) -> dict[str, Any]:
        return decode(
            token,
            key,
            algorithms=self.algorithms,
            issuer=self.issuers or None,
            audience=self.audiences or None,
            leeway=LEEWAY,
            options={"require": ["exp", self.user_claim], "verify_aud": bool(self.audiences)},
        )


def make_verifier(config: Mapping[str, Any], key_set: KeySet | None) -> TokenVerifier:
    """Return the verifier for the settings.

    Args:
        config: the settings.
        key_set: the issuer's keys; None to verify with JWT_SECRET and JWT_SECRET_FALLBACK.
    """
    secrets = [secret for secret in (config["JWT_SECRET"], config["JWT_SECRET_FALLBACK"]) if secret]
    return TokenVerifier(
        key_set.find_keys if key_set else lambda _header: secrets,
        ALGORITHMS if key_set else SECRET_ALGORITHMS,
        config["JWT_USER_CLAIM"],
        config["JWT_ISSUER"],
        config["JWT_AUDIENCE"],
        config["JWT_AUTHORIZED_PARTIES"],
        config["JWT_SCOPES"],
    )


def sign_token(
    config: Mapping[str, Any], user_id: str, lifetime: timedelta, granted: Iterable[str] = (scopes.READ, scopes.WRITE)
) -> str:
    """Return a new token for a user, signed with JWT_SECRET, for the first issuer and audience of the settings.

    Args:
        config: the settings.
        user_id: the user.
        lifetime: how long the token is valid.
        granted: its scopes. They are in the token even if they are not checked, so that it stays valid once they are.

    Raises:
        LookupError: JWT_SECRET is not set, because tokens come from an issuer.
    """
    if not config["JWT_SECRET"]:
        raise LookupError("Cannot sign tokens: JWT_JWKS_URL is set, so only the issuer can sign them")
    now = datetime.now(UTC)
    claims = {"sub": user_id, config["JWT_USER_CLAIM"]: user_id, "iat": now, "exp": now + lifetime}
    claims[scopes.CLAIM] = " ".join(granted)
    optional = {"iss": config["JWT_ISSUER"], "aud": config["JWT_AUDIENCE"]}
    claims.update({name: values[0] for name, values in optional.items() if values})
    return jwt.encode(claims, config["JWT_SECRET"], SECRET_ALGORITHMS[0])
