"""A Flask subclass that skips per-request work this service never needs, and its middleware."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from functools import lru_cache
from typing import Any

import flask
from werkzeug.routing import Map, MapAdapter
from werkzeug.sansio.utils import get_host

from taskapp.db.deadline import request_deadline
from taskapp.http.id_converter import IdConverter
from taskapp.http.json_provider import StrictJSONProvider
from taskapp.http.request import MAXIMUM_BODY, Request

Environ = dict[str, Any]
Headers = Iterable[tuple[str, str]]
MoreHeaders = Callable[[Environ, str, list[tuple[str, str]]], Headers]


@lru_cache(maxsize=256)
def _server_name(scheme: str, host: str | None, server: tuple[str, int | None] | None) -> str:
    """Return the host name in a request. Cached, because requests repeat it.

    Raises:
        werkzeug.exceptions.BadRequest: the name is invalid.
    """
    return Map().bind(get_host(scheme, host, server)).server_name


class App(flask.Flask):
    """Flask for views and hooks that are plain functions, and for routes that do not depend on the host."""

    request_class = Request
    json_provider_class = StrictJSONProvider

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # One byte more than is allowed. Flask truncates a chunked body at its limit without an error, so a body that
        # reaches the limit may be incomplete.
        self.config["MAX_CONTENT_LENGTH"] = MAXIMUM_BODY + 1
        self.url_map.merge_slashes = False  # A wrong URL is a 404. No redirect corrects it.
        self.url_map.converters["id"] = IdConverter
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

        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            for more in self._more_headers:
                headers = [*headers, *more(environ, status, headers)]
            return start_response(status, headers, *rest)

        with request_deadline(), ExitStack() as stack:
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
        """Return the adapter that finds the route of a request.

        Flask's own method parses the host twice, and checks for WebSockets.

        Raises:
            werkzeug.exceptions.BadRequest: the host of the request is invalid.
        """
        if request is None:
            return super().create_url_adapter(None)
        name = _server_name(request.scheme, request.environ.get("HTTP_HOST"), request.server)
        return MapAdapter(self.url_map, name, request.root_path, "", request.scheme, request.path, request.method)
