"""The responses to errors of operations on tasks, and their descriptions in the OpenAPI document."""

from collections.abc import Collection
from http import HTTPStatus
from typing import Any

from taskapp.http.errors import KEY_IN_USE, ErrorResponse
from taskapp.http.openapi import describe_error
from taskapp.http.request import current_request, encode_path
from taskapp.tasks.changes.batch import MAXIMUM_CHANGES
from taskapp.tasks.errors import ChangesGone, InvalidChange, OperationTooSlow, TaskExists, UndoConflict
from taskapp.tasks.examples import CHANGED_EXAMPLE, EXAMPLE
from taskapp.tasks.rules import NEEDS, READ_ONLY, ZONE_UNKNOWN

TASK_NOT_FOUND = ErrorResponse(HTTPStatus.NOT_FOUND, "TASK_NOT_FOUND", "Task not found.")


def read_only(names: Collection[str]) -> dict[str, list[str]]:
    """Return the details of an error for read-only fields whose values differ from those of the task."""
    return {name: [READ_ONLY] for name in names}


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
    details={"due_time": [NEEDS["due_time"]]},
)
UID_TAKEN = ErrorResponse(
    HTTPStatus.CONFLICT,
    "CONFLICT",
    "Another task has this uid. See details.current.",
    details={"current": EXAMPLE},
)


def explain_change(error: InvalidChange) -> dict[str, Any]:
    """Return the attributes of :data:`INVALID_CHANGE` for an error."""
    return {"details": {name: [sentence] for name, sentence in error.details.items()}}


TAKEN_UID = describe_error(
    409,
    {"UidTaken": UID_TAKEN, "IdempotencyKeyInUse": KEY_IN_USE},
    "The `uid` or the `Idempotency-Key` is in use. For a `uid`, `details.current` is the task that has it.",
)
FUTURE_TIME = INVALID_CHANGE._replace(details={"as_of": ["Must not be in the future."]})
UNKNOWN_TIME_ZONE = INVALID_CHANGE._replace(details={"time_zone": [ZONE_UNKNOWN]})


def explain_slowness(error: OperationTooSlow) -> dict[str, Any]:
    """Return the attributes of the response that differ: the details, if parameters made the operation too slow."""
    sentence = "Took too long. Use other filters, filter by status, or set a smaller limit."
    sentences = {"as_of": "Took too long. Too many tasks have changed since then."}
    return {"details": {name: [sentences.get(name, sentence)] for name in error.names}} if error.names else {}


CHANGES_GONE = ErrorResponse(
    HTTPStatus.GONE,
    "CHANGES_GONE",
    "Not every change since then is known. Start again with the list in details.restart.",
    details={"restart": "/api/demo/tasks?sort=id&as_of=now"},
)
GONE_CHANGES = describe_error(
    410,
    {"ChangesGone": CHANGES_GONE},
    "Not every change since then is known, because they are no longer kept or never existed. `details.restart` is the "
    "URL of the list from which to start again.",
)


def point_to_restart(_error: ChangesGone) -> dict[str, Any]:
    """Return the attributes of :data:`CHANGES_GONE` for the current request: where to start again."""
    request = current_request()
    tasks = encode_path(f"/api/{(request.view_args or {})['user_id']}/tasks")
    return {"details": {"restart": f"{request.prefix}{tasks}?sort=id&as_of=now"}}


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
_CURRENT = {"current": CHANGED_EXAMPLE, "changed": ["title"]}
CONFLICTING_TASK = describe_error(
    412,
    {
        "VersionConflict": VERSION_CONFLICT._replace(details=_CURRENT),
        "ForeignTag": FOREIGN_TAG._replace(details={**_CURRENT, "changed": None}),
    },
    "The task has none of the versions in `If-Match`. `details.current` is the current task, and `details.changed` the "
    "names of the fields that changed since.",
)

CHANGE_NOT_FOUND = ErrorResponse(
    HTTPStatus.NOT_FOUND, "CHANGE_NOT_FOUND", "No write has this number, or its changes are no longer known."
)
UNDO_CONFLICT = ErrorResponse(
    HTTPStatus.CONFLICT,
    "UNDO_CONFLICT",
    "The task was changed since.",
    details={"conflicts": [{"task_id": 1, "changed": ["title"], "current": CHANGED_EXAMPLE}]},
)
TOO_MANY_AFFECTED = ErrorResponse(
    HTTPStatus.CONFLICT,
    "TOO_MANY_AFFECTED",
    f"The write made more than {MAXIMUM_CHANGES:,} changes. Only smaller ones can be undone.",
)
TASK_EXISTS = ErrorResponse(
    HTTPStatus.CONFLICT,
    "CONFLICT",
    "The task exists, or another task has its uid. See details.current.",
    details={"current": EXAMPLE},
)


def explain_conflict(error: UndoConflict) -> dict[str, Any]:
    """Return the attributes of :data:`UNDO_CONFLICT` for an error."""
    if error.changes == 1:
        message = "The task was changed since."
    else:
        message = f"{len(error.conflicts)} of {error.changes} tasks were changed since."
    return {"message": error.reason or message, "details": {"conflicts": error.conflicts}}


def explain_existing(error: TaskExists) -> dict[str, Any]:
    """Return the attributes of :data:`TASK_EXISTS` for an error."""
    return {"message": error.reason, "details": None} if error.reason else {"details": {"current": error.current}}


UNDO_CONFLICTS = describe_error(
    409,
    {"UndoConflict": UNDO_CONFLICT, "TooManyAffected": TOO_MANY_AFFECTED, "IdempotencyKeyInUse": KEY_IN_USE},
    f"A task was changed since; or the write made more than {MAXIMUM_CHANGES:,} changes; or the `Idempotency-Key` is "
    "in use. For `UNDO_CONFLICT`, `details.conflicts` has the tasks. It is empty if values are not valid now.",
)
EXISTING_TASK = describe_error(
    409,
    {"TaskExists": TASK_EXISTS, "IdempotencyKeyInUse": KEY_IN_USE},
    "The task exists, or another task has its `uid`; then `details.current` is that task. Or its values are not valid "
    "now, such as those of an occurrence that its series has again. Or the `Idempotency-Key` is in use.",
)
