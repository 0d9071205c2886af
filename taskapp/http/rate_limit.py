"""Rate limits per user, with Flask-Limiter. Only imported if RATE_LIMIT is set.

The headers are defined in draft-ietf-httpapi-ratelimit-headers-11, and status 429 in RFC 6585, section 4.
"""

import math
import time
from typing import Any

from flask import Flask, Response, after_this_request, g
from flask_limiter import Limiter, RateLimitExceeded, RequestLimit
from limits.errors import StorageError
from redis.backoff import NoBackoff
from redis.retry import Retry

from taskapp.http.concurrency import limit_concurrency
from taskapp.http.errors import RateLimited
from taskapp.http.request import current_request

# The name of the only quota.
POLICY = "default"
# Seconds that a request waits for Redis, at most twice. By default, redis-py waits forever, or retries three times with
# pauses of up to a second. A single immediate retry is enough for a connection that was closed while idle.
_TIMEOUT = 0.5
_RETRIES: dict[str, Any] = {
    "socket_timeout": _TIMEOUT,
    "socket_connect_timeout": _TIMEOUT,
    "retry": Retry(NoBackoff(), 1),
}


def _owner() -> str:
    """Return whose quota the current request uses.

    The guard has verified the user in the path. If a route has no guard, an earlier hook sets ``g.quota_owner``.
    """
    owner: str = g.get("quota_owner") or (current_request().view_args or {})["user_id"]
    return owner


def _make_limiter(storage: str) -> Limiter:
    limiter = Limiter(
        _owner,
        key_prefix="taskapp",
        storage_uri=storage,
        storage_options={"wrap_exceptions": True, **(_RETRIES if storage.startswith("redis") else {})},
        # If Redis is unavailable, each worker counts for itself, and retries Redis after 1 s, 2 s, 4 s … 32 s.
        in_memory_fallback_enabled=True,
    )
    # Below warnings, it logs every rejected request, with which a client could fill the log.
    limiter.logger.setLevel("WARNING")
    return limiter


def _add_quota_headers(limit: RequestLimit) -> int:
    """Add the headers with the remaining quota to the current response.

    Returns:
        Seconds until the quota is complete again, rounded up.
    """
    window = limit.limit.get_expiry()
    try:
        remaining, seconds = limit.remaining, min(window, max(1, math.ceil(limit.reset_at - time.time())))
    except StorageError:  # Redis became unavailable after it counted the request.
        return window

    @after_this_request
    def add_headers(response: Response) -> Response:
        response.headers["RateLimit-Policy"] = f'"{POLICY}";q={limit.limit.amount};w={window}'
        response.headers["RateLimit"] = f'"{POLICY}";r={remaining};t={seconds}'
        return response

    return seconds


def init_app(app: Flask) -> None:
    """Count the requests of each user, after the guard and the limit of concurrent requests.

    Requests that the guard rejects do not count, so that no user can use up the quota of another one. Nor do those that
    the server will handle again.

    Args:
        app: the application, with all its blueprints registered.
    """
    limiter = _make_limiter(app.config["RATE_LIMIT_STORAGE"])
    limiter.init_app(app)

    @limiter.shared_limit(app.config["RATE_LIMIT"], scope=POLICY)
    def count() -> None:
        """Do nothing. Flask-Limiter counts each call, and raises instead if the quota is used up."""

    def charge() -> None:
        g.is_charged = True
        try:
            count()
        except RateLimitExceeded:
            raise RateLimited(_add_quota_headers(limiter.current_limits[0])) from None
        except StorageError:
            # Several requests waited for Redis when it became unavailable. Flask-Limiter counts in memory from the
            # first of them on, but raises for the others. They are few, so they are not limited.
            return
        _add_quota_headers(limiter.current_limits[0])

    # Flask-Limiter also checks every request before any guard, including /health. The filter skips that check, which
    # would count nothing but would retry an unavailable Redis.
    limiter.request_filter(lambda: "is_charged" not in g)
    for hooks in app.before_request_funcs.values():
        if limit_concurrency in hooks:
            hooks.insert(hooks.index(limit_concurrency) + 1, charge)
