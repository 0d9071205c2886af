"""The route of feeds. It requires no token of a user, because calendar applications have none. The URL is secret."""

import hashlib
from http import HTTPStatus

from flask import Response, abort, g

from taskapp.db.request_scope import forbid_writes
from taskapp.http.concurrency import limit_concurrency
from taskapp.http.etags import etag, matches_if_none_match
from taskapp.http.openapi import HTTP_ERRORS, DocumentedBlueprint, ErrorEnvelope
from taskapp.http.request import current_request
from taskapp.tasks.calendars import openapi, service
from taskapp.tasks.calendars.errors import CalendarNotFound
from taskapp.tasks.calendars.feed import CONTENT_TYPE
from taskapp.tasks.calendars.tokens import read_token

# All feeds together have the share of threads of one user, so that made-up tokens occupy no more. No user id has a NUL.
_SHARE = "\0calendars"
# Tokens share a quota if their hashes begin with the same bytes. So made-up tokens cannot fill the memory that counts
# requests. Feeds rarely share one, and nobody can tell which do.
_QUOTA_BYTES = 2

bp = DocumentedBlueprint(
    "feeds",
    __name__,
    url_prefix="/calendars",
    description="Feeds of calendars. Their URLs are secret. No token is required.",
    errors=[*HTTP_ERRORS, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE],
)


@bp.before_request
def count_for_the_token() -> None:
    """Count the request for its token, whether it is valid or not, so that nobody can use up the quota of a user."""
    g.thread_owner = _SHARE
    digest = read_token((current_request().view_args or {})["token"]).digest
    g.quota_owner = f"{_SHARE}/{digest[:_QUOTA_BYTES].hex()}"


bp.before_request(limit_concurrency)
bp.before_request(forbid_writes)


@bp.route("/<token>.ics", methods=["GET"], parameters=[openapi.TOKEN])
@bp.response(200, {"type": "string"}, content_type=CONTENT_TYPE, **openapi.FEED)
@bp.alt_response(304, **openapi.UNCHANGED)
@bp.alt_response(404, schema=ErrorEnvelope, **openapi.NO_FEED)
@bp.doc(security=[], parameters=[openapi.IF_NONE_MATCH])
def read_feed(token: str) -> Response:
    """Read a feed.

    Returns the pending tasks with a day as a calendar (RFC 5545): the 1,000 events nearest to now, among them up to 8
    further occurrences of each recurring task. Query parameters are ignored.
    """
    try:
        feed = service.read_feed(token)
    except CalendarNotFound:
        abort(404)
    g.user_id = feed.user_id  # For the access log. Until here, it is only what the token says.
    tag = hashlib.sha256(feed.body).hexdigest()[:32]
    headers = {"ETag": etag(tag), "X-Robots-Tag": "noindex"}
    if matches_if_none_match(current_request(), tag):
        return Response(status=304, headers=headers)
    return Response(feed.body, content_type=CONTENT_TYPE, headers=headers)
