"""Error responses.

The packages raise exceptions such as ``TaskNotFound`` and ``DatabaseUnavailable``. :func:`map_error` maps them to
responses. Clients never see the text of an unexpected exception, SQL or file paths.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

from flask import Blueprint, Flask, Response
from werkzeug.exceptions import HTTPException

from taskapp.db.errors import (
    DatabaseNotSetUp,
    DatabaseReadOnly,
    DatabaseUnavailable,
    IdempotencyKeyInUse,
    IdempotencyKeyReused,
    UnsuitableDatabase,
    UserBusy,
)
from taskapp.http.app import InvalidHeader
from taskapp.http.error_body import error_body, status_error_body
from taskapp.http.request_id import current_request_id

# For errors caused by an unavailable service, which may be available again in a second.
RETRY_SHORTLY: Mapping[str, str] = MappingProxyType({"Retry-After": "1"})


class RequestError(Exception):
    """A request that is invalid for any route.

    Args:
        message: the message of the error; None for the one that the class is mapped to.
        details: a map from fields, parameters or headers to lists of sentences.
    """

    def __init__(self, message: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        self.message = message
        self.details = details
        super().__init__(message)


class MalformedRequest(RequestError):
    """The body is missing, incomplete, or not a JSON object in UTF-8."""


class UnsupportedMediaType(RequestError):
    """The body is not JSON by its content type, or not UTF-8 by its charset."""


class UnsupportedContentCoding(RequestError):
    """The body is compressed by its Content-Encoding."""


class BodyTooLarge(RequestError):
    """The body exceeds the maximum length of its route."""


class InvalidInput(RequestError):
    """A field, parameter or header breaks a rule; `details` says which and why."""


class RateLimited(Exception):
    """The user exceeded the rate limit.

    Args:
        seconds: the time until the quota is complete again.
    """

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class ErrorResponse(NamedTuple):
    """An error response.

    Attributes:
        status: the HTTP status.
        code: the machine-readable code.
        message: one sentence for people; empty if the details are to be summed up.
        details: a map from fields, parameters, headers or checks to lists of sentences; a 412 has the current task.
        headers: additional headers of the response.
    """

    status: HTTPStatus
    code: str
    message: str
    details: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = MappingProxyType({})


# Maps each exception class to its response, for the OpenAPI document.
error_responses: dict[type[Exception], ErrorResponse] = {}


def map_error(
    target: Flask | Blueprint,
    exception: type[Exception],
    response: ErrorResponse,
    vary: Callable[[Any], Mapping[str, Any]] = lambda _error: {},
    *,
    shared: bool = True,
) -> None:
    """Register the response to an exception of views and hooks.

    Args:
        target: the application or the blueprint whose views and hooks may raise it.
        exception: the class of the exception.
        response: the response.
        vary: called with the exception; returns the attributes of the response that differ for it.
        shared: whether the OpenAPI response that operations share for the status has it as an example.
    """
    if shared:
        error_responses[exception] = response
    target.register_error_handler(exception, lambda error: respond(response._replace(**vary(error))))


def respond(error: ErrorResponse) -> Response:
    """Return an error response for the current request."""
    body = error_body(error.code, error.message, current_request_id(), error.details)
    return Response(body, status=error.status, headers=dict(error.headers), mimetype="application/json")


def _respond_to_http_error(error: HTTPException) -> Any:
    response = error.get_response()  # It has the headers that belong to the status, such as Allow.
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return response
    return Response(
        status_error_body(error.code, current_request_id()),
        status=error.code,
        headers=[(name, value) for name, value in response.headers if name not in ("Content-Type", "Content-Length")],
        mimetype="application/json",
    )


def _own_message_and_details(error: RequestError) -> dict[str, Any]:
    return {name: value for name, value in vars(error).items() if value is not None}


_MALFORMED = ErrorResponse(HTTPStatus.BAD_REQUEST, "MALFORMED_REQUEST", "The body must be a JSON object in UTF-8.")
_INVALID_HEADER = ErrorResponse(HTTPStatus.BAD_REQUEST, "MALFORMED_REQUEST", "The header Host is missing.")
_JSON_ONLY = "The content type of the body must be application/json."
_UNSUPPORTED = ErrorResponse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", _JSON_ONLY)
_COMPRESSED = _UNSUPPORTED._replace(
    message="The service accepts no Content-Encoding. Send the body uncompressed.",
    headers={"Accept-Encoding": "identity"},  # RFC 9110, section 12.5.3: the codings that it accepts.
)
_TOO_LARGE = ErrorResponse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "PAYLOAD_TOO_LARGE", "The body is too large.")
_INVALID = ErrorResponse(HTTPStatus.UNPROCESSABLE_ENTITY, "VALIDATION_ERROR", message="")
_KEY_REUSED = _INVALID._replace(details={"Idempotency-Key": ["Was used for a different request."]})
KEY_IN_USE = ErrorResponse(
    HTTPStatus.CONFLICT,
    "CONFLICT",
    "The first request with this Idempotency-Key is still in progress. Try again shortly.",
    headers=RETRY_SHORTLY,
)
_RATE_LIMITED = ErrorResponse(
    HTTPStatus.TOO_MANY_REQUESTS, "RATE_LIMITED", "Rate limit exceeded. See the Retry-After header."
)
DATABASE_UNAVAILABLE = ErrorResponse(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "DATABASE_ERROR",
    "The database is unavailable. Try again shortly.",
    headers=RETRY_SHORTLY,
)
_READ_ONLY = DATABASE_UNAVAILABLE._replace(message="The database is read-only. Try again shortly.")
_USER_BUSY = DATABASE_UNAVAILABLE._replace(message="Your other writes are still in progress. Try again shortly.")
# It lasts until an operator acts.
_NOT_SET_UP = ErrorResponse(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "DATABASE_ERROR",
    "The database is not set up for this service. An operator can find the reason in the log.",
    headers={"Retry-After": "60"},
)


def init_app(app: Flask) -> None:
    """Give every error of the application the same structure, including those of routing and of Flask."""
    for exception, response in [
        (MalformedRequest, _MALFORMED),
        (UnsupportedMediaType, _UNSUPPORTED),
        (UnsupportedContentCoding, _COMPRESSED),
        (InvalidInput, _INVALID),
    ]:
        map_error(app, exception, response, _own_message_and_details)
    # Not shared, because the limit depends on the route. The shared response is that of the usual limit.
    map_error(app, BodyTooLarge, _TOO_LARGE, _own_message_and_details, shared=False)
    map_error(app, InvalidHeader, _INVALID_HEADER, lambda error: {"message": error.description})
    map_error(app, RateLimited, _RATE_LIMITED, lambda error: {"headers": {"Retry-After": str(error.seconds)}})
    map_error(app, IdempotencyKeyInUse, KEY_IN_USE)
    map_error(app, IdempotencyKeyReused, _KEY_REUSED)
    map_error(app, DatabaseUnavailable, DATABASE_UNAVAILABLE)
    map_error(app, DatabaseReadOnly, _READ_ONLY)
    map_error(app, UserBusy, _USER_BUSY)
    map_error(app, DatabaseNotSetUp, _NOT_SET_UP)
    map_error(app, UnsuitableDatabase, _NOT_SET_UP)
    app.register_error_handler(HTTPException, _respond_to_http_error)
