"""Every error response, and the only code that writes an error body.

Rooms raise facts: ``TaskNotFound``, ``DatabaseUnavailable``. :func:`map_error` says how each is told to clients. What a
client reads is fixed: no text of an unexpected exception, no SQL and no path reaches it.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
from flask import Blueprint, Flask, Response
from werkzeug.exceptions import HTTPException

from taskapp.db.errors import DatabaseUnavailable, IdempotencyKeyInUse, IdempotencyKeyReused
from taskapp.http.json_provider import OPTIONS
from taskapp.http.request_id import current_request_id

# The codes that are not simply the name of their status.
CODES = {
    HTTPStatus.BAD_REQUEST: "MALFORMED_REQUEST",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "PAYLOAD_TOO_LARGE",
    HTTPStatus.UNPROCESSABLE_ENTITY: "VALIDATION_ERROR",
    HTTPStatus.TOO_MANY_REQUESTS: "RATE_LIMITED",
    HTTPStatus.INTERNAL_SERVER_ERROR: "UNEXPECTED_ERROR",
}
MESSAGES = {
    HTTPStatus.BAD_REQUEST: "The request cannot be read.",
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address does not take this method; the Allow header lists those it takes.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than 64 KiB.",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The address is too long.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The headers of the request are too large.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong on our side. The request id leads us to it.",
}
# In seconds: what failed for want of a service behind ours may soon work.
RETRY_SHORTLY: Mapping[str, str] = MappingProxyType({"Retry-After": "1"})


class RequestError(Exception):
    """A request that breaks a rule of every route.

    Args:
        message: one sentence for a person, in place of the one that the error is mapped to.
        details: a map from a field, parameter or header to what is wrong with it.
    """

    def __init__(self, message: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        self.message = message
        self.details = details
        super().__init__(message)


class MalformedRequest(RequestError):
    """The body is not a JSON object in UTF-8."""


class UnsupportedMediaType(RequestError):
    """The body is not JSON by its content type."""


class InvalidInput(RequestError):
    """A field, parameter or header breaks a rule; `details` says which and why."""


class RateLimited(Exception):
    """The user exceeded the rate limit.

    Args:
        seconds: until the quota is there again.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class ErrorResponse(NamedTuple):
    """How an error is told to clients.

    Attributes:
        status: the HTTP status.
        code: for programs.
        message: one sentence for a person.
        details: a map from a field, parameter or check to what is wrong with it.
        headers: further headers of the response.
    """

    status: HTTPStatus
    code: str
    message: str
    details: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = MappingProxyType({})


# From each exception that was mapped to its response, for the OpenAPI document.
error_responses: dict[type[Exception], ErrorResponse] = {}


def map_error(
    target: Flask | Blueprint,
    exception: type[Exception],
    response: ErrorResponse,
    vary: Callable[[Any], Mapping[str, Any]] = lambda _error: {},
) -> None:
    """Respond to an exception of a view or a hook.

    Args:
        target: the application or the blueprint whose views and hooks may raise it.
        exception: the class.
        response: the response.
        vary: returns what is different for this one exception, by the names of :class:`ErrorResponse`.
    """
    error_responses[exception] = response
    target.register_error_handler(exception, lambda error: respond(response._replace(**vary(error))))


def error_body(code: str, message: str, request_id: str, details: Mapping[str, Any] | None = None) -> bytes:
    """Write the body of an error: the one place that knows its shape."""
    error: dict[str, Any] = {"code": code, "message": message}
    if details:
        # A client's field name may hold a lone surrogate, which has no UTF-8.
        error["details"] = {name.encode(errors="replace").decode(): text for name, text in details.items()}
    return orjson.dumps({"error": {**error, "request_id": request_id}}, option=OPTIONS)


def status_error_body(status: int, request_id: str) -> bytes:
    """Write the body of an error that is known by its HTTP status alone: one of routing, Flask or gunicorn."""
    known = HTTPStatus(status)
    return error_body(CODES.get(known, known.name), MESSAGES.get(known, f"{known.phrase}."), request_id)


def respond(error: ErrorResponse) -> Response:
    """Return the response of an error."""
    body = error_body(error.code, error.message, current_request_id(), error.details)
    return Response(body, status=error.status, headers=dict(error.headers), mimetype="application/json")


def _respond_to_http_error(error: HTTPException) -> Any:
    response = error.get_response()  # It carries the headers that belong to the status, such as Allow.
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return response
    return Response(
        status_error_body(error.code, current_request_id()),
        status=error.code,
        headers=[(name, value) for name, value in response.headers if name not in ("Content-Type", "Content-Length")],
        mimetype="application/json",
    )


def _differences(error: RequestError) -> dict[str, Any]:
    return {name: value for name, value in vars(error).items() if value is not None}


_MALFORMED = ErrorResponse(
    HTTPStatus.BAD_REQUEST, "MALFORMED_REQUEST", "The body must be a JSON object, encoded in UTF-8."
)
_UNSUPPORTED = ErrorResponse(
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", "Send the body as 'Content-Type: application/json'."
)
_INVALID = ErrorResponse(
    HTTPStatus.UNPROCESSABLE_ENTITY, "VALIDATION_ERROR", "The request breaks a rule; details says which."
)
_KEY_REUSED = _INVALID._replace(details={"Idempotency-Key": ["Was used for another request."]})
_KEY_IN_USE = ErrorResponse(
    HTTPStatus.CONFLICT,
    "CONFLICT",
    "The first request with this Idempotency-Key is still running. Try again shortly.",
    headers=RETRY_SHORTLY,
)
_RATE_LIMITED = ErrorResponse(
    HTTPStatus.TOO_MANY_REQUESTS,
    "RATE_LIMITED",
    "You have sent too many requests. Try again after as many seconds as Retry-After says.",
)
DATABASE_UNAVAILABLE = ErrorResponse(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "DATABASE_ERROR",
    "The database is not available at the moment. Try again shortly.",
    headers=RETRY_SHORTLY,
)


def init_app(app: Flask) -> None:
    """Respond to every error of the application, those of routing and of Flask included, in the one shape."""
    for exception, response in [
        (MalformedRequest, _MALFORMED),
        (UnsupportedMediaType, _UNSUPPORTED),
        (InvalidInput, _INVALID),
    ]:
        map_error(app, exception, response, _differences)
    map_error(app, RateLimited, _RATE_LIMITED, lambda error: {"headers": {"Retry-After": str(error.seconds)}})
    map_error(app, IdempotencyKeyInUse, _KEY_IN_USE)
    map_error(app, IdempotencyKeyReused, _KEY_REUSED)
    map_error(app, DatabaseUnavailable, DATABASE_UNAVAILABLE)
    app.register_error_handler(HTTPException, _respond_to_http_error)
