"""A Flask subclass that skips per-request work this service never needs, and its response-header middleware."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from io import BytesIO
from typing import IO, Any

import flask
from werkzeug.routing import Map, MapAdapter
from werkzeug.sansio.utils import get_host
from werkzeug.utils import cached_property

from taskapp.http.id_converter import IdConverter
from taskapp.http.json_provider import StrictJSONProvider

# A task is some 5 KiB of JSON at most.
MAXIMUM_BODY = 64 * 1024

Headers = Iterable[tuple[str, str]]
MoreHeaders = Callable[[dict[str, Any], str, list[tuple[str, str]]], Headers]


class Request(flask.Request):
    """A Flask request that reads its body from the server itself if that is safe."""

    @property
    def has_body(self) -> bool:
        """Whether there is a body: a request with neither a length nor a transfer coding has none (RFC 9112, 6.3)."""
        return self.environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in self.environ

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body as a stream; werkzeug's own counts again what the server has counted."""
        if not self.has_body:
            return BytesIO()
        length = self.content_length
        if "wsgi.input_terminated" in self.environ and length is not None and length <= MAXIMUM_BODY:
            body: IO[bytes] = self.environ["wsgi.input"]
            return body
        return super().stream


def current_request() -> Request:
    """Return the current request itself; each attribute of Flask's proxy for it takes eight times as long.

    Raises:
        RuntimeError: there is no current request.
    """
    request: Request = flask.request._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 # Documented.
    return request


@lru_cache(maxsize=256)
def _server_name(scheme: str, host: str | None, server: tuple[str, int | None] | None) -> str:
    """Return the name by which a request calls the server; it is the same again and again.

    Raises:
        werkzeug.exceptions.BadRequest: it is no valid name.
    """
    return Map().bind(get_host(scheme, host, server)).server_name


class App(flask.Flask):
    """Flask for views and hooks that are plain functions, whatever the host is called."""

    request_class = Request
    json_provider_class = StrictJSONProvider

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # One byte more than is accepted, because Flask cuts a chunked body at its limit without an error: a body that
        # reaches the limit may have been cut.
        self.config["MAX_CONTENT_LENGTH"] = MAXIMUM_BODY + 1
        self.url_map.merge_slashes = False  # A URL is right or it is a 404; none is corrected by a redirect.
        self.url_map.converters["id"] = IdConverter
        self._more_headers: list[MoreHeaders] = []
        self.wsgi_app = self._header_middleware(self.wsgi_app)  # type: ignore[method-assign] # As Flask documents.

    def add_headers(self, more: MoreHeaders) -> None:
        """Add headers to every response, errors of Flask's included.

        It adds them in WSGI, because adding them to a response of Flask's takes ten times as long.

        Args:
            more: called with the environment of a request, and the status and the headers of its response; returns
                the headers to add. The request's context is still there.
        """
        self._more_headers.append(more)

    def _header_middleware(self, inner: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        def respond(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
                for more in self._more_headers:
                    headers = [*headers, *more(environ, status, headers)]
                return start_response(status, headers, *rest)

            return inner(environ, start)

        return respond

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is; Flask's own looks each time whether it is a coroutine."""
        return func

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """Return the adapter that finds the route of a request.

        Flask's own reads the host twice, and looks for WebSockets.

        Raises:
            werkzeug.exceptions.BadRequest: the request's host is not valid.
        """
        if request is None:
            return super().create_url_adapter(None)
        name = _server_name(request.scheme, request.environ.get("HTTP_HOST"), request.server)
        return MapAdapter(self.url_map, name, request.root_path, "", request.scheme, request.path, request.method)
