"""Entity tags of versions, and the preconditions that name them (RFC 9110, sections 8.8.3 and 13.1)."""

import re

from taskapp.http.errors import InvalidInput
from taskapp.http.request import Request

# RFC 9110, section 8.8.3: a tag is a string in quotes, preceded by W/ if it is weak.
_TAG = r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"'
# Section 5.6.1.2: lists may have empty elements. Nothing once matched is given back (+), because white space that could
# belong to either side of a comma would otherwise be tried in every way.
_TAGS = re.compile(rf"[ \t]*+(,[ \t]*+)*+{_TAG}([ \t]*+,[ \t]*+({_TAG})?)*+[ \t]*+")
_VERSION = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


def etag(version: int) -> str:
    """Write a version as its entity tag."""
    return f'"{version}"'


def read_if_match(request: Request) -> tuple[int, ...] | None:
    """Return the versions that If-Match names, or None if there is no If-Match, or one of ``*``.

    Its comparison is the strong one (RFC 9110, section 13.1.1), so a weak tag is one of no version.

    Raises:
        InvalidInput: the header is malformed.
    """
    header: str | None = request.environ.get("HTTP_IF_MATCH")
    if header is None or header.strip() == "*":
        return None
    if not _TAGS.fullmatch(header):
        raise InvalidInput(details={"If-Match": ["Must be * or a list of entity tags, each in quotes."]})
    strong = (tag for weak, tag in re.findall(_TAG, header) if not weak)
    return tuple(int(tag) for tag in strong if _VERSION.fullmatch(tag))


def matches_if_none_match(request: Request, version: int) -> bool:
    """Tell whether If-None-Match names a version.

    Its comparison is the weak one (RFC 9110, section 13.1.2); a malformed header names no tag.
    """
    return request.if_none_match.contains_weak(str(version))
