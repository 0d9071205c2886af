"""The public keys of an issuer (RFC 7517), cached so that neither outages nor key rotations affect clients.

PyJWT's client fetches and parses a key set. However, it fails if the issuer is down after its cache has expired, makes
all threads wait for a fetch, and rejects new keys for a while after each fetch. This module behaves differently:

* A known key is used immediately. It is refreshed in the background, and kept while the issuer is down.
* An unknown key is rejected only if a fetch that started after the token arrived does not contain it. If the issuer is
  unreachable, the client should retry (503), not log in again (401).
"""

import copy
import logging
import math
import threading
import time
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from taskapp.auth.errors import SigningKeyUnavailable

_logger = logging.getLogger(__name__)

# Seconds after which known keys are fetched again.
LIFESPAN = 300
# BURST fetches may follow each other immediately, because a new key may appear right after a fetch. After that, one
# fetch per COOLDOWN seconds is allowed: clients can invent key ids, which must not flood the issuer with requests.
BURST = 5
COOLDOWN = 10
# Seconds between the start of a failed fetch and the next one.
PAUSE = 1
# The timeout of a fetch, and the maximum wait of a request for one, in seconds.
TIMEOUT = 3
# The maximum number of cached key ids that the issuer does not have.
ABSENT_KEYS = 1000
# Asymmetric algorithms only. With HS256, anybody could use the public key as the secret (RFC 8725, section 2.1).
ALGORITHMS = ["EdDSA", "Ed25519", *("ES256", "ES384", "ES512")]
ALGORITHMS += ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]

clock = time.monotonic


class TokenBucket:
    """A rate limiter: BURST actions immediately, then one per COOLDOWN seconds."""

    def __init__(self) -> None:
        self._left = float(BURST)
        self._counted_at = clock()

    def take(self) -> bool:
        """Take a token; return False if none is left."""
        left, now = self._left_now(), clock()
        if left < 1:
            return False
        self._left, self._counted_at = left - 1, now
        return True

    def wait(self) -> int:
        """Return the time until the next token in whole seconds, at least 1."""
        return max(1, math.ceil((1 - self._left_now()) * COOLDOWN))

    def _left_now(self) -> float:
        return min(BURST, self._left + (clock() - self._counted_at) / COOLDOWN)


class _Client(jwt.PyJWKClient):
    """PyJWT's client, with keys renamed from Ed25519 to the older name EdDSA, the only one it supports (RFC 9864)."""

    def fetch_data(self) -> Any:
        data = super().fetch_data()
        for key in data.get("keys", ()):
            if isinstance(key, dict) and key.get("alg") == "Ed25519":
                key["alg"] = "EdDSA"
        return data


class _Fetch:
    """A fetch of the key set."""

    def __init__(self) -> None:
        self.began_at = clock()
        self.done = threading.Event()
        self.failed = False


class KeySet:
    """The key set of an issuer.

    Args:
        url: the URL of the key set.
    """

    def __init__(self, url: str) -> None:
        self._client = _Client(url, cache_jwk_set=False, timeout=TIMEOUT)
        self._bucket = TokenBucket()
        self._lock = threading.Lock()
        self._fetch: _Fetch | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = -math.inf
        self._failing = False
        # Maps each key id that the issuer does not have to the start of the fetch that showed it.
        self._absent: dict[str, float] = {}

    def get_signing_key(self, token: str) -> jwt.PyJWK:
        """Return the key that the header of a token names.

        Raises:
            jwt.PyJWTError: the token is not a JWT, or does not name a key of this issuer.
            SigningKeyUnavailable: the key is unknown, and the issuer is unreachable.
        """
        header = jwt.get_unverified_header(token)
        key_id, algorithm = header.get("kid"), header.get("alg")
        if not isinstance(key_id, str) or algorithm not in ALGORITHMS:
            raise jwt.InvalidKeyError  # No key of the issuer can match, so no fetch is needed.
        key = self._keys.get(key_id)
        if key is None:
            key = self._fetch_key(key_id)
        elif self._failing or clock() - self._fetched_at > LIFESPAN:
            self._begin_fetch()
        return _named_ed25519(key) if algorithm == "Ed25519" else key

    def _fetch_key(self, key_id: str) -> jwt.PyJWK:
        """Return an unknown key. Only a fetch that starts after this call can show that the issuer does not have it."""
        requested_at = clock()
        if requested_at - self._absent.get(key_id, -math.inf) < COOLDOWN:
            raise jwt.InvalidKeyError
        while True:
            fetch = self._begin_fetch(key_id)
            if fetch and not self._failing:  # During an outage no thread waits; requests with known keys need them.
                fetch.done.wait(requested_at + TIMEOUT - clock())
            if key := self._keys.get(key_id):
                return key
            if fetch is None or fetch.failed or not fetch.done.is_set():
                raise SigningKeyUnavailable(self._bucket.wait())
            if fetch.began_at >= requested_at:  # An earlier fetch may have missed the key.
                break
        if len(self._absent) >= ABSENT_KEYS:
            self._absent.clear()
        self._absent[key_id] = fetch.began_at
        raise jwt.InvalidKeyError

    def _begin_fetch(self, wanted: str | None = None) -> _Fetch | None:
        """Return the fetch in progress, or start one in the background; None if it is too soon for another one.

        Args:
            wanted: a key id; no fetch starts if the latest one contains it.
        """
        with self._lock:
            newest = self._fetch
            if newest and (not newest.done.is_set() or wanted in self._keys):
                return newest
            if newest and newest.failed and clock() - newest.began_at < PAUSE:
                return None
            if not self._bucket.take():
                return None
            fetch = _Fetch()
            threading.Thread(target=self._run, args=(fetch,), name="jwks", daemon=True).start()
            self._fetch = fetch
            return fetch

    def _run(self, fetch: _Fetch) -> None:
        try:
            keys = self._client.get_signing_keys()
            self._keys = {str(key.key_id): key for key in keys}
            self._fetched_at = clock()
        except Exception as error:  # noqa: BLE001 # Known keys stay, whatever the issuer sends.
            fetch.failed = True
            _logger.warning("Cannot fetch the issuer's keys: %s", error)
        finally:
            self._failing = fetch.failed
            fetch.done.set()


def _named_ed25519(key: jwt.PyJWK) -> jwt.PyJWK:
    """Return a copy of an Ed25519 key that PyJWT accepts for tokens with the algorithm ``Ed25519``.

    Raises:
        jwt.InvalidAlgorithmError: the key is not an Ed25519 key.
    """
    if not isinstance(key.key, Ed25519PublicKey):
        raise jwt.InvalidAlgorithmError
    named = copy.copy(key)
    named.algorithm_name = "Ed25519"
    return named
