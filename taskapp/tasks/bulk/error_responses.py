"""The responses to errors of writes of many tasks, and their descriptions in the OpenAPI document."""

from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from taskapp.http.errors import KEY_IN_USE, ErrorResponse
from taskapp.http.openapi import describe_error
from taskapp.tasks.errors import Failure, NotApplied, TooManyAffected
from taskapp.tasks.examples import CHANGED_EXAMPLE

# The codes of operations that are impossible: those of the same error of a single write.
_CODES = MappingProxyType(
    {
        "missing": "TASK_NOT_FOUND",
        "changed": "PRECONDITION_FAILED",
        "taken": "CONFLICT",
        "invalid": "VALIDATION_ERROR",
    }
)


def _failure(failure: Failure) -> dict[str, Any]:
    details = {name: [sentence] for name, sentence in failure.details.items()}
    return {
        "index": failure.position,
        "id": failure.task_id,
        "code": _CODES[failure.reason],
        **({"details": details} if details else {}),
        "current": failure.current,
    }


_EXAMPLES = (Failure(1, 1, "changed", {}, CHANGED_EXAMPLE), Failure(3, 9, "missing", {}, None))
NOT_APPLIED = ErrorResponse(
    HTTPStatus.CONFLICT,
    "NOT_APPLIED",
    "2 of 4 operations cannot be applied. Nothing was changed.",
    details={"failed": [_failure(failure) for failure in _EXAMPLES]},
)
TOO_MANY_AFFECTED = ErrorResponse(
    HTTPStatus.CONFLICT,
    "TOO_MANY_AFFECTED",
    "More than 200 tasks match. Nothing was changed.",
    details={"max_affected": 200},
)


def explain_failures(error: NotApplied) -> dict[str, Any]:
    """Return the attributes of :data:`NOT_APPLIED` for an error."""
    message = f"{len(error.failures):,} of {error.operations:,} operations cannot be applied. Nothing was changed."
    return {"message": message, "details": {"failed": [_failure(failure) for failure in error.failures]}}


def explain_number(error: TooManyAffected) -> dict[str, Any]:
    """Return the attributes of :data:`TOO_MANY_AFFECTED` for an error."""
    most = error.most
    matching = "task matches" if most == 1 else "tasks match"
    message = f"More than {most:,} {matching}. Nothing was changed."
    return {"message": message, "details": {"max_affected": most}}


NOT_APPLIED_RESPONSE = describe_error(
    409,
    {"NotApplied": NOT_APPLIED, "TooManyAffected": TOO_MANY_AFFECTED, "IdempotencyKeyInUse": KEY_IN_USE},
    "Some operations cannot be applied; `details.failed` has each of them, with its code and the current task, or the "
    "one that has the `uid`. Or more tasks match than `max_affected`. Or the `Idempotency-Key` is in use.",
)
