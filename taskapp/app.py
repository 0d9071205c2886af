"""Flask, spared what it does for each request that no request of this service has a use for."""

from collections.abc import Callable
from io import BytesIO
from typing import IO, Any

import flask
from werkzeug.routing import MapAdapter
from werkzeug.utils import cached_property
from werkzeug.wsgi import get_host

from taskapp.inputs import MAXIMUM_BODY, has_body


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
        request.host = get_host(request.environ)
        return self.url_map.bind(request.host, request.root_path, "", request.scheme, request.method, request.path)
