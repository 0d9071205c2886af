"""Calls of the REST API as one user. Every rule, limit and log line of the service therefore holds for tools too."""

import json
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx2

from taskapp.http.trace_context import HEADER
from taskapp.mcp.errors import Rename, ToolError, describe, same_name

# Calls are repeated after a broken connection: reads change nothing, and writes have an idempotency key.
_ATTEMPTS = 3
_UNREACHABLE = "The task service cannot be reached: {}. Nothing is known to have been written. Try again later."
_TOO_LONG = "The arguments are too long."
# What a proxy in front of the service responds with while the service is down (RFC 9110, section 15.6).
_GATEWAY_ERRORS = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
_NOT_THE_SERVICE = "The response does not come from the task service (status {}). Ask the user to check TASKAPP_URL."


class Response(NamedTuple):
    """A successful response of the API.

    Attributes:
        body: the JSON in it.
        replayed: whether an earlier call with the same idempotency key had already written this.
    """

    body: dict[str, Any]
    replayed: bool


@dataclass(frozen=True)
class Api:
    """Calls the API.

    Attributes:
        http: sends the requests. Its base URL is that of the service.
        user_id: the user.
        token: the token of the user.
        traceparent: the trace that the calls belong to (W3C Trace Context), if there is one.
    """

    http: httpx2.Client
    user_id: str
    token: str
    traceparent: str | None = None

    def get(self, path: str, query: dict[str, str], rename: Rename = same_name) -> dict[str, Any]:
        """Return the JSON of a resource of the user.

        Raises:
            ToolError: there is none.
        """
        return self._send("GET", path, rename, query=query).body

    def post(self, path: str, body: dict[str, Any] | None, key: str, rename: Rename = same_name) -> Response:
        """Write, at most once for each key.

        Args:
            path: the path below that of the user.
            body: the JSON to send; None to send no body.
            key: the idempotency key.
            rename: returns the name of an argument of the tool, by that of a field.

        Raises:
            ToolError: nothing was written, or that is not known.
        """
        return self._send("POST", path, rename, key=key, body=body)

    def _send(
        self, method: str, path: str, rename: Rename, *, key: str = "", query: Any = None, body: Any = None
    ) -> Response:
        headers = {"Authorization": f"Bearer {self.token}", **({"Idempotency-Key": key} if key else {})}
        headers |= {HEADER: self.traceparent} if self.traceparent else {}
        url = f"/api/{quote(self.user_id, safe='')}{path}"
        for attempt in range(_ATTEMPTS):
            is_last = attempt == _ATTEMPTS - 1
            try:
                response = self.http.request(method, url, params=query, json=body, headers=headers)
            except httpx2.InvalidURL:
                raise ToolError(_TOO_LONG) from None
            except httpx2.TransportError as error:
                if is_last or isinstance(error, httpx2.ConnectError | httpx2.TimeoutException):
                    raise ToolError(_UNREACHABLE.format(str(error) or type(error).__name__)) from None
                continue
            if not _is_in_progress(response) or is_last:
                break
            time.sleep(float(response.headers["Retry-After"]))
        return _read(response, rename, is_first=attempt == 0)


def _is_in_progress(response: httpx2.Response) -> bool:
    """Return whether an earlier attempt with the same key is still in progress."""
    return response.status_code == HTTPStatus.CONFLICT and "Retry-After" in response.headers


def _read(response: httpx2.Response, rename: Rename, *, is_first: bool) -> Response:
    try:
        body = response.json()
        if response.is_success and "data" in body:
            return Response(body, is_first and response.headers.get("Idempotency-Replayed") == "true")
        message = describe(response.status_code, response.headers, body["error"], rename)
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        if response.status_code in _GATEWAY_ERRORS:
            raise ToolError(_UNREACHABLE.format(f"status {response.status_code}")) from None
        raise ToolError(_NOT_THE_SERVICE.format(response.status_code)) from None
    raise ToolError(message)
