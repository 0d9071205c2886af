"""The routes of changes. Each one parses its input, calls one service function and returns a response."""

from typing import Any

from flask import Response

from taskapp.auth.guard import authorize
from taskapp.http.blueprint import Blueprint
from taskapp.http.cursors import next_link
from taskapp.http.errors import map_error
from taskapp.http.etags import etag, matches_if_none_match
from taskapp.http.json_provider import json_response
from taskapp.http.openapi import API_ERRORS
from taskapp.http.request import current_request
from taskapp.tasks.changes import openapi, schemas, service
from taskapp.tasks.error_responses import CHANGES_GONE, GONE_CHANGES, point_to_restart
from taskapp.tasks.errors import ChangesGone

bp = Blueprint(
    "changes",
    __name__,
    guard=authorize,
    url_prefix="/api/<user_id>/changes",
    description="The changes of a user's tasks.",
    errors=API_ERRORS,
)
map_error(bp, ChangesGone, CHANGES_GONE, point_to_restart)


@bp.route("", methods=["GET"])
@bp.arguments(schemas.ChangesQuery, location="query")
@bp.response(200, schemas.FeedEnvelope, **openapi.FEED)
@bp.alt_response(304, **openapi.NOTHING_NEW)
@bp.alt_response(410, schema=schemas.GoneChangesEnvelope, **GONE_CHANGES)
@bp.doc(parameters=[openapi.IF_NONE_MATCH])
def list_changes(user_id: str, query: dict[str, Any]) -> Response:
    """List changes.

    Returns the changes of all tasks that follow the number `after`, oldest first, each with its task as it is now. With
    `If-None-Match`, the response is a 304 if nothing is new.
    """
    page = service.list_changes(user_id, **query)
    if not page.more and matches_if_none_match(current_request(), page.after):
        return Response(status=304, headers={"ETag": etag(page.after)})
    pagination = {"limit": query["limit"], "after": page.after, "more": page.more}
    response = json_response({"data": page.changes, "pagination": pagination})
    if page.more:
        response.headers["Link"] = next_link(after=page.after)
    else:
        response.headers["ETag"] = etag(page.after)
    return response
