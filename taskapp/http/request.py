"""The current request."""

from io import BytesIO
from typing import IO

import flask
from werkzeug.utils import cached_property

# A task is some 5 KiB of JSON at most.
MAXIMUM_BODY = 64 * 1024


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
