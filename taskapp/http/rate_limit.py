"""How many requests a user may send in a while: Flask-Limiter, behind the guard. Not imported unless a limit is set.

The headers are those of draft-ietf-httpapi-ratelimit-headers-11; 429 is of RFC 6585, section 4.
"""

import math
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, Response, after_this_request, g
from flask_limiter import Limiter, RateLimitExceeded, RequestLimit
from limits.errors import StorageError
from redis.backoff import NoBackoff
from redis.retry import Retry

from taskapp.http.errors import RateLimited
from taskapp.http.request import current_request

# The name of the one quota there is.
POLICY = "default"
# Seconds that a request may wait for a response of Redis, twice at most. By default redis-py waits without an end, or
# retries three times, up to a second apart. One immediate retry is for a connection that was closed meanwhile.
_TIMEOUT = 0.5
_RETRIES: dict[str, Any] = {
    "socket_timeout": _TIMEOUT,
    "socket_connect_timeout": _TIMEOUT,
    "retry": Retry(NoBackoff(), 1),
}


def _user() -> str:
    """Return whose quota it is: the guard has let only the user of the path pass."""
    user_id: str = (current_request().view_args or {})["user_id"]
    return user_id


def _make_limiter(storage: str) -> Limiter:
    limiter = Limiter(
        _user,
        key_prefix="taskapp",
        storage_uri=storage,
        storage_options={"wrap_exceptions": True, **(_RETRIES if storage.startswith("redis") else {})},
        # If Redis is unavailable, each worker counts on its own, and tries Redis again after 1 s, 2 s, 4 s … 32 s.
        in_memory_fallback_enabled=True,
    )
    # Only warnings: it also logs every request that is rejected, which would let a client fill the log.
    limiter.logger.setLevel("WARNING")
    return limiter


def _announce(limit: RequestLimit) -> int:
    """Add headers to the response that say what is left of the quota.

    Returns:
        Seconds until all of it is there again; never too few, because Redis rounds them.
    """
    window = limit.limit.get_expiry()
    try:
        remaining, seconds = limit.remaining, min(window, max(1, math.ceil(limit.reset_at - time.time())))
    except StorageError:  # Redis became unavailable after it had counted.
        return window

    @after_this_request
    def add_headers(response: Response) -> Response:
        response.headers["RateLimit-Policy"] = f'"{POLICY}";q={limit.limit.amount};w={window}'
        response.headers["RateLimit"] = f'"{POLICY}";r={remaining};t={seconds}'
        return response

    return seconds


def init_app(app: Flask, guard: Callable[[], None]) -> None:
    """Count requests by user behind every guard.

    A request that the guard rejects is not counted, so that nobody can use up the quota of somebody else.

    Args:
        app: the application; every blueprint has to be registered by now.
        guard: the hook that lets only the user of the path pass.
    """
    limiter = _make_limiter(app.config["RATE_LIMIT_STORAGE"])
    limiter.init_app(app)

    @limiter.shared_limit(app.config["RATE_LIMIT"], scope=POLICY)
    def count() -> None:
        """Take one from the quota. If none is left, Flask-Limiter raises before this is called."""

    def charge() -> None:
        g.is_charged = True
        try:
            count()
        except RateLimitExceeded:
            raise RateLimited(_announce(limiter.current_limits[0])) from None
        except StorageError:
            # While this request waited for Redis, another one found it unavailable. Flask-Limiter counts in memory from
            # the first such request on, but raises for the others. They are few: let them pass.
            return
        _announce(limiter.current_limits[0])

    # Flask-Limiter also looks at every request before any guard, at /health too. There is nothing to count then, but it
    # would look for limits, and would try Redis if that is unavailable.
    limiter.request_filter(lambda: "is_charged" not in g)
    for guards in app.before_request_funcs.values():
        if guard in guards:
            guards.insert(guards.index(guard) + 1, charge)
