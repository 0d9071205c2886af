"""Flask, spared what it does for each request that no request of this service has a use for."""

from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from typing import IO, Any

import flask
from werkzeug.routing import Map, MapAdapter
from werkzeug.sansio.utils import get_host
from werkzeug.utils import cached_property

from taskapp.http.input import MAXIMUM_BODY, has_body


class Request(flask.Request):
    """A request of Flask's, whose body is read as the server has it where that is safe."""

    @cached_property
    def stream(self) -> IO[bytes]:
        """What the body is read from; werkzeug's own counts again what the server has counted."""
        if not has_body(self.environ):
            return BytesIO()
        length = self.content_length
        if "wsgi.input_terminated" in self.environ and length is not None and length <= MAXIMUM_BODY:
            body: IO[bytes] = self.environ["wsgi.input"]
            return body
        return super().stream


@lru_cache(maxsize=256)
def _server_name(scheme: str, host: str | None, server: tuple[str, int | None] | None) -> str:
    """Return the name that a request calls the server by; it is the same again and again.

    Raises:
        werkzeug.exceptions.BadRequest: it cannot be one.
    """
    return Map().bind(get_host(scheme, host, server)).server_name


class App(flask.Flask):
    """Flask, for views and hooks that are plain functions, whatever the host is called."""

    request_class = Request

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is; Flask's own looks each time whether it is a coroutine."""
        return func

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """Return what finds the route of a request; Flask's own reads the host twice, and looks for WebSockets.

        Raises:
            werkzeug.exceptions.BadRequest: the request's host cannot be one.
        """
        if request is None:
            return super().create_url_adapter(None)
        name = _server_name(request.scheme, request.environ.get("HTTP_HOST"), request.server)
        return MapAdapter(self.url_map, name, request.root_path, "", request.scheme, request.path, request.method)
