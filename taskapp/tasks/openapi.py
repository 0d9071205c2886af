"""The OpenAPI parts of the task routes other than schemas: parameters, headers, examples and links.

The views refer to them. Requests do not use them.
"""

from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from taskapp.db.columns import USER_ID_LENGTH
from taskapp.http.errors import KEY_IN_USE, ErrorResponse
from taskapp.http.openapi import QUOTA, describe_error, headers
from taskapp.tasks.errors import InvalidChange, OperationTooSlow
from taskapp.tasks.rules import ZONE_UNKNOWN


def _header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"in": "header", "name": name, "description": description, "schema": {"type": "string", **schema}}


def _example(summary: str, value: Any) -> dict[str, Any]:
    return {"summary": summary, "value": value}


def _next_step(operation: str, description: str) -> dict[str, Any]:
    of_the_task = {"user_id": "$request.path.user_id", "task_id": "$response.body#/data/id"}
    return {"operationId": operation, "description": description, "parameters": of_the_task}


# Parameters.
USER_ID = {
    "in": "path",
    "name": "user_id",
    "description": "Your own user id. Must equal the one in your token.",
    "schema": {"type": "string", "minLength": 1, "maxLength": USER_ID_LENGTH, "pattern": r"^[^/\u0000]+$"},
    "example": "demo",
}
TASK_ID = {"in": "path", "name": "task_id", "description": "The `id` of the task.", "example": 1}
IF_NONE_MATCH = _header(
    "If-None-Match",
    "Return 304 if the task still has one of these entity tags.",
    examples=['"3"'],
)
IF_MATCH = _header(
    "If-Match",
    "Write only if the task still has one of these entity tags: its `version` in double quotes. Weak tags (`W/`) never "
    "match. `*` requires only that the task exists.",
    pattern=r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$',
    examples=['"3"'],
)
IDEMPOTENCY_KEY = _header(
    "Idempotency-Key",
    "1 to 255 visible ASCII characters of your choice. If you retry the request with the same key, nothing is written, "
    "and the original response is returned. Keys are kept for at least 24 hours.",
    pattern=r'^([!#-~][!-~]{0,254}|"[!#-\[\]-~]{1,255}")$',
    examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
)

# Examples of tasks.
CREATED_AT = "2026-11-22T09:30:00.123456Z"
UPDATED_AT = "2026-11-22T09:45:00.654321Z"
_TASK = {
    "id": 1,
    "uid": "0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11",
    "user_id": "demo",
    "title": "Buy milk",
    "description": "Two litres, not the sour kind",
    "completed": False,
    "completed_at": None,
    "priority": "high",
    "tags": ["errand", "home"],
    "due_date": "2026-12-24",
    "due_time": "17:00",
    "time_zone": "Europe/Berlin",
    "due_at": "2026-12-24T16:00:00.000000Z",
    "created_at": CREATED_AT,
    "updated_at": CREATED_AT,
    "version": 1,
}
_OTHER_TASK = {
    **_TASK,
    "id": 2,
    "uid": "5f0c9a35-6a5e-4f0e-8d4b-0e5f5f1b7a52",
    "title": "Call the bank",
    "description": None,
    "completed": True,
    "completed_at": UPDATED_AT,
    "priority": None,
    "tags": [],
    **dict.fromkeys(("due_date", "due_time", "time_zone", "due_at")),
}
_CHANGED_TASK = {**_TASK, "title": "Buy oat milk", "updated_at": UPDATED_AT, "version": 2}
_COMPLETED_TASK = {**_TASK, "completed": True, "completed_at": UPDATED_AT, "updated_at": UPDATED_AT, "version": 2}
CURSOR = "WzIsMl0.x1zd3sBwQbPq0VbXm2m4e9RkZ8c"

# Examples of request bodies.
TASK_INS = {
    "title": _example("Title only", {"title": "Buy milk"}),
    "everything": _example(
        "All fields",
        {
            "uid": "0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11",
            "title": "Buy milk",
            "description": "Two litres, not the sour kind",
            "completed": False,
            "priority": "high",
            "tags": ["errand", "home"],
            "due_date": "2026-12-24",
            "due_time": "17:00",
            "time_zone": "Europe/Berlin",
        },
    ),
}
TASK_CHANGES = {
    "title": _example("Change the title", {"title": "Buy oat milk"}),
    "description": _example("Clear the description", {"description": None}),
    "day": _example("Move to another day, at the same time", {"due_date": "2026-12-25"}),
    "all_day": _example("Make it all day", {"due_time": None}),
    "tags": _example("Add a tag and remove another", {"add_tags": ["urgent"], "remove_tags": ["home"]}),
    "everything": _example(
        "Change several fields",
        {"title": "Buy oat milk", "description": "One litre", "completed": True, "priority": None, "tags": []},
    ),
}
COMPLETIONS = {
    "completed": _example("Complete", {"completed": True}),
    "pending": _example("Reopen", {"completed": False}),
}

# Responses.
NEW_TASK = {
    "description": "The new task.",
    "example": {"data": _TASK},
    "headers": headers(*QUOTA, "Location", "ETag", "Idempotency-Replayed"),
}
TASK_LIST = {
    "description": "A page of the list.",
    "examples": {
        "last": _example(
            "Last or only page",
            {"data": [_OTHER_TASK, _TASK], "pagination": {"limit": 1000, "next_cursor": None}},
        ),
        "page": _example(
            "Page with more to follow", {"data": [_OTHER_TASK], "pagination": {"limit": 1, "next_cursor": CURSOR}}
        ),
        "part": _example(
            "With `fields=title` and `count=true`",
            {
                "data": [{"id": 2, "title": "Call the bank"}],
                "pagination": {"limit": 1, "next_cursor": CURSOR, "total": 61},
            },
        ),
    },
    "headers": headers(*QUOTA, "Link"),
}
TASK = {"description": "The task.", "example": {"data": _TASK}, "headers": headers(*QUOTA, "ETag")}
NOT_MODIFIED = {
    "description": "The task still has one of the entity tags in `If-None-Match`.",
    "headers": headers(*QUOTA, "ETag"),
}
CHANGED_TASK = {
    "description": "The updated task.",
    "example": {"data": _CHANGED_TASK},
    "headers": headers(*QUOTA, "ETag", "Idempotency-Replayed"),
}
COMPLETED_TASK = {**CHANGED_TASK, "example": {"data": _COMPLETED_TASK}}
DELETION = {
    "description": "The task was deleted.",
    "example": {"data": {"success": True, "message": "Task deleted successfully"}},
    "headers": headers(*QUOTA, "Idempotency-Replayed"),
}
TASK_NOT_FOUND = ErrorResponse(HTTPStatus.NOT_FOUND, "TASK_NOT_FOUND", "Task not found.")


def read_only(names: Collection[str]) -> dict[str, list[str]]:
    """Return the details of an error for read-only fields whose values differ from those of the task."""
    return {name: ["Read-only, and the task has another value now. Omit it, or read the task again."] for name in names}


READ_ONLY_FIELDS = ErrorResponse(
    HTTPStatus.UNPROCESSABLE_ENTITY, "VALIDATION_ERROR", message="", details=read_only(["updated_at"])
)
VERSION_CONFLICT = ErrorResponse(
    HTTPStatus.PRECONDITION_FAILED,
    "PRECONDITION_FAILED",
    "The current version of the task does not match If-Match. See details.current.",
)
INVALID_CHANGE = ErrorResponse(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "VALIDATION_ERROR",
    message="",
    details={"due_time": ["Needs due_date and time_zone."]},
)
UID_TAKEN = ErrorResponse(
    HTTPStatus.CONFLICT,
    "CONFLICT",
    "Another task has this uid. See details.current.",
    details={"current": _TASK},
)


def explain_change(error: InvalidChange) -> dict[str, Any]:
    """Return the attributes of :data:`INVALID_CHANGE` for an error."""
    return {"details": {name: [sentence] for name, sentence in error.details.items()}}


TAKEN_UID = describe_error(
    409,
    {"UidTaken": UID_TAKEN, "IdempotencyKeyInUse": KEY_IN_USE},
    "The `uid` or the `Idempotency-Key` is in use. For a `uid`, `details.current` is the task that has it.",
)
UNKNOWN_TIME_ZONE = INVALID_CHANGE._replace(details={"time_zone": [ZONE_UNKNOWN]})


def explain_slowness(error: OperationTooSlow) -> dict[str, Any]:
    """Return the attributes of the response that differ: the details, if parameters made the operation too slow."""
    sentence = "Took too long. Use other filters, filter by status, or set a smaller limit."
    return {"details": {name: [sentence] for name in error.names}} if error.names else {}


TAG_NOT_FOUND = ErrorResponse(HTTPStatus.NOT_FOUND, "TAG_NOT_FOUND", "No task has this tag.")
OPERATION_TOO_SLOW = ErrorResponse(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "OPERATION_TOO_SLOW",
    "The operation took too long and was stopped. Nothing was changed. You may have too many tasks for it.",
)
# For a tag that never matches, whatever the version of the task.
FOREIGN_TAG = VERSION_CONFLICT._replace(
    message="The entity tag in If-Match is weak or not from this service, so it never matches. A proxy that compresses "
    'responses may have changed it. Send the version of the task in double quotes, such as "2".'
)
_CURRENT = {"current": _CHANGED_TASK}
CONFLICTING_TASK = describe_error(
    412,
    {
        "VersionConflict": VERSION_CONFLICT._replace(details=_CURRENT),
        "ForeignTag": FOREIGN_TAG._replace(details=_CURRENT),
    },
    "The task has none of the versions in `If-Match`. `details.current` is the current task.",
)

# Operations that accept the id of a new task (OpenAPI, Link Object).
NEXT_STEPS = {
    "read": _next_step("get_task", "Get the task."),
    "change": _next_step("update_task", "Update the task."),
    "merge": _next_step("patch_task", "Update the task with a merge patch."),
    "complete": _next_step("complete_task", "Complete the task."),
    "delete": _next_step("delete_task", "Delete the task."),
}
