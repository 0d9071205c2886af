"""CORS (Fetch Standard, https://fetch.spec.whatwg.org/): which origins may read responses in a browser.

Scripts send tokens in ``Authorization``, and there are no cookies. So the service never allows credentials in the sense
of the standard, and an origin can do nothing without a token of its own.
"""

from collections.abc import Collection, Mapping

from flask import Flask, Response

from taskapp.http.request import current_request

ANY = "*"
# Request headers that scripts may send, in addition to those that the standard always allows.
_READ = (
    "Authorization",
    "Content-Type",
    "If-Match",
    "If-None-Match",
    "Idempotency-Key",
    "Prefer",
    "X-Request-ID",
    "traceparent",
)
# The service ignores these, but libraries add them to every request: tracing (W3C Trace Context, W3C Baggage, Sentry)
# and a mark of requests by scripts. If they were not allowed, browsers would send none of these requests.
_IGNORED = ("tracestate", "baggage", "sentry-trace", "X-Requested-With")
_ALLOWED = ", ".join(_READ + _IGNORED)
# Response headers that scripts may read: all headers of the contract.
EXPOSED_HEADERS = (
    "X-Request-ID",
    "Server-Timing",
    "ETag",
    "Change",
    "Location",
    "Link",
    "Content-Disposition",
    "Total-Count",
    "As-Of",
    "Idempotency-Replayed",
    "Preference-Applied",
    "Retry-After",
    "RateLimit-Policy",
    "RateLimit",
    "WWW-Authenticate",
    "Accept-Encoding",
    "Allow",
)
_EXPOSED = ", ".join(EXPOSED_HEADERS)
# Seconds for which a browser may cache a preflight response. Chromium limits it to two hours.
_MAX_AGE = "7200"


def headers_for_errors(origins: Collection[str]) -> Mapping[str, str]:
    """Return the CORS headers for a request that could not be parsed, so that its origin is unknown.

    If a single origin is allowed, the response can always name it. Browsers hide the response from all other origins.
    """
    if len(origins) != 1:
        return {}
    return {"Access-Control-Allow-Origin": next(iter(origins)), "Access-Control-Expose-Headers": _EXPOSED}


def init_app(app: Flask) -> None:
    """Let the pages of the configured origins read every response, including errors."""
    origins: Collection[str] = app.config["CORS_ORIGINS"]

    def add_headers(response: Response) -> Response:
        request = current_request()
        headers, origin = response.headers, request.headers.get("Origin")
        if ANY in origins:
            origin = ANY
        else:
            headers.add("Vary", "Origin")  # Also for other origins, so that caches store each response separately.
        if origin not in origins:
            return response
        headers["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            headers["Access-Control-Allow-Methods"] = headers.get("Allow", "")
            headers["Access-Control-Allow-Headers"] = _ALLOWED
            headers["Access-Control-Max-Age"] = _MAX_AGE
        else:
            headers["Access-Control-Expose-Headers"] = _EXPOSED
        return response

    if origins:
        app.after_request(add_headers)
