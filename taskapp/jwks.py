"""The public keys of an issuer (RFC 7517), kept so that its absence is not felt.

PyJWT's client fetches and reads a key set, but fails once its cache is old and the issuer is down, and lets every
thread queue behind a fetch. What is added here: known keys are served while they are renewed beside the requests, and
for as long as the issuer is down.
"""

import logging
import math
import threading
import time

import jwt

from taskapp.errors import IdentityUnavailable

_logger = logging.getLogger(__name__)

# Seconds after which known keys are fetched anew.
LIFESPAN = 300
# Seconds between fetches that unknown key ids cause, or that failed: nobody can make this service flood its issuer.
COOLDOWN = 10
# Seconds that the issuer may be silent during a fetch, and that a request waits for the fetch of another.
TIMEOUT = 3
# What a token of an issuer may be signed with: never a secret's algorithm, because public keys are no secrets.
ALGORITHMS = ["EdDSA", *("ES256", "ES384", "ES512"), *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")]


class KeySet:
    """The keys at a URL.

    Args:
        url: where the issuer publishes them.
    """

    def __init__(self, url: str) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=TIMEOUT)
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at = -math.inf
        self._tried_at = -math.inf
        self._fetching = threading.Lock()

    def key_of(self, token: str) -> jwt.PyJWK:
        """Return the key that a token says it is signed with.

        Raises:
            PyJWTError: the token is no JWT, or names no key of this issuer.
            IdentityUnavailable: no key is known, because none could be fetched yet.
        """
        header = jwt.get_unverified_header(token)
        key_id = header.get("kid")
        if not isinstance(key_id, str) or header.get("alg") not in ALGORITHMS:
            raise jwt.InvalidKeyError  # Whatever the issuer's keys are: it is not asked for them.
        if key_id in self._keys:
            self._renew_if_old()
        else:
            self._fetch_if_cool()
        if not self._keys:
            raise IdentityUnavailable
        if key_id not in self._keys:
            raise jwt.InvalidKeyError
        return self._keys[key_id]

    def _renew_if_old(self) -> None:
        if time.monotonic() - self._fetched_at > LIFESPAN and not self._fetching.locked() and self._is_cool():
            threading.Thread(target=self._fetch_if_cool, name="jwks", daemon=True).start()

    def _is_cool(self) -> bool:
        return time.monotonic() - self._tried_at > COOLDOWN

    def _fetch_if_cool(self) -> None:
        """Fetch the keys, unless that was tried just now. One thread does; those that need a key wait for it."""
        if not self._fetching.acquire(timeout=TIMEOUT):
            return
        try:
            if not self._is_cool():
                return
            self._tried_at = time.monotonic()
            keys = self._client.get_signing_keys()
            self._keys = {str(key.key_id): key for key in keys}
            self._fetched_at = time.monotonic()
        except Exception as error:  # noqa: BLE001 # What an issuer may send is not ours to foresee; the keys known stay.
            _logger.warning("The keys of the issuer could not be fetched: %s", error)
        finally:
            self._fetching.release()
