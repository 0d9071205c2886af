"""Flask, spared what it does for each request that no request of this service has a use for."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Request
from werkzeug.routing import MapAdapter
from werkzeug.wsgi import get_host


class App(Flask):
    """Flask, for views and hooks that are plain functions, whatever the host is called."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is; Flask's own looks each time whether it is a coroutine."""
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what finds the route of a request; Flask's own reads the host twice, and looks for WebSockets.

        Raises:
            werkzeug.exceptions.BadRequest: the request's host cannot be one.
        """
        if request is None:
            return super().create_url_adapter(None)
        request.host = get_host(request.environ)
        return self.url_map.bind(request.host, request.root_path, "", request.scheme, request.method, request.path)
