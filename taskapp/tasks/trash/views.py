"""The routes of deleted tasks. Each one parses its input, calls one service function and returns a response."""

from typing import Any

from flask import Response

from taskapp.auth.guard import authorize
from taskapp.http.blueprint import Blueprint
from taskapp.http.concurrency import costly
from taskapp.http.cursors import page_response, read_cursor
from taskapp.http.errors import map_error
from taskapp.http.etags import etag
from taskapp.http.id_converter import InvalidId
from taskapp.http.idempotency_key import read_idempotency_key
from taskapp.http.json_provider import json_response
from taskapp.http.openapi import API_ERRORS, QUOTA, headers
from taskapp.http.request import current_request
from taskapp.tasks import error_responses
from taskapp.tasks.changes.header import mark_write
from taskapp.tasks.errors import OperationTooSlow, TaskExists, TaskNotFound
from taskapp.tasks.examples import EXAMPLE, UPDATED_AT
from taskapp.tasks.list_schema import PageQuery
from taskapp.tasks.openapi import CHANGED_TASK, IDEMPOTENCY_KEY, TASK_ID
from taskapp.tasks.response_schemas import TaskEnvelope
from taskapp.tasks.trash import schemas, service

bp = Blueprint(
    "trash",
    __name__,
    guard=authorize,
    url_prefix="/api/<user_id>",
    description="The deleted tasks of a user.",
    errors=API_ERRORS,
)
map_error(bp, TaskNotFound, error_responses.TASK_NOT_FOUND)
map_error(bp, InvalidId, error_responses.TASK_NOT_FOUND)
map_error(bp, TaskExists, error_responses.TASK_EXISTS, error_responses.explain_existing, shared=False)
map_error(bp, OperationTooSlow, error_responses.OPERATION_TOO_SLOW)

# The parameters of the list, for its cursors.
_TRASH = {"list": "trash"}
_PAGE: dict[str, Any] = {
    "description": "A page of the trash.",
    "example": {
        "data": [{**EXAMPLE, "deleted_at": UPDATED_AT, "change": 2}],
        "pagination": {"limit": 1000, "next_cursor": None},
    },
    "headers": headers(*QUOTA, "Link"),
}
_RESTORED = {
    "headers": CHANGED_TASK["headers"],
    "description": "The restored task.",
    "example": {"data": {**EXAMPLE, "updated_at": UPDATED_AT, "version": 3}},
}


@bp.route("/trash", methods=["GET"])
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.TrashEnvelope, **_PAGE)
@costly
def list_deleted(user_id: str, query: dict[str, Any]) -> Response:
    """List deleted tasks.

    Returns deleted tasks as they were, the newest first, for as long as their deletions are known.
    """
    limit, cursor = query["limit"], query["cursor"]
    below = None if cursor is None else read_cursor(cursor, user_id, _TRASH)[0]
    page = service.list_deleted(user_id, limit=limit, below=below)
    last = None if page.next is None else (page.next,)
    return page_response(page.tasks, last, user_id, _TRASH, limit=limit)


@bp.route("/tasks/<id:task_id>/restore", methods=["POST"], parameters=[TASK_ID])
@bp.response(200, TaskEnvelope, **_RESTORED)
@bp.alt_response(404, "NOT_FOUND")
@bp.alt_response(409, schema=schemas.ExistingTaskEnvelope, **error_responses.EXISTING_TASK)
@bp.doc(parameters=[IDEMPOTENCY_KEY])
def restore_task(user_id: str, task_id: int) -> Response:
    """Restore a deleted task.

    The task gets back its `id`, its `created_at` and all other fields as they were, and a new version.
    """
    restored = service.restore_task(user_id, task_id, key=read_idempotency_key(current_request()))
    response = json_response({"data": restored.fields})
    response.headers["ETag"] = etag(restored.version)
    return mark_write(response, restored)
