"""CORS, as the Fetch Standard has it: which pages of other origins may read responses.

Tokens are sent by scripts, in ``Authorization``; there are no cookies. So credentials in the sense of the standard are
never allowed, and an origin can do nothing here but with a token that it holds.
"""

from collections.abc import Collection, Mapping

from flask import Flask, Response

from taskapp.http.request import current_request

ANY = "*"
# Headers that scripts may send, besides those that the standard always allows.
_ALLOWED = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-ID"
# Headers that they may read: those of the contract.
EXPOSED_HEADERS = (
    "X-Request-ID",
    "Server-Timing",
    "ETag",
    "Location",
    "Link",
    "Idempotency-Replayed",
    "Retry-After",
    "RateLimit-Policy",
    "RateLimit",
    "WWW-Authenticate",
    "Allow",
)
_EXPOSED = ", ".join(EXPOSED_HEADERS)
# Seconds that a browser need not ask again; Chromium takes no more than two hours.
_MAX_AGE = "7200"


def headers_for_errors(origins: Collection[str]) -> Mapping[str, str]:
    """Return the CORS headers of a response to a request that could not be read, so that its origin is not known.

    If only one origin may read responses, it can be named in any case: a browser keeps the response from every other.
    """
    if len(origins) != 1:
        return {}
    return {"Access-Control-Allow-Origin": next(iter(origins)), "Access-Control-Expose-Headers": _EXPOSED}


def init_app(app: Flask) -> None:
    """Let pages of the configured origins read every response, errors included."""
    origins: Collection[str] = app.config["CORS_ORIGINS"]

    def share(response: Response) -> Response:
        request = current_request()
        headers, origin = response.headers, request.headers.get("Origin")
        if ANY in origins:
            origin = ANY
        else:
            headers.add("Vary", "Origin")  # Even if it is missing or another: a cache must tell the responses apart.
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
        app.after_request(share)
