"""The parts of the document that operations share: headers and error responses.

Codes and messages come from the errors that :func:`taskapp.http.errors.map_error` recorded, so the document always
matches the service.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson

from taskapp.http.error_body import error_body, name_of, status_error_body
from taskapp.http.errors import ErrorResponse, error_responses

EXAMPLE_REQUEST_ID = "6f1d3c1e2b7a4c0f9d8e7a6b5c4d3e2f"
REQUEST_ID_SCHEMA = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$", "examples": [EXAMPLE_REQUEST_ID]}


def _header(description: str, schema: Mapping[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"description": description, "required": required, "schema": dict(schema)}


# The headers of responses. The description of an optional header states when it is present.
HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": _header("The id of the request: your own, or a generated one.", REQUEST_ID_SCHEMA),
    "Server-Timing": _header(
        "Present if the service is configured to send it. The duration of the request in milliseconds, in the database "
        "and in total (W3C Server Timing).",
        {"type": "string", "examples": ["db;dur=1.21, app;dur=2.13, total;dur=3.34"]},
        required=False,
    ),
    "ETag": _header(
        "The version of the task as a strong entity tag (RFC 9110, section 8.8.3).",
        {"type": "string", "pattern": '^"[1-9][0-9]*"$', "examples": ['"1"']},
    ),
    "Change": _header(
        "The number of the write in the user's log of changes. Missing if nothing was written, and on a replayed "
        "response that was stored before the log existed.",
        {"type": "integer", "format": "int64", "minimum": 1, "examples": [1]},
        required=False,
    ),
    "Location": _header(
        "The URL of what was created.",
        {"type": "string", "format": "uri-reference", "examples": ["/api/demo/tasks/1"]},
    ),
    "Link": _header(
        "Present if another page follows. Its URL (RFC 8288).",
        {
            "type": "string",
            "examples": ['</api/demo/tasks?limit=2&cursor=WzIsMl0.x1zd3sBwQbPq0VbXm2m4e9RkZ8c>; rel="next"'],
        },
        required=False,
    ),
    "Content-Disposition": _header(
        "Present unless the body is JSON. Suggests a name for the file (RFC 6266).",
        {"type": "string", "examples": ['attachment; filename="tasks.csv"']},
        required=False,
    ),
    "Total-Count": _header(
        "Present with `count=true` unless the body is JSON: the number of tasks on all pages together.",
        {"type": "integer", "format": "int64", "minimum": 0, "examples": [61]},
        required=False,
    ),
    "As-Of": _header(
        "Present with `as_of` unless the body is JSON: the number of the newest change that the page contains.",
        {"type": "integer", "format": "int64", "minimum": 0, "examples": [1043]},
        required=False,
    ),
    "Idempotency-Replayed": _header(
        "Present if this is the stored response to an earlier request with the same `Idempotency-Key`. Nothing was "
        "written this time.",
        {"type": "string", "const": "true"},
        required=False,
    ),
    "Preference-Applied": _header(
        "Present if the request had `Prefer: merge=disjoint`. The write may have taken effect on a later version than "
        "that in `If-Match`. The response has the whole task, with the changes of others (RFC 7240, section 3).",
        {"type": "string", "const": "merge=disjoint"},
        required=False,
    ),
    "Retry-After": _header(
        "Seconds to wait before a retry. Missing on a 503 if retries cannot help.",
        {"type": "integer", "minimum": 1, "examples": [1]},
        required=False,
    ),
    "RateLimit-Policy": _header(
        "Present on responses to authorized requests if the service has a rate limit. The quota of the user: `q` "
        "requests per `w` seconds (draft-ietf-httpapi-ratelimit-headers-11).",
        {"type": "string", "pattern": '^"default";q=[1-9][0-9]*;w=[1-9][0-9]*$', "examples": ['"default";q=100;w=60']},
        required=False,
    ),
    "RateLimit": _header(
        "Present together with `RateLimit-Policy`. `r` requests are left; the quota is complete again in `t` seconds.",
        {"type": "string", "pattern": '^"default";r=[0-9]+;t=[1-9][0-9]*$', "examples": ['"default";r=50;t=30']},
        required=False,
    ),
    "WWW-Authenticate": _header(
        "The challenge (RFC 6750, section 3). Contains `invalid_token` and a description if a token was sent.",
        {
            "type": "string",
            "examples": ["Bearer", 'Bearer error="invalid_token", error_description="The access token expired"'],
        },
    ),
    "Accept-Encoding": _header(
        "Present if the body was compressed: the service accepts no content coding (RFC 9110, section 12.5.3).",
        {"type": "string", "const": "identity"},
        required=False,
    ),
}
REQUEST_ID_PARAMETER: dict[str, Any] = {
    "description": "Your own id for the request: 1 to 128 characters of `A-Za-z0-9._-`. "
    "If it is missing or malformed, the service generates one.",
    "schema": {"type": "string", "examples": [EXAMPLE_REQUEST_ID]},
}
TRACEPARENT_PARAMETER: dict[str, Any] = {
    "description": "The trace that the request belongs to (W3C Trace Context). The log lines of the request have its "
    "trace id. If it is missing or malformed, they have none.",
    "schema": {"type": "string", "examples": ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]},
}
# Errors that any URL may return, including those of the server itself.
HTTP_ERRORS = [
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_URI_TOO_LONG,
    HTTPStatus.EXPECTATION_FAILED,
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.NOT_IMPLEMENTED,
]
# Errors of routes that require authentication. Undeclared bodies are rejected, so every operation may reject one.
API_ERRORS = [
    *HTTP_ERRORS,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.SERVICE_UNAVAILABLE,
]
# All errors that a view may refer to by the name of the status.
ERRORS = [*API_ERRORS, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT]
# The rate limit headers.
QUOTA = ("RateLimit-Policy", "RateLimit")
# The headers of each error response in addition to X-Request-ID and Server-Timing.
HEADERS_OF_ERRORS: dict[int, Sequence[str]] = {
    400: QUOTA,
    401: ["WWW-Authenticate"],
    404: QUOTA,
    409: ["Retry-After", *QUOTA],
    410: QUOTA,
    412: ["ETag", *QUOTA],
    413: QUOTA,
    415: ["Accept-Encoding", *QUOTA],
    422: QUOTA,
    429: ["Retry-After", *QUOTA],
    500: QUOTA,
    503: ["Retry-After", *QUOTA],
}
# Headers that are not what they are on other responses.
_OWN_HEADERS: dict[int, Mapping[str, Any]] = {
    403: {
        "WWW-Authenticate": _header(
            "Present with `INSUFFICIENT_SCOPE`. The challenge (RFC 6750, section 3.1), with the scope that is missing.",
            {"type": "string", "examples": ['Bearer error="insufficient_scope", scope="tasks:write"']},
            required=False,
        )
    }
}
# For statuses that the docstrings of the exceptions do not describe in full.
_DESCRIPTIONS: dict[int, str] = {
    400: "The body is missing, incomplete, or not a JSON object in UTF-8; or the request is not valid HTTP.",
    401: "The token is missing, malformed, expired, or not from an issuer that this service trusts.",
    413: "The body exceeds 64 KiB.",
    414: "The request line exceeds 8,190 bytes.",
    415: "The body is not JSON by its content type, not UTF-8 by its charset, or compressed.",
    417: "The header `Expect` is anything but `100-continue`.",
    422: "A field, parameter or header breaks a rule. `details` maps each one to a list of sentences.",
    431: "A header exceeds 16,380 bytes, or there are more than 64.",
    500: "A bug in the service, logged under the request id.",
    501: "The server does not support the transfer coding of the body.",
}
# The ``details`` of an example if the error itself has none.
_EXAMPLE_DETAILS: dict[int, Mapping[str, Any]] = {
    422: {
        "title": ["Must be 1 to 255 characters, excluding surrounding white space."],
        "name": ["Unknown field. Did you mean title?"],
    },
}


def headers(*names: str) -> dict[str, str]:
    """Refer to headers of :data:`HEADERS`. Headers that every response may have are added."""
    return {name: name for name in ("X-Request-ID", "Server-Timing", *names)}


def _example_of(error: ErrorResponse) -> dict[str, Any]:
    details = error.details or _EXAMPLE_DETAILS.get(error.status)
    value = orjson.loads(error_body(error.code, error.message, EXAMPLE_REQUEST_ID, details))
    return {"summary": error.code, "value": value}


def _example_of_status(status: int) -> dict[str, Any]:
    value = orjson.loads(status_error_body(status, EXAMPLE_REQUEST_ID))
    return {"summary": value["error"]["code"], "value": value}


def describe_error(
    status: int, examples: Mapping[str, ErrorResponse] | None = None, description: str | None = None
) -> dict[str, Any]:
    """Describe the response of an error status, with an example of each error that has it.

    Args:
        status: the HTTP status.
        examples: the errors by name; if None, all that are mapped to the status.
        description: the cause; if None, the first lines of the exceptions' docstrings.

    Returns:
        The arguments of flask-smorest's ``alt_response`` other than the schema.
    """
    mapped = {cls: error for cls, error in error_responses.items() if error.status == status}
    exceptions = sorted(mapped, key=lambda cls: cls.__name__)
    if examples is None:
        examples = {cls.__name__: mapped[cls] for cls in exceptions}
    summaries = " ".join((cls.__doc__ or "").partition("\n")[0] for cls in exceptions)
    return {
        "description": description or _DESCRIPTIONS.get(status) or summaries,
        "headers": {**headers(*HEADERS_OF_ERRORS.get(status, [])), **_OWN_HEADERS.get(status, {})},
        "examples": {name: _example_of(error) for name, error in examples.items()}
        or {name_of(HTTPStatus(status)): _example_of_status(status)},
    }


def describe_too_large(message: str) -> dict[str, Any]:
    """Describe the response to a body that is too large for a route with a limit of its own.

    Args:
        message: the message of the error, which states the limit.
    """
    error = ErrorResponse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "PAYLOAD_TOO_LARGE", message)
    return describe_error(413, {"BodyTooLarge": error}, message)
