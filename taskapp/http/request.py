"""The request class, and access to the current request."""

from io import BytesIO
from typing import IO
from urllib.parse import quote

import flask
from werkzeug.utils import cached_property

# In bytes, of a view that declares no other. The JSON of a task takes about 5 KiB at most.
MAXIMUM_BODY = 64 * 1024


class Request(flask.Request):
    """A Flask request that reads its body directly from the server if that is safe.

    Attributes:
        maximum_body: the maximum length of the body in bytes. Set from the view before the body is read.
    """

    maximum_body = MAXIMUM_BODY

    @property
    def prefix(self) -> str:
        """The percent-encoded prefix of the service's URLs; empty at the root of a host."""
        return encode_path(self.root_path.rstrip("/"))

    @property
    def base(self) -> str:
        """The beginning of absolute URLs: the scheme, the host as the client named it, and the prefix.

        Without a header Host, which HTTP/1.0 does not require, it is the prefix.
        """
        host = self.environ.get("HTTP_HOST")
        return f"{self.scheme}://{host}{self.prefix}" if host else self.prefix

    @property
    def encoded_path(self) -> str:
        """The percent-encoded path, with the prefix."""
        return encode_path(self.root_path.rstrip("/") + self.path)

    @property
    def has_body(self) -> bool:
        """Whether there is a body: not without Content-Length and Transfer-Encoding (RFC 9112, section 6.3)."""
        return self.environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in self.environ

    @cached_property
    def stream(self) -> IO[bytes]:
        """The body as a stream. werkzeug's own stream would limit its length again, as the server already does."""
        if not self.has_body:
            return BytesIO()
        length = self.content_length
        if "wsgi.input_terminated" in self.environ and length is not None and length <= self.maximum_body:
            body: IO[bytes] = self.environ["wsgi.input"]
            return body
        # One byte more than is allowed. werkzeug truncates a chunked body at its limit without an error, so a body that
        # reaches the limit may be incomplete.
        self.max_content_length = self.maximum_body + 1
        return super().stream


def encode_path(path: str) -> str:
    """Return a path percent-encoded (RFC 3986, section 3.3). ``url_for`` would take as long as parsing a body."""
    return quote(path, safe="/:@!$&'()*+,;=")


def current_request() -> Request:
    """Return the current request. Attribute access through Flask's proxy takes eight times as long.

    Raises:
        RuntimeError: there is no current request.
    """
    request: Request = flask.request._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 # Documented.
    return request
