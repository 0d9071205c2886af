"""The route of the erasure of all data of a user."""

from typing import Any

from flask import Response

from taskapp.auth.guard import authorize
from taskapp.http.blueprint import Blueprint
from taskapp.http.concurrency import costly
from taskapp.http.errors import map_error
from taskapp.http.json_provider import json_response
from taskapp.http.openapi import API_ERRORS, QUOTA, headers
from taskapp.tasks.erasure import schemas, service
from taskapp.tasks.error_responses import OPERATION_TOO_SLOW
from taskapp.tasks.errors import OperationTooSlow
from taskapp.tasks.users.tables import USER_TABLES

bp = Blueprint(
    "erasure",
    __name__,
    guard=authorize,
    url_prefix="/api/<user_id>",
    description="All data of a user.",
    errors=API_ERRORS,
)
map_error(bp, OperationTooSlow, OPERATION_TOO_SLOW)

_ERASED: dict[str, Any] = {
    "description": "All data was erased.",
    "example": {"data": {name: table.example for name, table in USER_TABLES.items()}},
    "headers": headers(*QUOTA),
}


@bp.route("", methods=["DELETE"])
@bp.arguments(schemas.ErasureQuery, location="query")
@bp.response(200, schemas.ErasureEnvelope, **_ERASED)
@costly
def erase_user(user_id: str, **_query: Any) -> Response:
    """Erase all data.

    Erases all of your tasks, the log of their changes, your idempotency keys, your calendars and your webhooks. Nothing
    can be restored afterwards. `confirm` must be your user id. You may begin again at any time.
    """
    return json_response({"data": service.erase_user(user_id)})
