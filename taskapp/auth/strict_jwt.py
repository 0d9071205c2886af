"""JWTs (RFC 7519), read strictly: what PyJWT would accept or guess although the RFCs forbid it is rejected here."""

import base64
import math
import re
from typing import Any, NamedTuple

import jwt
from jwt.algorithms import OKPAlgorithm
from jwt.exceptions import InvalidJTIError, InvalidSubjectError

from taskapp.auth.errors import InvalidToken, Reason
from taskapp.http.json_text import loads

# RFC 7515, section 7.1. Python's base64 ignores all other characters, so the same token could have many spellings.
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
# The types of tokens that grant access (RFC 7519, section 5.1, and RFC 9068, section 2.1). Other registered types, such
# as logout+jwt and dpop+jwt, serve other purposes (RFC 8725, section 3.11).
_ACCESS_TYPES = {"jwt", "at+jwt"}
_DATES = ("exp", "nbf", "iat")
_REASONS: dict[type[jwt.PyJWTError], Reason] = {
    jwt.InvalidAlgorithmError: Reason.ALGORITHM,
    jwt.InvalidSignatureError: Reason.SIGNATURE,
    jwt.ExpiredSignatureError: Reason.EXPIRED,
    jwt.ImmatureSignatureError: Reason.NOT_YET_VALID,
    jwt.InvalidIssuerError: Reason.ISSUER,
    jwt.InvalidAudienceError: Reason.AUDIENCE,
    jwt.MissingRequiredClaimError: Reason.MISSING_CLAIM,
    InvalidSubjectError: Reason.INVALID_CLAIM,
    InvalidJTIError: Reason.INVALID_CLAIM,
}
_CLAIMS: dict[type[jwt.PyJWTError], str] = {InvalidSubjectError: "sub", InvalidJTIError: "jti"}


class Header(NamedTuple):
    """The parts of a token's header that select its key. They are not verified yet.

    Attributes:
        algorithm: the signature algorithm, ``alg``.
        key_id: the id of the key, ``kid``, or None.
    """

    algorithm: str
    key_id: str | None


def _json_object(text: bytes) -> dict[str, Any]:
    """Parse a JSON object. Names must be unique (RFC 7515, section 4, and RFC 7519, section 4)."""
    try:
        value = loads(text)
    except (ValueError, RecursionError):
        raise InvalidToken(Reason.MALFORMED) from None
    if not isinstance(value, dict):
        raise InvalidToken(Reason.MALFORMED)
    return value


def read_header(token: str) -> Header:
    """Return the header of a token.

    Raises:
        InvalidToken: the token is not a JWT; or it requires extensions (``crit``; RFC 7515, section 4.1.11), of which
            this service has none; or its type is one of tokens that grant no access.
    """
    match = _COMPACT.fullmatch(token)
    if match is None or len(match[1]) % 4 == 1:
        raise InvalidToken(Reason.MALFORMED)
    header = _json_object(base64.urlsafe_b64decode(match[1] + "==="))
    algorithm, key_id, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not (isinstance(algorithm, str) and isinstance(key_id, str | None) and isinstance(kind, str)):
        raise InvalidToken(Reason.MALFORMED)
    kind = kind.lower().removeprefix("application/")
    if "crit" in header or (kind.endswith("+jwt") and kind not in _ACCESS_TYPES):
        raise InvalidToken(Reason.UNSUPPORTED)
    return Header(algorithm, key_id)


def invalid_token(error: jwt.PyJWTError) -> InvalidToken:
    """Return the error of this service for one of PyJWT."""
    kind = type(error)
    return InvalidToken(_REASONS.get(kind, Reason.MALFORMED), getattr(error, "claim", _CLAIMS.get(kind)))


class StrictJWT(jwt.PyJWT):
    """PyJWT with strict claims, and with the algorithm ``Ed25519``, the newer name of EdDSA (RFC 9864)."""

    def __init__(self) -> None:
        super().__init__()
        self._jws.register_algorithm("Ed25519", OKPAlgorithm())

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        """Parse the claims, once the signature is verified. PyJWT calls this method for subclasses to override.

        PyJWT itself takes text such as ``" 9_9 "`` for a time. RFC 7519, section 2, requires a JSON number.

        Raises:
            InvalidToken: the claims are not a JSON object, or a time is not a number.
        """
        claims = _json_object(decoded["payload"])
        for name in _DATES:
            if name in claims and not _is_date(claims[name]):
                raise InvalidToken(Reason.INVALID_CLAIM, name)
        return claims


def _is_date(value: Any) -> bool:
    """Return whether a value is a NumericDate. Any integer is one, however large."""
    return type(value) is int or (type(value) is float and math.isfinite(value))
