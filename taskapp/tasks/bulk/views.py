"""The route of writes of many tasks. It parses its input, calls a service function and returns a response."""

from collections.abc import Sequence
from typing import Any

from flask import Response

from taskapp.auth.guard import authorize
from taskapp.http.blueprint import Blueprint
from taskapp.http.concurrency import costly
from taskapp.http.errors import map_error
from taskapp.http.etags import reject_if_match
from taskapp.http.idempotency_key import read_idempotency_key
from taskapp.http.json_provider import json_response
from taskapp.http.openapi import API_ERRORS
from taskapp.http.request import current_request
from taskapp.tasks import error_responses as task_errors
from taskapp.tasks.bulk import error_responses, openapi, response_schemas, schemas, service
from taskapp.tasks.bulk.service import BulkWrite
from taskapp.tasks.changes.header import mark_write
from taskapp.tasks.errors import InvalidChange, NotApplied, OperationTooSlow, TooManyAffected
from taskapp.tasks.openapi import IDEMPOTENCY_KEY

bp = Blueprint(
    "bulk",
    __name__,
    guard=authorize,
    url_prefix="/api/<user_id>/tasks/bulk",
    description="Many writes at once.",
    errors=API_ERRORS,
)
map_error(bp, NotApplied, error_responses.NOT_APPLIED, error_responses.explain_failures, shared=False)
map_error(bp, TooManyAffected, error_responses.TOO_MANY_AFFECTED, error_responses.explain_number, shared=False)
map_error(bp, InvalidChange, task_errors.INVALID_CHANGE, task_errors.explain_change)
map_error(bp, OperationTooSlow, task_errors.OPERATION_TOO_SLOW)


def _results(written: BulkWrite, ops: Sequence[str]) -> list[dict[str, Any]]:
    """Return the result of each operation for the response, from the names of the operations."""
    results: list[dict[str, Any]] = [
        {"status": 200, "id": task_id} if task is None else {"status": 201 if op == "create" else 200, "task": task}
        for op, (task_id, task) in zip(ops, written.tasks, strict=True)
    ]
    for place, following in written.following.items():
        results[place]["next"] = following
    return results


@bp.route("", methods=["POST"])
@bp.arguments(schemas.BulkQuery, location="query")
@bp.arguments(schemas.BulkIn, maximum_body=schemas.MAXIMUM_BODY, examples=openapi.BODIES)
@bp.response(200, response_schemas.BulkEnvelope, **openapi.APPLIED)
@bp.alt_response(409, schema=response_schemas.NotAppliedEnvelope, **error_responses.NOT_APPLIED_RESPONSE)
@bp.doc(parameters=[IDEMPOTENCY_KEY])
@costly
def write_tasks(user_id: str, query: dict[str, Any], body: dict[str, Any]) -> Response:
    """Write many tasks at once.

    Applies a list of `operations` on different tasks, or one operation to all tasks that match a `filter`. All or
    nothing: if one cannot be applied, nothing is written, and the 409 names every operation that fails, with the
    current task. In place of `If-Match`, an operation may have the `version` of its task. All of it is one write, which
    `POST /api/{user_id}/changes/{number}/undo` takes back with the number in `Change`.
    """
    request = current_request()
    reject_if_match(request, "Send version in each operation instead.")
    options: dict[str, Any] = {"dry_run": query.get("dry_run", False), "key": read_idempotency_key(request)}
    if "operations" in body:
        written = service.apply_operations(user_id, body["operations"], **options)
        ops = [operation["op"] for operation in body["operations"]]
    else:
        values, most = body.pop("filter"), body.pop("max_affected")
        written = service.apply_to_matching(user_id, values, body, max_affected=most, **options)
        ops = [body["op"]] * len(written.tasks)
    data = {"change": written.change, "dry_run": options["dry_run"], "results": _results(written, ops)}
    return mark_write(json_response({"data": data}), written)
