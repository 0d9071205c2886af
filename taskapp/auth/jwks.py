"""The public keys of an issuer (RFC 7517), cached so that neither outages nor key rotations affect clients.

PyJWT's client fails if the issuer is down after its cache has expired, makes all threads wait for a fetch, and rejects
new keys for a while after each fetch. This module behaves differently:

* A known key is used immediately. It is refreshed in the background, and kept while the issuer is down.
* An unknown key is rejected only if a fetch that started after the token arrived does not contain it. If the issuer is
  unreachable, the client should retry (503), not log in again (401).
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from taskapp.auth.errors import InvalidToken, Reason, SigningKeyUnavailable
from taskapp.auth.issuer import TIMEOUT, FetchFailed, fetch_key_set
from taskapp.auth.public_keys import Candidates, PublicKey, find_candidates, parse_key_set
from taskapp.auth.strict_jwt import Header
from taskapp.auth.token_bucket import TokenBucket

_logger = logging.getLogger(__name__)

# Seconds after which known keys are fetched again.
LIFESPAN = 300
# BURST fetches may follow each other immediately, because a new key may appear right after a fetch. After that, one
# fetch per COOLDOWN seconds is allowed: clients can invent key ids, which must not flood the issuer with requests.
BURST = 5
COOLDOWN = 10
# Seconds between the start of a failed fetch and the next one.
PAUSE = 1
# The maximum number of remembered headers for which the issuer has no key, and the maximum length of a key id.
ABSENT_KEYS = 1000
KEY_ID_LENGTH = 1024

clock = time.monotonic


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
        self._url = url
        self._bucket = TokenBucket(BURST, COOLDOWN)
        self._lock = threading.Lock()
        self._fetch: _Fetch | None = None
        self._keys: Sequence[PublicKey] = ()
        self._fetched_at = -math.inf
        self._failure: FetchFailed | None = None
        self._logged = ""
        # Maps each header for which the issuer has no key to the start of the fetch that showed it.
        self._absent: dict[Header, float] = {}

    def find_keys(self, header: Header) -> Iterator[Any]:
        """Return the keys that may have signed a token, one after the other.

        The caller takes the next one if the signature does not match. Therefore the issuer is asked only if no known
        key matches, and the token does not name one of them.

        Raises:
            InvalidToken: the issuer does not have the key.
            SigningKeyUnavailable: the key is unknown, and the issuer's keys cannot be fetched.
        """
        requested_at = clock()
        known, named = self._candidates(header)
        if known and (self._failure or requested_at - self._fetched_at > LIFESPAN):
            self._begin_fetch()
        yield from known
        if named:
            return
        if len(header.key_id or "") > KEY_ID_LENGTH:
            raise InvalidToken(Reason.UNKNOWN_KEY)
        if requested_at - self._absent.get(header, -math.inf) >= COOLDOWN:
            began_at = self._await_fetch(requested_at, lambda: self._has_new(header, known))
            fetched, named = self._candidates(header)
            yield from (key for key in fetched if key not in known)
            known = fetched
            if not named:
                self._remember_absent(header, began_at)
        if not known:
            raise InvalidToken(Reason.UNKNOWN_KEY)

    def is_available(self) -> bool:
        """Return whether any key is known. If none is, try to fetch them first."""
        if not self._keys:
            self._wait(self._begin_fetch(lambda: bool(self._keys)), clock())
        return bool(self._keys)

    def _candidates(self, header: Header) -> Candidates:
        return find_candidates(self._keys, header)

    def _has_new(self, header: Header, known: Sequence[Any]) -> bool:
        return any(key not in known for key in self._candidates(header).keys)

    def _remember_absent(self, header: Header, began_at: float) -> None:
        if len(self._absent) >= ABSENT_KEYS:
            self._absent.clear()
        self._absent[header] = began_at

    def _await_fetch(self, requested_at: float, is_known: Callable[[], bool]) -> float:
        """Wait until a fetch has made a key known, or has shown that the issuer does not have it.

        Only a fetch that starts after the request can show that. An earlier one may have missed the key.

        Returns:
            When the fetch began.

        Raises:
            SigningKeyUnavailable: it is too soon for a fetch, or the fetch failed or takes too long.
        """
        while True:
            fetch = self._begin_fetch(is_known)
            self._wait(fetch, requested_at)
            if fetch and fetch.done.is_set() and (is_known() or (not fetch.failed and fetch.began_at >= requested_at)):
                return fetch.began_at
            if fetch is None or fetch.failed or not fetch.done.is_set():
                lasting = self._failure and self._failure.remedy
                raise SigningKeyUnavailable(None if lasting else self._bucket.wait())

    def _wait(self, fetch: _Fetch | None, requested_at: float) -> None:
        """Wait for a fetch, but at most TIMEOUT from the request and from the start of the fetch.

        During an outage no thread waits, because requests with known keys need them.
        """
        if fetch and not self._failure:
            fetch.done.wait(min(requested_at, fetch.began_at) + TIMEOUT - clock())

    def _begin_fetch(self, is_known: Callable[[], bool] = lambda: False) -> _Fetch | None:
        """Return the fetch in progress, or start one in the background; None if it is too soon for another one.

        Args:
            is_known: returns whether the latest fetch already has what the caller wants; then no other one starts.
        """
        with self._lock:
            newest = self._fetch
            if newest and (not newest.done.is_set() or is_known()):
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
        failure = None
        try:
            self._keys, description = parse_key_set(fetch_key_set(self._url))
            self._fetched_at = clock()
            self._log_success(description)
        except FetchFailed as error:
            failure = error
            self._log_failure(error)
        except Exception as error:  # Known keys stay, whatever happens.
            failure = FetchFailed(type(error).__name__)
            _logger.exception("Cannot fetch the issuer's keys")
        finally:
            self._failure = failure
            fetch.failed = failure is not None
            fetch.done.set()

    def _log_success(self, description: str) -> None:
        if self._failure:
            self._log(logging.WARNING, f"The issuer's keys are available again: {description}")
        else:
            self._log(logging.INFO, f"Fetched the issuer's keys: {description}")

    def _log_failure(self, failure: FetchFailed) -> None:
        message = f"Cannot fetch the issuer's keys: {failure.problem}."
        if failure.remedy:
            self._log(logging.ERROR, f"{message} Retries will not help. {failure.remedy}")
        else:
            self._log(logging.WARNING, f"{message} Retrying.")

    def _log(self, level: int, message: str) -> None:
        """Log a change. A fetch with the same result as the one before leaves no line."""
        if message != self._logged:
            self._logged = message
            _logger.log(level, "%s", message)
