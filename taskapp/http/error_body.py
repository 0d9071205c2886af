"""The bodies of errors. No other code knows their structure."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson

from taskapp.http.json_provider import OPTIONS

# The codes that differ from the name of their status.
CODES = {
    HTTPStatus.BAD_REQUEST: "MALFORMED_REQUEST",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "PAYLOAD_TOO_LARGE",
    HTTPStatus.UNPROCESSABLE_ENTITY: "VALIDATION_ERROR",
    HTTPStatus.TOO_MANY_REQUESTS: "RATE_LIMITED",
    HTTPStatus.INTERNAL_SERVER_ERROR: "UNEXPECTED_ERROR",
}
_NAMES = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "REQUEST_ENTITY_TOO_LARGE",
    HTTPStatus.REQUEST_URI_TOO_LONG: "REQUEST_URI_TOO_LONG",
    HTTPStatus.UNPROCESSABLE_ENTITY: "UNPROCESSABLE_ENTITY",
}
MESSAGES = {
    HTTPStatus.BAD_REQUEST: "The request is malformed.",
    HTTPStatus.NOT_FOUND: "This URL does not exist.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This URL does not support this method. See the Allow header.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body exceeds 64 KiB.",
    HTTPStatus.REQUEST_URI_TOO_LONG: "The URL is too long.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The request headers are too large.",
    HTTPStatus.NOT_IMPLEMENTED: "The service accepts no transfer coding other than chunked.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "An unexpected error occurred. When you report it, include the request id.",
}
# The lengths at which the name of a field, and the message of a 422, are cut off.
_MAXIMUM_NAME = 100
_MAXIMUM_SUMMARY = 500


def name_of(status: HTTPStatus) -> str:
    """Return the name of a status; Python 3.13 renamed some, after RFC 9110."""
    return _NAMES.get(status, status.name)


def _printable(name: str) -> str:
    """Return the name of a field that a client sent, such that it can be shown.

    It may be long, or contain an unpaired surrogate, which UTF-8 cannot encode.
    """
    name = name if len(name) <= _MAXIMUM_NAME else f"{name[:_MAXIMUM_NAME]}…"
    return name.encode(errors="replace").decode()


def _summary(details: Mapping[str, Sequence[str]]) -> str:
    """Return the names and sentences of details as one text."""
    text = " ".join(f"{name}: {sentence}" for name, sentences in details.items() for sentence in sentences)
    return text if len(text) <= _MAXIMUM_SUMMARY else f"{text[:_MAXIMUM_SUMMARY]}… See details."


def error_body(code: str, message: str, request_id: str, details: Mapping[str, Any] | None = None) -> bytes:
    """Return the body of an error as JSON. An empty message sums up the details."""
    details = {_printable(name): text for name, text in (details or {}).items()}
    error: dict[str, Any] = {"code": code, "message": message or _summary(details)}
    if details:
        error["details"] = details
    return orjson.dumps({"error": {**error, "request_id": request_id}}, option=OPTIONS)


def status_error_body(status: int, request_id: str) -> bytes:
    """Return the body of an error for which only the HTTP status is known: one of routing, Flask or gunicorn."""
    known = HTTPStatus(status)
    return error_body(CODES.get(known, name_of(known)), MESSAGES.get(known, f"{known.phrase}."), request_id)
