"""The 404 of an unknown URL. If the URL would exist without the slash at its end, the message says so."""

from http import HTTPStatus

from flask import Flask, Response, current_app
from werkzeug.exceptions import NotFound

from taskapp.http.error_body import MESSAGES
from taskapp.http.errors import ErrorResponse, respond
from taskapp.http.request import Request, current_request, encode_path

# The name of an argument of routes that makes their URL a secret, which no error body contains.
HIDDEN_ARGUMENT = "token"
_UNKNOWN = ErrorResponse(HTTPStatus.NOT_FOUND, "NOT_FOUND", MESSAGES[HTTPStatus.NOT_FOUND])


def _without_slash(request: Request) -> str | None:
    """Return the URL of a request without the slashes at its end, if it has some and would exist without them."""
    path = request.path.rstrip("/")
    if not path or path == request.path:
        return None
    adapter = current_app.create_url_adapter(request)
    if adapter is None or not (methods := adapter.allowed_methods(path)):
        return None
    _, arguments = adapter.match(path, method=next(iter(methods)))
    if HIDDEN_ARGUMENT in arguments:
        return None
    return encode_path(request.root_path.rstrip("/") + path)


def _respond(_error: NotFound) -> Response:
    url = _without_slash(current_request())
    return respond(_UNKNOWN._replace(message=f"This URL does not exist. Did you mean {url}?") if url else _UNKNOWN)


def init_app(app: Flask) -> None:
    """Respond to the 404 errors of routing and of views."""
    app.register_error_handler(NotFound, _respond)
