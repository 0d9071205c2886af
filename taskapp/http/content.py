"""Checks what the headers of a request say about its body: codings, media type and charset (RFC 9110, section 8)."""

from collections.abc import Sequence

from werkzeug import exceptions

from taskapp.http.errors import UnsupportedContentCoding, UnsupportedMediaType
from taskapp.http.request import Request

# RFC 5789: the media type of a PATCH determines the kind of patch. This service supports JSON Merge Patch (RFC 7396).
PATCH_MEDIA_TYPES = ("application/json", "application/merge-patch+json")
# No JSON type with parameters is as long. Parsing thousands of parameters would take 10 ms.
_MAXIMUM_TYPE = 255
# JSON is UTF-8 (RFC 8259, section 8.1), and ASCII is a part of it.
_CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii")


def _codings(header: str) -> set[str]:
    """Return the codings in a list, in lower case, except those that change nothing."""
    return {coding.strip().lower() for coding in header.split(",")} - {"", "identity"}


def check_content(request: Request, media_types: Sequence[str] = ()) -> None:
    """Check that the body of a request is plain text in UTF-8 of a known type, as far as the headers say.

    Args:
        request: the request.
        media_types: the types that the route accepts; JSON if there are none.

    Raises:
        UnsupportedContentCoding: the body is compressed.
        UnsupportedMediaType: the content type is another one, or the charset is not UTF-8.
        werkzeug.exceptions.NotImplemented: the body has a transfer coding other than ``chunked``. gunicorn accepts
            ``gzip, chunked``, but only decodes the latter (RFC 9112, section 6.1).
    """
    environ = request.environ
    if "HTTP_CONTENT_ENCODING" in environ and _codings(environ["HTTP_CONTENT_ENCODING"]):
        raise UnsupportedContentCoding
    if "HTTP_TRANSFER_ENCODING" in environ and _codings(environ["HTTP_TRANSFER_ENCODING"]) != {"chunked"}:
        raise exceptions.NotImplemented
    if not media_types and request.content_type == "application/json":
        return  # The usual case. Parsing the header takes longer than all of this.
    if len(request.content_type or "") > _MAXIMUM_TYPE:
        raise UnsupportedMediaType
    _check_type(request, media_types)
    if request.mimetype_params.get("charset", "utf-8").lower() not in _CHARSETS:
        raise UnsupportedMediaType("The charset of the body must be utf-8.")


def _check_type(request: Request, media_types: Sequence[str]) -> None:
    media_types = media_types or (PATCH_MEDIA_TYPES if request.method == "PATCH" else ())
    if media_types and request.mimetype not in media_types:
        raise UnsupportedMediaType(f"The content type of the body must be {' or '.join(media_types)}.")
    if not media_types and not request.is_json:
        raise UnsupportedMediaType
