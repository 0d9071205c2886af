"""How many requests a user may send in a while: Flask-Limiter, behind the guard. Not imported where no limit is set.

The headers are those of draft-ietf-httpapi-ratelimit-headers-11; 429 is of RFC 6585, section 4.
"""

import math
import time
from typing import Any

from flask import Flask, Response, after_this_request, g
from flask_limiter import Limiter, RateLimitExceeded, RequestLimit
from limits.errors import StorageError
from redis.backoff import NoBackoff
from redis.retry import Retry

from taskapp.auth.guard import authorize
from taskapp.http.context import this_request
from taskapp.http.errors import RateLimited

# The name of the one quota there is.
POLICY = "default"
# Seconds that a request may wait for an answer of Redis, twice at most. By itself redis-py would wait without an end,
# or try three more times, up to a second apart. Once more, at once, is for a connection that was closed meanwhile.
_PATIENCE = 0.5
_TRIES: dict[str, Any] = {
    "socket_timeout": _PATIENCE,
    "socket_connect_timeout": _PATIENCE,
    "retry": Retry(NoBackoff(), 1),
}


def _user() -> str:
    """Return whose quota it is: the guard has let only the user of the path pass."""
    user_id: str = (this_request().view_args or {})["user_id"]
    return user_id


def _make_limiter(storage: str) -> Limiter:
    limiter = Limiter(
        _user,
        key_prefix="taskapp",
        storage_uri=storage,
        storage_options={"wrap_exceptions": True, **(_TRIES if storage.startswith("redis") else {})},
        # Where Redis is down, each worker counts alone, and asks for Redis after 1 s, 2 s, 4 s … 32 s again.
        in_memory_fallback_enabled=True,
    )
    # Warnings alone: it also logs every request that is refused, which would let a client fill the log.
    limiter.logger.setLevel("WARNING")
    return limiter


def _announce(limit: RequestLimit) -> int:
    """Tell on the answer what is left of the quota.

    Returns:
        Seconds until all of it is there again; never too few, because Redis rounds them.
    """
    window = limit.limit.get_expiry()
    try:
        remaining, seconds = limit.remaining, min(window, max(1, math.ceil(limit.reset_at - time.time())))
    except StorageError:  # Redis went away after it had counted.
        return window

    @after_this_request
    def add_headers(response: Response) -> Response:
        response.headers["RateLimit-Policy"] = f'"{POLICY}";q={limit.limit.amount};w={window}'
        response.headers["RateLimit"] = f'"{POLICY}";r={remaining};t={seconds}'
        return response

    return seconds


def init_app(app: Flask) -> None:
    """Count requests by user behind every guard; every blueprint has to be registered by then.

    What the guard refuses is not counted: nobody can use up the quota of somebody else.
    """
    limiter = _make_limiter(app.config["RATE_LIMIT_STORAGE"])
    limiter.init_app(app)

    @limiter.shared_limit(app.config["RATE_LIMIT"], scope=POLICY)
    def count() -> None:
        """Take one from the quota. Where none is left, Flask-Limiter raises before this is called."""

    def charge() -> None:
        g.is_charged = True
        try:
            count()
        except RateLimitExceeded:
            raise RateLimited(_announce(limiter.current_limits[0])) from None
        except StorageError:
            # While this one waited for Redis, another request found it down. Flask-Limiter counts in memory from the
            # first such request on, but raises for the others. They are few: let them pass.
            return
        _announce(limiter.current_limits[0])

    # Flask-Limiter also looks at every request before any guard, at /health too. There is nothing to count then, but it
    # would look for limits, and would ask for Redis where that is down.
    limiter.request_filter(lambda: "is_charged" not in g)
    for guards in app.before_request_funcs.values():
        if authorize in guards:
            guards.insert(guards.index(authorize) + 1, charge)
