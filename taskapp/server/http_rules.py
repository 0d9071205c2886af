"""Rules of HTTP/1.1 that gunicorn leaves to others, and large bodies. A ``pre_request`` hook of gunicorn.

The application checks the header Host, which it sees under every server; see ``taskapp.http.app``.
"""

import re
from collections.abc import Callable
from typing import Any

from gunicorn.http.errors import InvalidRequestLine, UnsupportedTransferCoding

from taskapp.http.host import is_valid_host
from taskapp.http.request import MAXIMUM_BODY

# RFC 3986, section 3: the scheme and the authority of a URL.
_ABSOLUTE = re.compile(r"([a-z]+)://([^/?]*)", re.IGNORECASE)


def enforce(_worker: object, request: Any) -> None:
    """Check a request whose headers are parsed, and close the connection after its response if that is necessary.

    Raises:
        UnsupportedTransferCoding: the body has a coding other than chunked. gunicorn would pass it on encoded.
        InvalidRequestLine: the target is not one of this server.
    """
    request.version = min(request.version, (1, 1))  # RFC 9110, section 2.5. gunicorn's response repeats it.
    for name, value in request.headers:
        if name == "CONTENT-LENGTH":
            if int(value) > MAXIMUM_BODY:
                _close_while(request, lambda body: body.length > 0)
        elif name == "CONNECTION":
            # RFC 9112, section 9.6. gunicorn compares the whole value, of the first line only.
            if "close" in (option.strip(" \t") for option in value.lower().split(",")):
                request.force_close()
        elif name == "TRANSFER-ENCODING":
            if value.lower() != "chunked":
                raise UnsupportedTransferCoding(value)  # RFC 9112, section 6.1.
            _close_while(request, lambda body: body.parser is not None)
    if request.uri[0] != "/" or "#" in request.uri:
        _check_target(request)


def _close_while(request: Any, is_unread: Callable[[Any], bool]) -> None:
    """Close the connection after the response if the body has not been read by then (RFC 9112, section 9.3).

    The application reads a large body only for a view that accepts it, and only for a client that may use that view.

    Args:
        request: the request.
        is_unread: called with gunicorn's reader of the body; returns whether a part of it is unread.
    """
    body, should_close = request.body.reader, request.should_close
    request.should_close = lambda: is_unread(body) or should_close()


def _check_target(request: Any) -> None:
    """Check a target that is more than a path (RFC 9112, section 3.2). It must not have a fragment.

    A URL must be one of HTTP, without a user (RFC 9110, section 4.2), and ``https`` only if the connection is secure or
    a trusted proxy says so (section 7.4). Its host takes the place of the header Host, which nothing reads.
    """
    match = _ABSOLUTE.match(request.uri)
    is_ours = match and match[1].lower() in ("http", request.scheme) and is_valid_host(match[2])
    # gunicorn accepts * only with OPTIONS.
    if "#" in request.uri or not (is_ours or request.uri == "*" or request.method == "CONNECT"):
        raise InvalidRequestLine(request.uri)
