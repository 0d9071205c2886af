"""Entity tags and preconditions (RFC 9110, sections 8.8.3 and 13.1)."""

import re

from taskapp.http.errors import InvalidInput
from taskapp.http.request import Request

# RFC 9110, section 8.8.3: a tag is a quoted string, preceded by W/ if it is weak.
_TAG = r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
# Section 5.6.1.2: lists may have empty elements. The quantifiers are possessive (*+), because backtracking over the
# white space around commas would be slow.
_TAGS = re.compile(rf"[ \t]*+(,[ \t]*+)*+{_TAG}([ \t]*+,[ \t]*+({_TAG})?)*+[ \t]*+")
_VERSION = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
# The strong tags of versions in a well-formed list. One search is several times as fast as a match for each tag.
_VERSION_TAG = re.compile(r'(?<!W/)"([1-9][0-9]{0,15})"', re.ASCII)


def etag(version: int | str) -> str:
    """Return the strong entity tag of a version, or of whatever else names a representation."""
    return f'"{version}"'


def read_if_match(request: Request) -> tuple[int, ...] | None:
    """Return the versions in the header If-Match; None if the header is missing or ``*``.

    If-Match uses the strong comparison (RFC 9110, section 13.1.1), so a weak tag matches no version.

    Raises:
        InvalidInput: the header is malformed.
    """
    header: str | None = request.environ.get("HTTP_IF_MATCH")
    if header is None or header.strip() == "*":
        return None
    if not _TAGS.fullmatch(header):
        raise InvalidInput(details={"If-Match": ["Must be * or a list of quoted entity tags."]})
    return tuple({int(version) for version in _VERSION_TAG.findall(header)})


def _tags(request: Request) -> list[tuple[str, str]]:
    """Return ``W/`` or nothing and the opaque part of each entity tag in If-Match, which is well-formed."""
    return re.findall(_TAG, request.environ.get("HTTP_IF_MATCH", ""))


def count_tags(request: Request) -> int:
    """Return the number of entity tags in If-Match; 0 if the header is missing or ``*``."""
    return len(_tags(request))


def has_foreign_tag(request: Request) -> bool:
    """Return whether If-Match contains an entity tag that this service never sends, and that therefore never matches.

    Proxies make such tags of ours when they compress a response: weak ones (nginx), or with a suffix (Apache, Caddy).
    """
    return any(weak or not _VERSION.fullmatch(tag) for weak, tag in _tags(request))


def matches_if_none_match(request: Request, version: int | str) -> bool:
    """Return whether the header If-None-Match contains the tag of a version.

    If-None-Match uses the weak comparison (RFC 9110, section 13.1.2). A malformed header matches nothing.
    """
    return request.if_none_match.contains_weak(str(version))


def reject_if_match(request: Request, instead: str) -> None:
    """Reject the header If-Match, because the request is about many tasks.

    Args:
        request: the request.
        instead: a sentence that says what to send instead.

    Raises:
        InvalidInput: the request has the header.
    """
    if "HTTP_IF_MATCH" in request.environ:
        raise InvalidInput(details={"If-Match": [f"Is about one task. {instead}"]})
