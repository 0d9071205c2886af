"""Every error the service answers with, and the only code that writes an error body.

    AppError
    ├── MalformedRequest       400
    ├── Unauthorized           401
    │   └── InvalidToken       401
    ├── Forbidden              403
    ├── TaskNotFound           404
    ├── Conflict               409
    ├── PreconditionFailed     412
    ├── UnsupportedMediaType   415
    ├── InvalidInput           422
    ├── RateLimited            429
    ├── IdentityUnavailable    503
    └── DatabaseUnavailable    503
        └── NotReady           503

What a class says is fixed: no text of an exception, no SQL and no path reaches a client.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import orjson
from flask import Flask, Response
from werkzeug.exceptions import HTTPException

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


class AppError(Exception):
    """An error with an answer of its own.

    Args:
        message: one sentence for a person, in place of the class's own.
        details: a map from a field, parameter or check to what is wrong with it.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "UNEXPECTED_ERROR"
    message = MESSAGES[HTTPStatus.INTERNAL_SERVER_ERROR]
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, message: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        self.message = message or self.message
        self.details = details
        super().__init__(self.message)


def error_classes(cls: type[AppError] = AppError) -> set[type[AppError]]:
    """Return every error that the service raises: the classes below one."""
    return {deeper for sub in cls.__subclasses__() for deeper in {sub, *error_classes(sub)}}


class MalformedRequest(AppError):
    """The body is not a JSON object in UTF-8."""

    status = HTTPStatus.BAD_REQUEST
    code = "MALFORMED_REQUEST"
    message = "The body must be a JSON object, encoded in UTF-8."


class Unauthorized(AppError):
    """The request has no valid token. RFC 6750, section 3, says what the header tells."""

    status = HTTPStatus.UNAUTHORIZED
    code = "UNAUTHORIZED"
    message = "Send a valid token as 'Authorization: Bearer <token>'."
    headers = MappingProxyType({"WWW-Authenticate": "Bearer"})


class InvalidToken(Unauthorized):
    """There is a token, but not one that holds."""

    message = "The token is malformed, expired or not from an issuer this service trusts."
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer error="invalid_token"'})


class Forbidden(AppError):
    """The token's user is not the one of the path."""

    status = HTTPStatus.FORBIDDEN
    code = "FORBIDDEN"
    message = "The token belongs to another user than the one in the path."


class TaskNotFound(AppError):
    """This user has no such task."""

    status = HTTPStatus.NOT_FOUND
    code = "TASK_NOT_FOUND"
    message = "You have no task with this id."


class Conflict(AppError):
    """The first request with the same Idempotency-Key is still running."""

    status = HTTPStatus.CONFLICT
    code = "CONFLICT"
    message = "The first request with this Idempotency-Key is still running. Try again shortly."
    headers = RETRY_SHORTLY


class PreconditionFailed(AppError):
    """The task has moved on from the version that If-Match names.

    Args:
        current: the fields of the task as it is now.
        etag: its entity tag now.
    """

    status = HTTPStatus.PRECONDITION_FAILED
    code = "PRECONDITION_FAILED"
    message = "The task has changed since the version that If-Match names; details.current is the task as it is now."

    def __init__(self, current: Mapping[str, Any], etag: str) -> None:
        super().__init__(details={"current": current})
        self.headers = {"ETag": etag}


class UnsupportedMediaType(AppError):
    """The body is not JSON by its content type."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "UNSUPPORTED_MEDIA_TYPE"
    message = "Send the body as 'Content-Type: application/json'."


class InvalidInput(AppError):
    """A field, parameter or header breaks a rule; `details` says which and why."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "VALIDATION_ERROR"
    message = "The request breaks a rule; details says which."


class RateLimited(AppError):
    """The user has sent as many requests as the limit of the service allows for now.

    Args:
        seconds: until the quota is there again.
    """

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "RATE_LIMITED"
    message = "You have sent too many requests. Try again after as many seconds as Retry-After says."

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(seconds)}


class IdentityUnavailable(AppError):
    """The token's key is not known, and the issuer cannot be asked for it at the moment.

    Args:
        seconds: after which another try is worth it.
    """

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "SERVICE_UNAVAILABLE"
    message = "Tokens cannot be checked at the moment. Try again shortly."

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(seconds)}


class DatabaseUnavailable(AppError):
    """The database cannot be reached, or did not answer before the deadline."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "DATABASE_ERROR"
    message = "The database is not available at the moment. Try again shortly."
    headers = RETRY_SHORTLY


class NotReady(DatabaseUnavailable):
    """A check failed; `details` says which and why."""

    message = "The service is not ready; details says why."


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


def _answer_app_error(error: AppError) -> Response:
    body = error_body(error.code, error.message, current_request_id(), error.details)
    return Response(body, status=error.status, headers=dict(error.headers), mimetype="application/json")


def _answer_http_error(error: HTTPException) -> Any:
    response = error.get_response()  # It carries the headers that belong to the status, such as Allow.
    if error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return response
    return Response(
        status_error_body(error.code, current_request_id()),
        status=error.code,
        headers=[(name, value) for name, value in response.headers if name not in ("Content-Type", "Content-Length")],
        mimetype="application/json",
    )


def init_app(app: Flask) -> None:
    """Answer every error of the application, those of routing and of Flask included, in the one shape."""
    app.register_error_handler(AppError, _answer_app_error)
    app.register_error_handler(HTTPException, _answer_http_error)
