"""A Flask subclass that skips per-request work this service never needs, and its middleware."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import flask
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.routing import MapAdapter

from taskapp.db.request_scope import request_scope
from taskapp.http.host import is_valid_host
from taskapp.http.id_converter import IdConverter
from taskapp.http.json_provider import StrictJSONProvider
from taskapp.http.request import Request

Environ = dict[str, Any]
Headers = Iterable[tuple[str, str]]
# The key in the WSGI environment for the reason why a request is malformed.
REJECTED = "taskapp.rejected"
MoreHeaders = Callable[[Environ, str, list[tuple[str, str]]], Headers]


class InvalidHeader(BadRequest):
    """A header that every request has is missing or invalid; `description` is the message."""


class App(flask.Flask):
    """Flask for views and hooks that are plain functions, and for routes that do not depend on the host."""

    request_class = Request
    json_provider_class = StrictJSONProvider

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.url_map.merge_slashes = False  # A wrong URL is a 404. No redirect corrects it.
        self.url_map.converters["id"] = IdConverter
        # Of all paths, and the function that moves it to SCRIPT_NAME; see taskapp.http.prefix.
        self.prefix = ""
        self.apply_prefix: Callable[[Environ], None] = lambda _environ: None
        self._contexts: list[Callable[[Environ], AbstractContextManager[None]]] = []
        self._more_headers: list[MoreHeaders] = []

    def add_context(self, context: Callable[[Environ], AbstractContextManager[None]]) -> None:
        """Enter a context before each request, and leave it once its response has started.

        Args:
            context: called with the WSGI environment of the request; returns the context manager.
        """
        self._contexts.append(context)

    def add_headers(self, more: MoreHeaders) -> None:
        """Add headers to every response, including error responses of Flask.

        They are added at the WSGI level, because adding them to a Flask response takes ten times as long.

        Args:
            more: called in the context of the request, with its WSGI environment and the status and the headers of its
                response; returns the headers to add.
        """
        self._more_headers.append(more)

    def wsgi_app(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        """Handle a request, with the registered contexts and headers."""
        self.apply_prefix(environ)

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            for more in self._more_headers:
                headers = [*headers, *more(environ, status, headers)]
            return start_response(status, headers, *rest)

        with request_scope(), ExitStack() as stack:
            for context in self._contexts:
                stack.enter_context(context(environ))
            return super().wsgi_app(environ, start)

    def preprocess_request(self) -> Any:
        """Respond to OPTIONS before any hook runs, without a token (RFC 9110, section 9.3.7).

        Browsers send preflight requests without a token. The response contains nothing beyond the OpenAPI document.
        """
        request = flask.request
        if request.method != "OPTIONS" or request.url_rule is None:
            return super().preprocess_request()
        response = self.make_default_options_response()
        response.status_code = 204
        del response.headers["Content-Type"]
        return response

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function unchanged. Flask's own method checks for coroutines at every call."""
        return func

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """Return the adapter that finds the route of a request, or None outside of the prefix.

        Flask's own method parses the host twice, and checks for WebSockets.

        Raises:
            InvalidHeader: the header Host or X-Forwarded-Prefix is invalid.
        """
        if request is None:
            return super().create_url_adapter(None)
        environ = request.environ
        if message := environ.get(REJECTED) or _problem_of_host(environ):
            raise InvalidHeader(message)
        if not request.root_path.endswith(self.prefix):
            request.routing_exception = NotFound()
            return None
        # It makes no URLs, so it needs no host.
        return MapAdapter(self.url_map, "", request.root_path, "", request.scheme, request.path, request.method)


def _problem_of_host(environ: Environ) -> str | None:
    """Check the header Host (RFC 9112, section 3.2). HTTP/1.0 does not require it."""
    host: str | None = environ.get("HTTP_HOST")
    if host is None:
        return None if environ.get("SERVER_PROTOCOL") in ("HTTP/1.0", "HTTP/0.9") else "The header Host is missing."
    return None if is_valid_host(host) else "The header Host is not a host with an optional port."
