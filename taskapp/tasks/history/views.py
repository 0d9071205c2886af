"""The route of the history of a task."""

from typing import Any

from flask import Response

from taskapp.auth.guard import authorize
from taskapp.http.blueprint import Blueprint
from taskapp.http.cursors import page_response, read_cursor
from taskapp.http.errors import map_error
from taskapp.http.id_converter import InvalidId
from taskapp.http.openapi import API_ERRORS, QUOTA, headers
from taskapp.tasks.changes.openapi import UPDATE
from taskapp.tasks.error_responses import TASK_NOT_FOUND
from taskapp.tasks.errors import TaskNotFound
from taskapp.tasks.history import schemas, service
from taskapp.tasks.list_schema import PageQuery
from taskapp.tasks.openapi import TASK_ID

bp = Blueprint(
    "history",
    __name__,
    guard=authorize,
    url_prefix="/api/<user_id>/tasks/<id:task_id>/history",
    description="The history of a task.",
    errors=API_ERRORS,
)
map_error(bp, TaskNotFound, TASK_NOT_FOUND)
map_error(bp, InvalidId, TASK_NOT_FOUND)

_HISTORY = {
    "description": "A page of the history.",
    "example": {"data": [UPDATE], "complete": False, "pagination": {"limit": 1000, "next_cursor": None}},
    "headers": headers(*QUOTA, "Link"),
}


@bp.route("", methods=["GET"], parameters=[TASK_ID])
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.HistoryEnvelope, **_HISTORY)
@bp.alt_response(404, "NOT_FOUND")
def get_history(user_id: str, task_id: int, query: dict[str, Any]) -> Response:
    """Get the history of a task.

    Returns the changes of the task, the newest first. The task may have been deleted.
    """
    limit, cursor = query["limit"], query["cursor"]
    of_list = {"history": task_id}
    start = None if cursor is None else read_cursor(cursor, user_id, of_list)[0]
    page = service.get_history(user_id, task_id, limit=limit, start=start)
    following = None if page.next is None else (page.next,)
    complete = {"complete": page.complete}
    return page_response(page.entries, following, user_id, of_list, limit=limit, beside=complete)
