"""The header Prefer (RFC 7240): what a client would like, if the service can do it."""

from collections.abc import Mapping

from flask import Response
from werkzeug.http import parse_list_header, parse_options_header, unquote_header_value

from taskapp.http.errors import InvalidInput
from taskapp.http.etags import count_tags
from taskapp.http.request import Request

_MERGE = ("merge", "disjoint")


def read_preferences(header: str) -> Mapping[str, str]:
    """Return the preferences in a header Prefer, without parameters (RFC 7240, section 2).

    Names are in lower case. The first of several preferences of one name counts. A malformed header has none.
    """
    preferences: dict[str, str] = {}
    for item in parse_list_header(header):
        name, _, value = parse_options_header(item)[0].partition("=")
        preferences.setdefault(name.strip().lower(), unquote_header_value(value.strip()))
    return preferences


def prefers_merge(request: Request) -> bool:
    """Return whether a conditional request has the preference ``merge=disjoint``.

    Raises:
        InvalidInput: it has, but If-Match is not one entity tag, so that the version to merge from is unknown.
    """
    header: str | None = request.environ.get("HTTP_PREFER")
    if header is None or _MERGE not in read_preferences(header).items():
        return False
    if count_tags(request) != 1:
        raise InvalidInput(details={"If-Match": ["Must be one entity tag with Prefer: merge=disjoint."]})
    return True


def mark_merge(response: Response) -> Response:
    """Add ``Preference-Applied`` (RFC 7240, section 3) to the response to a write that was merged; return it."""
    response.headers["Preference-Applied"] = "=".join(_MERGE)
    return response
