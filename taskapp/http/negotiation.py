"""The header Accept (RFC 9110, section 12.5.1): which of several media types a client prefers."""

from functools import lru_cache

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from taskapp.http.request import Request

# The headers of clients are shorter. Parsing 16,000 characters would take 40 ms.
_MAXIMUM = 1_000
# What most clients send.
_ANY = frozenset({None, "*/*", "application/json", "application/json, text/plain, */*"})


def preferred_type(request: Request, offered: tuple[str, ...]) -> str:
    """Return the media type that a client prefers.

    Of equal quality values, a type that the header names goes before one that a range such as ``*/*`` includes, and
    then an earlier one of ``offered``. Parameters of media types do not matter. If the client accepts none of the
    types, it gets the first, which section 12.5.1 allows.

    Args:
        request: the request.
        offered: the media types of the resource. The first must be JSON.
    """
    header: str | None = request.environ.get("HTTP_ACCEPT")
    if header in _ANY or len(header) > _MAXIMUM:  # type: ignore[arg-type] # None is among them.
        return offered[0]
    return _choose(header, offered)


@lru_cache(64)
def _choose(header: str | None, offered: tuple[str, ...]) -> str:
    accepted = parse_accept_header(header, MIMEAccept)
    ranges = MIMEAccept((media_range.partition(";")[0].strip(), quality) for media_range, quality in accepted)
    return ranges.best_match(offered, default=offered[0])
