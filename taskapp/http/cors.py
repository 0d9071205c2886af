"""Which pages of other origins may read the answers: CORS, as the Fetch Standard has it; and OPTIONS, which it asks by.

Tokens are sent by scripts, in ``Authorization``; there are no cookies. So credentials in the sense of the standard are
never allowed, and an origin can do nothing here but with a token that it holds.
"""

from collections.abc import Collection, Mapping

from flask import Flask, Response

from taskapp.http.context import this_app, this_request
from taskapp.http.openapi.responses import HEADERS

ANY = "*"
# What scripts may send beside what the standard lets all send.
_SENT = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, X-Request-ID"
# What they may read: the headers of the contract, and what a 405 says.
_READ = ", ".join([*HEADERS, "Allow"])
# Seconds that a browser need not ask again; Chromium takes no more than two hours.
_MAX_AGE = "7200"


def answer_options() -> Response | None:
    """Before all else: answer OPTIONS, for which no token is needed (RFC 9110, section 9.3.7).

    A browser asks so before it sends a token, and what it learns is in the OpenAPI document anyway.
    """
    request = this_request()
    if request.method != "OPTIONS" or request.url_rule is None:
        return None
    response = this_app().make_default_options_response()
    response.status_code = 204
    del response.headers["Content-Type"]
    return response


def headers_for_errors(origins: Collection[str]) -> Mapping[str, str]:
    """Return the headers for an answer to a request that could not be read, and whose origin is thus not known.

    Where one origin alone may read answers, it can be named unasked: a browser refuses it to every other.
    """
    if len(origins) != 1:
        return {}
    return {"Access-Control-Allow-Origin": next(iter(origins)), "Access-Control-Expose-Headers": _READ}


def init_app(app: Flask) -> None:
    """Answer OPTIONS, and let pages of the origins that are set read every answer, errors included."""
    origins: Collection[str] = app.config["CORS_ORIGINS"]

    def share(response: Response) -> Response:
        request = this_request()
        headers, origin = response.headers, request.headers.get("Origin")
        if ANY in origins:
            origin = ANY
        else:
            headers.add("Vary", "Origin")  # Also where it is missing or another: a cache must tell the answers apart.
        if origin not in origins:
            return response
        headers["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            headers["Access-Control-Allow-Methods"] = headers.get("Allow", "")
            headers["Access-Control-Allow-Headers"] = _SENT
            headers["Access-Control-Max-Age"] = _MAX_AGE
        else:
            headers["Access-Control-Expose-Headers"] = _READ
        return response

    app.before_request(answer_options)
    if origins:
        app.after_request(share)
