"""The routes of tags. Each one parses its input, calls one service function and returns a response."""

from typing import Any

from flask import Response

from taskapp.auth.guard import authorize
from taskapp.http.blueprint import Blueprint
from taskapp.http.concurrency import costly
from taskapp.http.cursors import page_response, read_cursor
from taskapp.http.errors import map_error
from taskapp.http.idempotency_key import read_idempotency_key
from taskapp.http.json_provider import json_response
from taskapp.http.openapi import API_ERRORS, QUOTA, headers
from taskapp.http.request import current_request
from taskapp.tasks.changes.header import mark_write
from taskapp.tasks.error_responses import OPERATION_TOO_SLOW, TAG_NOT_FOUND
from taskapp.tasks.errors import OperationTooSlow, TagNotFound
from taskapp.tasks.list_schema import PageQuery
from taskapp.tasks.openapi import CURSOR, IDEMPOTENCY_KEY
from taskapp.tasks.tags import schemas, service

bp = Blueprint(
    "tags",
    __name__,
    guard=authorize,
    url_prefix="/api/<user_id>/tags",
    description="The tags of a user's tasks.",
    errors=API_ERRORS,
)
map_error(bp, TagNotFound, TAG_NOT_FOUND)
map_error(bp, OperationTooSlow, OPERATION_TOO_SLOW)

# Examples of responses.
_TAGS = {
    "description": "A page of the list.",
    "example": {
        "data": [{"name": "errand", "pending": 1, "total": 2}, {"name": "home", "pending": 3, "total": 12}],
        "pagination": {"limit": 2, "next_cursor": CURSOR},
    },
    "headers": headers(*QUOTA, "Link"),
}
_RENAMED = {
    "description": "The tag was renamed.",
    "example": {"data": {"name": "house", "tasks": 12}},
    "headers": headers(*QUOTA, "Change", "Idempotency-Replayed"),
}
_REMOVED = {**_RENAMED, "description": "The tag was removed."}
_REMOVED["example"] = {"data": {"success": True, "message": "Tag removed", "tasks": 12}}


@bp.route("", methods=["GET"])
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.TagListEnvelope, **_TAGS)
@costly
def list_tags(user_id: str, query: dict[str, Any]) -> Response:
    """List tags.

    Returns each tag that a task has, by code point, with the numbers of pending and of all tasks that have it. If more
    tags follow, `pagination.next_cursor` is a string.
    """
    limit, cursor = query["limit"], query["cursor"]
    after = None if cursor is None else read_cursor(cursor, user_id, {})[0]
    page = service.list_tags(user_id, limit=limit, after=after)
    last = None if page.next is None else (page.next,)
    return page_response(page.tags, last, user_id, {}, limit=limit)


@bp.route("", methods=["PATCH"])
@bp.arguments(schemas.TagQuery, location="query")
@bp.arguments(schemas.TagIn)
@bp.response(200, schemas.RenamedTagEnvelope, **_RENAMED)
@bp.alt_response(404, "NOT_FOUND")
@bp.alt_response(409, "CONFLICT")
@bp.doc(parameters=[IDEMPOTENCY_KEY])
@costly
def rename_tag(user_id: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Rename a tag.

    Renames it on all tasks that have it. Tasks that have both tags keep one. `tasks` is the number of changed tasks. It
    is 0 if the new name equals the old one.
    """
    key = read_idempotency_key(current_request())
    renamed = service.rename_tag(user_id, query["name"], body["name"], key=key)
    response = json_response({"data": {"name": body["name"], "tasks": renamed.tasks}})
    return mark_write(response, renamed)


@bp.route("", methods=["DELETE"])
@bp.arguments(schemas.TagQuery, location="query")
@bp.response(200, schemas.RemovedTagEnvelope, **_REMOVED)
@bp.alt_response(404, "NOT_FOUND")
@bp.alt_response(409, "CONFLICT")
@bp.doc(parameters=[IDEMPOTENCY_KEY])
@costly
def remove_tag(user_id: str, query: dict[str, Any]) -> Response:
    """Remove a tag.

    Removes it from all tasks that have it. The tasks stay.
    """
    removed = service.remove_tag(user_id, query["name"], key=read_idempotency_key(current_request()))
    response = json_response({"data": {"success": True, "message": "Tag removed", "tasks": removed.tasks}})
    return mark_write(response, removed)
