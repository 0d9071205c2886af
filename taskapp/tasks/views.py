"""The routes of tasks: each reads its input, calls one function of the service, and answers."""

from typing import Any
from urllib.parse import quote, urlencode

from flask import Response

from taskapp.auth.guard import authorize
from taskapp.db import idempotency
from taskapp.db.idempotency import Replayed
from taskapp.http.context import this_request
from taskapp.http.cursors import read_cursor, write_cursor
from taskapp.http.input import Blueprint, refuse_undeclared_input
from taskapp.http.json_provider import json_response
from taskapp.http.openapi import API_ERRORS
from taskapp.http.terms import etag, read_terms
from taskapp.tasks import openapi as documentation
from taskapp.tasks import schemas, service
from taskapp.tasks.models import TaskRow, fields_of

bp = Blueprint(
    "tasks", __name__, url_prefix="/api/<user_id>/tasks", description="A user's own tasks.", errors=API_ERRORS
)
bp.before_request(authorize)
bp.before_request(refuse_undeclared_input)
bp.after_request(idempotency.purge_now_and_then)


def _takes_terms(view: Any) -> Any:
    """Document the headers that :func:`read_terms` reads, and what they may lead to."""
    view = bp.doc(parameters=[documentation.IF_MATCH, documentation.IDEMPOTENCY_KEY])(view)
    view = bp.alt_response(409, "CONFLICT")(view)
    return bp.alt_response(412, schema=schemas.ChangedTaskEnvelope, **documentation.MOVED_ON)(view)


def _this_address() -> str:
    """Return the path of this request as an address has it; url_for would take as long as to read the body."""
    request = this_request()
    return quote(request.root_path.rstrip("/") + request.path, safe="/:@!$&'()*+,;=")  # RFC 3986, section 3.3.


def _next_link(cursor: str) -> str:
    """Return the Link (RFC 8288) to the page that follows: this request, with another cursor."""
    return f'<{_this_address()}?{urlencode({**this_request().args, "cursor": cursor})}>; rel="next"'


def _task_response(task: TaskRow) -> Response:
    response = json_response({"data": fields_of(task)})
    response.headers["ETag"] = etag(task.version)
    return _mark_replay(response, task)


def _mark_replay(response: Response, task: TaskRow) -> Response:
    if isinstance(task, Replayed):
        response.headers["Idempotency-Replayed"] = "true"
    return response


@bp.route("", methods=["POST"])
@bp.arguments(schemas.TaskIn, examples=documentation.TASK_INS)
@bp.response(201, schemas.TaskEnvelope, **documentation.NEW_TASK)
@bp.alt_response(409, "CONFLICT")
@bp.doc(parameters=[documentation.IDEMPOTENCY_KEY], responses={201: {"links": documentation.NEXT_STEPS}})
def create_task(task: dict[str, Any], user_id: str) -> Response:
    """Create a task.

    Only a title is required. `Location` in the answer is where the task can be read.
    """
    created = service.create_task(user_id, **task, terms=read_terms())
    response = _task_response(created)
    response.status_code = 201
    response.headers["Location"] = f"{_this_address()}/{created.id}"
    return response


@bp.route("", methods=["GET"])
@bp.arguments(schemas.ListQuery, location="query")
@bp.response(200, schemas.TaskListEnvelope, **documentation.TASK_LIST)
def list_tasks(query: dict[str, Any], user_id: str) -> Response:
    """List tasks.

    Newest first unless `sort` says otherwise. Where more tasks follow, `next_cursor` is set.
    """
    limit, cursor = query.pop("limit"), query.pop("cursor")
    after = None if cursor is None else read_cursor(cursor, user_id, query)
    page = service.list_tasks(user_id, **query, limit=limit, after=after)
    next_cursor = page.last and write_cursor(page.last, user_id, query)
    pagination = {"limit": limit, "next_cursor": next_cursor}
    response = json_response({"data": [fields_of(row) for row in page.rows], "pagination": pagination})
    if next_cursor:
        response.headers["Link"] = _next_link(next_cursor)
    return response


@bp.route("/<task_id:task_id>", methods=["GET"], parameters=[documentation.TASK_ID])
@bp.response(200, schemas.TaskEnvelope, **documentation.TASK)
@bp.alt_response(304, **documentation.NOT_MODIFIED)
@bp.alt_response(404, "NOT_FOUND")
@bp.doc(parameters=[documentation.IF_NONE_MATCH])
def get_task(user_id: str, task_id: int) -> Response:
    """Read a task.

    With `If-None-Match`, the answer is 304 if you already have the current version.
    """
    task = service.get_task(user_id, task_id)
    # Compared weakly (RFC 9110, section 13.1.2); a malformed header names no tag, so that the task is sent.
    if this_request().if_none_match.contains_weak(str(task.version)):
        return Response(status=304, headers={"ETag": etag(task.version)})
    return _task_response(task)


@bp.route("/<task_id:task_id>", methods=["PUT"], parameters=[documentation.TASK_ID])
@bp.arguments(schemas.TaskChangesIn, examples=documentation.TASK_CHANGES)
@bp.response(200, schemas.TaskEnvelope, **documentation.CHANGED_TASK)
@bp.alt_response(404, "NOT_FOUND")
@_takes_terms
def update_task(changes: dict[str, Any], user_id: str, task_id: int) -> Response:
    """Change a task.

    What is not sent keeps its value; `null` clears the description.
    """
    return _task_response(service.update_task(user_id, task_id, **changes, terms=read_terms()))


@bp.route("/<task_id:task_id>", methods=["PATCH"], parameters=[documentation.TASK_ID])
@bp.arguments(schemas.TaskChangesIn, examples=documentation.TASK_CHANGES)
@bp.response(200, schemas.TaskEnvelope, **documentation.CHANGED_TASK)
@bp.alt_response(404, "NOT_FOUND")
@_takes_terms
def patch_task(changes: dict[str, Any], user_id: str, task_id: int) -> Response:
    """Change a task by a merge patch.

    The same as PUT, under the verb that many clients use (JSON Merge Patch, RFC 7396).
    """
    return _task_response(service.update_task(user_id, task_id, **changes, terms=read_terms()))


@bp.route("/<task_id:task_id>", methods=["DELETE"], parameters=[documentation.TASK_ID])
@bp.response(200, schemas.DeletionEnvelope, **documentation.DELETION)
@bp.alt_response(404, "NOT_FOUND")
@_takes_terms
def delete_task(user_id: str, task_id: int) -> Response:
    """Delete a task.

    Deleting it again answers 404.
    """
    deleted = service.delete_task(user_id, task_id, terms=read_terms())
    response = json_response({"data": {"success": True, "message": "Task deleted successfully"}})
    return _mark_replay(response, deleted)


@bp.route("/<task_id:task_id>/complete", methods=["PATCH"], parameters=[documentation.TASK_ID])
@bp.arguments(schemas.CompletionIn, required=False, examples=documentation.COMPLETIONS)
@bp.response(200, schemas.TaskEnvelope, **documentation.COMPLETED_TASK)
@bp.alt_response(404, "NOT_FOUND")
@_takes_terms
def complete_task(completion: dict[str, Any], user_id: str, task_id: int) -> Response:
    """Complete a task, or reopen it.

    Without a body it toggles. If you may have to send it twice, send the value you mean.
    """
    return _task_response(service.complete_task(user_id, task_id, **completion, terms=read_terms()))
