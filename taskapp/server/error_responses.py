"""Responses to requests that gunicorn rejects by itself, in the shape of the service's own errors."""

import contextlib
import socket
from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from flask import Flask
from gunicorn.http.errors import ParseException

from taskapp.http import cors
from taskapp.http.error_body import status_error_body
from taskapp.http.errors import MalformedRequest
from taskapp.http.request_id import HEADER, new_request_id
from taskapp.http.security_headers import FOR_ERRORS
from taskapp.server.access_log import log_rejected


def write_error(
    client: socket.socket, status: int, _reason: str, _message: str, *, origins: Collection[str] = ()
) -> None:
    """Respond to a request that gunicorn rejects before the application sees it.

    Replaces ``gunicorn.util.write_error``, which writes HTML with the parser's exception in it, and the phrase "Bad
    Request" for every status.

    Args:
        client: the socket to write to.
        status: the HTTP status.
        origins: the origins whose pages may read the response.
    """
    request_id = new_request_id()
    log_rejected(status, request_id, _address_of(client), bug=status == HTTPStatus.INTERNAL_SERVER_ERROR)
    body = status_error_body(status, request_id)
    headers = {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": len(body),
        HEADER: request_id,
        **FOR_ERRORS,
        **cors.headers_for_errors(origins),
    }
    head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {headers[name]}" for name in headers)]
    client.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)


def _address_of(client: socket.socket) -> str | None:
    with contextlib.suppress(OSError):
        address = client.getpeername()
        return str(address[0]) if isinstance(address, tuple) else None  # A Unix socket has no address.
    return None


def init_app(app: Flask) -> None:
    """Respond to a body that gunicorn cannot decode as to a malformed one."""

    def respond(_error: ParseException) -> Any:
        return app.handle_user_exception(MalformedRequest("The body is not encoded as its headers say."))

    app.register_error_handler(ParseException, respond)
