"""The public keys in a key set (RFC 7517), and which of them may have signed a token."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from taskapp.auth.issuer import FetchFailed, KeySetResponse
from taskapp.auth.strict_jwt import Header

# The algorithms for each key type and curve. All are asymmetric. With HS256, anybody could use the public key as the
# secret (RFC 8725, section 2.1).
_ALGORITHMS: dict[tuple[Any, Any], tuple[str, ...]] = {
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
    ("OKP", "Ed448"): ("EdDSA",),
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("EC", "P-521"): ("ES512",),
    ("RSA", None): ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
}
ALGORITHMS = sorted({algorithm for algorithms in _ALGORITHMS.values() for algorithm in algorithms})
# Names of the same algorithm (RFC 9864). An issuer may use one in its keys and the other in its tokens.
_EDDSA = ("EdDSA", "Ed25519")
# RFC 7518, section 3.3.
_RSA_BITS = 2048
# The maximum number of keys in a set. The largest known issuers publish fewer than 20.
MAXIMUM_KEYS = 100
# The maximum number of keys that are tried if a token does not name its key (RFC 7515, appendix D).
MAXIMUM_TRIES = 4
_NO_KEYS = "Correct JWT_JWKS_URL, or have the issuer sign with an asymmetric algorithm."


class _Unusable(Exception):
    """A key cannot verify signatures. The argument is the reason."""


class PublicKey(NamedTuple):
    """A key that can verify signatures.

    Attributes:
        key_id: its id, or None.
        algorithms: the algorithms that it may be used with.
        key: the key itself.
    """

    key_id: str | None
    algorithms: Sequence[str]
    key: Any


class Candidates(NamedTuple):
    """The keys that may have signed a token.

    Attributes:
        keys: the keys.
        named: whether the token names them, so that no other key can have signed it.
    """

    keys: list[Any]
    named: bool


def parse_key_set(response: KeySetResponse) -> tuple[list[PublicKey], str]:
    """Return the usable keys of a key set, and a description of the set for the log.

    The keys that cannot be used are ignored (RFC 7517, section 5).

    Raises:
        FetchFailed: the response has no usable keys.
    """
    keys, unusable = [], Counter[str]()
    entries = _entries_of(response)
    for entry in entries:
        try:
            keys.append(_parse_key(entry))
        except _Unusable as error:
            unusable[str(error)] += 1
    reasons = "".join(f", {count} {reason}" for reason, count in sorted(unusable.items()))
    description = f"{len(keys)} of {len(entries)} usable{reasons} ({response.source})"
    if not keys:
        raise FetchFailed(f"no key of the set can verify signatures: {description}", _NO_KEYS)
    return keys, description


def _entries_of(response: KeySetResponse) -> list[Any]:
    document, source = response
    members = document if isinstance(document, dict) else {}
    entries = members.get("keys")
    if isinstance(entries, list) and 0 < len(entries) <= MAXIMUM_KEYS:
        return entries
    if isinstance(entries, list) and entries:
        raise FetchFailed(f"the key set has more than {MAXIMUM_KEYS} keys ({source})", "Have the issuer remove some.")
    if isinstance(entries, list):  # Some issuers create their first key when they sign their first token.
        raise FetchFailed(f"the key set is empty ({source})")
    if "jwks_uri" in members:
        raise FetchFailed(f"the URL is that of the discovery document ({source})", "Set JWT_JWKS_URL to its jwks_uri.")
    raise FetchFailed(f"the JSON has no list of keys ({source})", "Correct JWT_JWKS_URL.")


def find_candidates(keys: Sequence[PublicKey], header: Header) -> Candidates:
    """Return the keys that may have signed a token, at most :data:`MAXIMUM_TRIES`.

    Both ``kid`` and ``alg`` are optional in a key, and ``kid`` is in a token (RFC 7515, section 4.1.4). If the token
    names no key, or no key has that name, then all keys that could be meant are candidates. The signature decides.
    """
    fitting = [key for key in keys if header.algorithm in key.algorithms]
    if header.key_id is None:
        return Candidates([key.key for key in fitting[:MAXIMUM_TRIES]], named=False)
    named = [key.key for key in fitting if key.key_id == header.key_id]
    unnamed = [key.key for key in fitting if key.key_id is None]
    return Candidates((named or unnamed)[:MAXIMUM_TRIES], named=bool(named))


def _parse_key(entry: Any) -> PublicKey:
    try:
        algorithms = _algorithms_of(entry)
        # With an algorithm, PyJWT does not guess one. It knows only the older name of Ed25519.
        key = jwt.PyJWK(entry, "EdDSA" if algorithms[0] in _EDDSA else algorithms[0]).key
    except _Unusable:
        raise
    except Exception:  # noqa: BLE001 # Whatever is wrong with one key, the others can be used.
        raise _Unusable("malformed") from None
    if isinstance(key, RSAPublicKey) and key.key_size < _RSA_BITS:
        raise _Unusable("too short")
    key_id = entry.get("kid")
    return PublicKey(None if key_id is None else str(key_id), algorithms, key)


def _algorithms_of(entry: dict[str, Any]) -> list[str]:
    """Return the algorithms that a key is for: those of its type, or the one that it names (RFC 7517, section 4.4)."""
    kind, named, operations = entry.get("kty"), entry.get("alg"), entry.get("key_ops")
    if kind == "oct":
        raise _Unusable("symmetric")
    if "d" in entry:  # Whoever reads the key set can sign any token.
        raise _Unusable("private")
    if entry.get("use") not in (None, "sig") or not (operations is None or "verify" in operations):
        raise _Unusable("not for signatures")
    wanted = (kind, None if kind == "RSA" else entry.get("crv"))
    possible = next((algorithms for known, algorithms in _ALGORITHMS.items() if known == wanted), ())
    found = [name for name in possible if named in (None, name) or (named in _EDDSA and name in _EDDSA)]
    if not found:
        raise _Unusable("of another type or algorithm")
    return found
