"""The public keys of an issuer (RFC 7517), cached so that clients notice neither its outages nor a change of its keys.

PyJWT's client fetches and reads a key set. But it fails once its cache is old and the issuer is down, lets every thread
queue behind a fetch, and for a while after each fetch rejects newer keys. This module adds:

* A known key is used at once. It is refreshed in the background, and kept for as long as the issuer is down.
* An unknown key is rejected only if the issuer, asked after the token came, does not have it. If the issuer cannot be
  asked, the client should retry (503), not log in again (401).
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
# This many fetches may follow each other at once, because a new key may come right after a fetch. After that there is
# one every COOLDOWN seconds: anybody can make up key ids, and must not make this service flood its issuer.
BURST = 5
COOLDOWN = 10
# Seconds after a fetch that failed until the next.
PAUSE = 1
# Seconds that the issuer may be silent during a fetch, and that a request waits for a fetch.
TIMEOUT = 3
# How many key ids that the issuer does not have are cached.
ABSENT_KEYS = 1000
# What a token of an issuer may be signed with: never a secret's algorithm, because public keys are no secrets.
ALGORITHMS = ["EdDSA", "Ed25519", *("ES256", "ES384", "ES512")]
ALGORITHMS += ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]

clock = time.monotonic


class TokenBucket:
    """How often something may be done: a few times at once, then once in a while."""

    def __init__(self) -> None:
        self._left = float(BURST)
        self._counted_at = clock()

    def take(self) -> bool:
        """Return whether it may be done now; if so, it counts."""
        left, now = self._left_now(), clock()
        if left < 1:
            return False
        self._left, self._counted_at = left - 1, now
        return True

    def wait(self) -> int:
        """Return the whole seconds, at least one, after which it may be done."""
        return max(1, math.ceil((1 - self._left_now()) * COOLDOWN))

    def _left_now(self) -> float:
        return min(BURST, self._left + (clock() - self._counted_at) / COOLDOWN)


class _Client(jwt.PyJWKClient):
    """PyJWT's client, which knows Ed25519 only by its older name, EdDSA (RFC 9864, section 2.2)."""

    def fetch_data(self) -> Any:
        data = super().fetch_data()
        for key in data.get("keys", ()):
            if isinstance(key, dict) and key.get("alg") == "Ed25519":
                key["alg"] = "EdDSA"
        return data


class _Fetch:
    """One fetch of the keys: when it began, whether it is done, and whether it brought any."""

    def __init__(self) -> None:
        self.began_at = clock()
        self.done = threading.Event()
        self.failed = False


class KeySet:
    """The keys at a URL.

    Args:
        url: where the issuer publishes them.
    """

    def __init__(self, url: str) -> None:
        self._client = _Client(url, cache_jwk_set=False, timeout=TIMEOUT)
        self._bucket = TokenBucket()
        self._lock = threading.Lock()
        self._fetch: _Fetch | None = None
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = -math.inf
        self._failing = False
        # The key ids that the issuer did not have, and when it said so.
        self._absent: dict[str, float] = {}

    def get_signing_key(self, token: str) -> jwt.PyJWK:
        """Return the key that a token says it is signed with.

        Raises:
            PyJWTError: the token is no JWT, or names no key of this issuer.
            SigningKeyUnavailable: the key is not known, and the issuer cannot be asked for it.
        """
        header = jwt.get_unverified_header(token)
        key_id, algorithm = header.get("kid"), header.get("alg")
        if not isinstance(key_id, str) or algorithm not in ALGORITHMS:
            raise jwt.InvalidKeyError  # No key of the issuer could match, so it is not asked.
        key = self._keys.get(key_id)
        if key is None:
            key = self._ask_for(key_id)
        elif self._failing or clock() - self._fetched_at > LIFESPAN:
            self._begin_fetch()
        return _named_ed25519(key) if algorithm == "Ed25519" else key

    def _ask_for(self, key_id: str) -> jwt.PyJWK:
        """Return the key of an id that is not known, once a fetch that began after now has brought it."""
        asked_at = clock()
        if asked_at - self._absent.get(key_id, -math.inf) < COOLDOWN:
            raise jwt.InvalidKeyError
        while True:
            fetch = self._begin_fetch(key_id)
            if fetch and not self._failing:  # While it is down no thread waits: known keys need them.
                fetch.done.wait(asked_at + TIMEOUT - clock())
            if key := self._keys.get(key_id):
                return key
            if fetch is None or fetch.failed or not fetch.done.is_set():
                raise SigningKeyUnavailable(self._bucket.wait())
            if fetch.began_at >= asked_at:  # One that was under way may have missed the key.
                break
        if len(self._absent) >= ABSENT_KEYS:
            self._absent.clear()
        self._absent[key_id] = fetch.began_at
        raise jwt.InvalidKeyError

    def _begin_fetch(self, wanted: str | None = None) -> _Fetch | None:
        """Return the fetch that is under way, or begin one in the background; None if it is too soon for one.

        Args:
            wanted: a key id; no fetch begins if the last one has just brought it.
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
        except Exception as error:  # noqa: BLE001 # Whatever an issuer sends, known keys stay.
            fetch.failed = True
            _logger.warning("The keys of the issuer could not be fetched: %s", error)
        finally:
            self._failing = fetch.failed
            fetch.done.set()


def _named_ed25519(key: jwt.PyJWK) -> jwt.PyJWK:
    """Return an Ed25519 key that PyJWT accepts for a token whose ``alg`` is ``Ed25519``."""
    if not isinstance(key.key, Ed25519PublicKey):
        raise jwt.InvalidAlgorithmError
    named = copy.copy(key)
    named.algorithm_name = "Ed25519"
    return named
