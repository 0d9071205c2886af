"""The task routes. Each one parses its input, calls one service function and returns a response."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Response

from taskapp.auth.guard import authorize
from taskapp.http.blueprint import Blueprint
from taskapp.http.concurrency import costly_if
from taskapp.http.cursors import read_cursor, sign_next
from taskapp.http.errors import map_error
from taskapp.http.etags import count_tags, etag, has_foreign_tag, matches_if_none_match, read_if_match
from taskapp.http.id_converter import InvalidId
from taskapp.http.idempotency_key import read_idempotency_key
from taskapp.http.json_provider import json_response
from taskapp.http.openapi import API_ERRORS
from taskapp.http.preferences import mark_merge, prefers_merge
from taskapp.http.request import current_request
from taskapp.tasks import error_responses, error_schemas, list_schema, openapi, response_schemas, schemas, service
from taskapp.tasks.changes.cursors import continue_as_of, cursor_as_of
from taskapp.tasks.changes.header import mark_write
from taskapp.tasks.changes.schemas import GoneChangesEnvelope
from taskapp.tasks.changes.service import list_tasks_as_of
from taskapp.tasks.errors import (
    ChangesGone,
    FutureTime,
    InvalidChange,
    OperationTooSlow,
    ReadOnlyFields,
    TaskNotFound,
    UidTaken,
    UnknownTimeZone,
    VersionConflict,
)
from taskapp.tasks.filters import costly_names
from taskapp.tasks.pages import Page
from taskapp.tasks.representation import READ_ONLY_FIELDS
from taskapp.tasks.transfer.export_openapi import FILES
from taskapp.tasks.transfer.formats import read_form
from taskapp.tasks.transfer.responses import list_response
from taskapp.tasks.writes import StoredTask

bp = Blueprint(
    "tasks",
    __name__,
    guard=authorize,
    url_prefix="/api/<user_id>/tasks",
    description="The tasks of a user.",
    errors=API_ERRORS,
)


def _describe_conflict(error: VersionConflict) -> dict[str, Any]:
    request = current_request()
    conflict = error_responses.FOREIGN_TAG if has_foreign_tag(request) else error_responses.VERSION_CONFLICT
    return {
        "message": conflict.message,
        # A list of tags does not say which version the client has.
        "details": {"current": error.current, "changed": error.changed if count_tags(request) == 1 else None},
        "headers": {"ETag": etag(error.current["version"])},
    }


map_error(bp, TaskNotFound, error_responses.TASK_NOT_FOUND)
map_error(bp, InvalidId, error_responses.TASK_NOT_FOUND)
map_error(
    bp,
    ReadOnlyFields,
    error_responses.READ_ONLY_FIELDS,
    lambda error: {"details": error_responses.read_only(error.names)},
)
map_error(bp, InvalidChange, error_responses.INVALID_CHANGE, error_responses.explain_change)
map_error(bp, UidTaken, error_responses.UID_TAKEN, lambda error: {"details": {"current": error.current}}, shared=False)
map_error(bp, OperationTooSlow, error_responses.OPERATION_TOO_SLOW, error_responses.explain_slowness)
map_error(bp, UnknownTimeZone, error_responses.UNKNOWN_TIME_ZONE)
map_error(bp, FutureTime, error_responses.FUTURE_TIME)
map_error(bp, ChangesGone, error_responses.CHANGES_GONE, error_responses.point_to_restart)
map_error(bp, VersionConflict, error_responses.VERSION_CONFLICT, _describe_conflict)


def _takes_headers(*parameters: Mapping[str, Any]) -> Callable[[Any], Any]:
    """Document the headers that a write reads, and the errors that they may cause."""

    def document(view: Any) -> Any:
        view = bp.doc(parameters=[*parameters])(view)
        view = bp.alt_response(409, "CONFLICT")(view)
        return bp.alt_response(412, schema=error_schemas.ChangedTaskEnvelope, **error_responses.CONFLICTING_TASK)(view)

    return document


def _write_headers() -> dict[str, Any]:
    """Return the preconditions and the idempotency key of the current request as arguments of the service."""
    request = current_request()
    return {"versions": read_if_match(request), "key": read_idempotency_key(request)}


def _update_headers() -> dict[str, Any]:
    """Return the same for an update, and whether it may be merged."""
    return {**_write_headers(), "merge": prefers_merge(current_request())}


def _update(user_id: str, task_id: int, body: dict[str, Any]) -> Response:
    unchanged = {name: body.pop(name) for name in READ_ONLY_FIELDS if name in body}
    headers = _update_headers()
    task = service.update_task(user_id, task_id, unchanged=unchanged, **body, **headers)
    return _updated_response(task, merge=headers["merge"])


def _task_response(task: StoredTask) -> Response:
    following = {} if task.following is None else {"next": task.following}
    response = json_response({"data": task.fields, **following})
    response.headers["ETag"] = etag(task.version)
    return mark_write(response, task)


def _updated_response(task: StoredTask, *, merge: bool) -> Response:
    response = _task_response(task)
    return mark_merge(response) if merge else response


@bp.route("", methods=["POST"])
@bp.arguments(schemas.TaskIn, examples=openapi.TASK_INS)
@bp.response(201, response_schemas.TaskEnvelope, **openapi.NEW_TASK)
@bp.alt_response(409, schema=error_schemas.TakenUidEnvelope, **error_responses.TAKEN_UID)
@bp.doc(parameters=[openapi.IDEMPOTENCY_KEY], responses={201: {"links": openapi.NEXT_STEPS}})
def create_task(user_id: str, body: dict[str, Any]) -> Response:
    """Create a task.

    Only `title` is required. The header `Location` of the response is the URL of the task.
    """
    request = current_request()
    read_if_match(request)  # A new task has no version to compare, but a malformed header is an error on every write.
    created = service.create_task(user_id, **body, key=read_idempotency_key(request))
    response = _task_response(created)
    response.status_code = 201
    response.headers["Location"] = f"{request.encoded_path}/{created.fields['id']}"
    return response


@bp.route("", methods=["GET"])
@bp.arguments(list_schema.ListQuery, location="query")
@bp.response(200, response_schemas.TaskListEnvelope, **openapi.TASK_LIST)
@bp.alt_response(410, schema=GoneChangesEnvelope, **error_responses.GONE_CHANGES)
@bp.doc(responses={200: {"content": FILES}})
@costly_if(costly_names)
def list_tasks(user_id: str, query: dict[str, Any]) -> Response:
    """List tasks.

    Returns the newest tasks first unless you set `sort`. If more tasks follow, `pagination.next_cursor` is a string.
    All filters apply together. With `fields`, tasks have only these fields. With `as_of`, the response says up to which
    change. With `Accept: application/x-ndjson` or `text/csv`, the page is a file.
    """
    cursor, sent = query.pop("cursor"), query.pop("as_of", None)
    form = read_form(current_request(), bom=query.pop("bom", False))
    options: dict[str, Any] = {name: query.pop(name) for name in ("limit", "fields", "count") if name in query}
    signed = None if cursor is None else read_cursor(cursor, user_id, query)
    after, as_of = continue_as_of(signed, sent)
    page = _read_page(user_id, as_of, after=after, **query, **options)
    following = sign_next(page.next and cursor_as_of(page.next, sent, page.as_of), user_id, query)
    return list_response(page, following, form, options)


def _read_page(user_id: str, as_of: int | str | None, *, status: str, sort: str, **values: Any) -> Page:
    if as_of in (None, "now"):
        return service.list_tasks(user_id, status=status, sort=sort, number=as_of is not None, **values)
    options = {name: values[name] for name in ("limit", "after", "fields", "count") if name in values}
    return list_tasks_as_of(user_id, as_of, status=status, sort=sort, **options)


@bp.route("/<id:task_id>", methods=["GET"], parameters=[openapi.TASK_ID])
@bp.response(200, response_schemas.TaskEnvelope, **openapi.TASK)
@bp.alt_response(304, **openapi.NOT_MODIFIED)
@bp.alt_response(404, "NOT_FOUND")
@bp.doc(parameters=[openapi.IF_NONE_MATCH])
def get_task(user_id: str, task_id: int) -> Response:
    """Get a task.

    With `If-None-Match`, the response is a 304 if you already have the current version.
    """
    task = service.get_task(user_id, task_id)
    if matches_if_none_match(current_request(), task.version):
        return Response(status=304, headers={"ETag": etag(task.version)})
    return _task_response(task)


@bp.route("/<id:task_id>", methods=["PUT"], parameters=[openapi.TASK_ID])
@bp.arguments(schemas.TaskChangesIn, examples=openapi.TASK_CHANGES)
@bp.response(200, response_schemas.TaskEnvelope, **openapi.CHANGED_TASK)
@bp.alt_response(404, "NOT_FOUND")
@_takes_headers(openapi.IF_MATCH, openapi.PREFER, openapi.IDEMPOTENCY_KEY)
def update_task(user_id: str, task_id: int, body: dict[str, Any]) -> Response:
    """Update a task.

    Fields that you do not send stay unchanged. `null` clears a field other than `title` and `completed`. You may send
    back a whole task that you have read: its read-only fields must still have the values that the task has. Otherwise
    the response is a 422, and nothing is written.
    """
    return _update(user_id, task_id, body)


@bp.route("/<id:task_id>", methods=["PATCH"], parameters=[openapi.TASK_ID])
@bp.arguments(schemas.TaskChangesIn, examples=openapi.TASK_CHANGES)
@bp.response(200, response_schemas.TaskEnvelope, **openapi.CHANGED_TASK)
@bp.alt_response(404, "NOT_FOUND")
@_takes_headers(openapi.IF_MATCH, openapi.PREFER, openapi.IDEMPOTENCY_KEY)
def patch_task(user_id: str, task_id: int, body: dict[str, Any]) -> Response:
    """Update a task with a merge patch.

    Same as PUT. Also accepts `application/merge-patch+json` (JSON Merge Patch, RFC 7396).
    """
    return _update(user_id, task_id, body)


@bp.route("/<id:task_id>", methods=["DELETE"], parameters=[openapi.TASK_ID])
@bp.response(200, response_schemas.DeletionEnvelope, **openapi.DELETION)
@bp.alt_response(404, "NOT_FOUND")
@_takes_headers(openapi.IF_MATCH, openapi.IDEMPOTENCY_KEY)
def delete_task(user_id: str, task_id: int) -> Response:
    """Delete a task.

    Deleting the same task again returns a 404.
    """
    deleted = service.delete_task(user_id, task_id, **_write_headers())
    response = json_response({"data": {"success": True, "message": "Task deleted successfully"}})
    return mark_write(response, deleted)


@bp.route("/<id:task_id>/complete", methods=["PATCH"], parameters=[openapi.TASK_ID])
@bp.arguments(schemas.CompletionIn, required=False, examples=openapi.COMPLETIONS)
@bp.response(200, response_schemas.TaskEnvelope, **openapi.COMPLETED_TASK)
@bp.alt_response(404, "NOT_FOUND")
@_takes_headers(openapi.IF_MATCH, openapi.PREFER, openapi.IDEMPOTENCY_KEY)
def complete_task(user_id: str, task_id: int, body: dict[str, Any]) -> Response:
    """Complete or reopen a task.

    Sets `completed` to the value in the body. Without a body, toggles it. To make retries safe, send a body or an
    `Idempotency-Key`.
    """
    headers = _update_headers()
    return _updated_response(service.complete_task(user_id, task_id, **body, **headers), merge=headers["merge"])
