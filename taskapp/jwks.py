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
# Seconds that one fetch may take.
TIMEOUT = 3


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
        key_id = jwt.get_unverified_header(token).get("kid")
        key = self._keys.get(key_id) if isinstance(key_id, str) else None
        if key is not None:
            self._renew_if_old()
            return key
        self._fetch_if_cool()
        key = self._keys.get(key_id) if isinstance(key_id, str) else None
        if key is not None:
            return key
        if not self._keys:
            raise IdentityUnavailable
        raise jwt.InvalidKeyError

    def _renew_if_old(self) -> None:
        if time.monotonic() - self._fetched_at > LIFESPAN and not self._fetching.locked() and self._is_cool():
            threading.Thread(target=self._fetch_if_cool, name="jwks", daemon=True).start()

    def _is_cool(self) -> bool:
        return time.monotonic() - self._tried_at > COOLDOWN

    def _fetch_if_cool(self) -> None:
        """Fetch the keys, unless that was tried just now. One thread does; those that need a key wait for it."""
        with self._fetching:
            if not self._is_cool():
                return
            self._tried_at = time.monotonic()
            try:
                keys = self._client.get_signing_keys()
            except (jwt.PyJWTError, OSError, ValueError) as error:
                _logger.warning("The keys of the issuer could not be fetched: %s", error)
                return
            self._keys = {str(key.key_id): key for key in keys}
            self._fetched_at = time.monotonic()
