"""The responses to errors of imports, and their descriptions in the OpenAPI document."""

from http import HTTPStatus
from typing import Any

from taskapp.http.errors import KEY_IN_USE, ErrorResponse
from taskapp.http.openapi import describe_error
from taskapp.tasks.errors import LinesNotImported
from taskapp.tasks.transfer.checks import LINES

NOT_IMPORTED = ErrorResponse(
    HTTPStatus.CONFLICT,
    "NOT_APPLIED",
    "1 of 4 lines cannot be imported. Nothing was changed.",
    details={"lines.3": ["Differs from task 204, which has its uid."]},
)


def explain_lines(error: LinesNotImported) -> dict[str, Any]:
    """Return the attributes of :data:`NOT_IMPORTED` for an error."""
    message = f"{len(error.failures):,} of {error.lines:,} lines cannot be imported. Nothing was changed."
    return {"message": message, "details": details_of(error)}


def details_of(error: LinesNotImported) -> dict[str, list[str]]:
    """Return the sentences about lines by their place in the file, such as ``lines.3.title``."""
    return {
        f"{LINES}.{number}" + (f".{name}" if name else ""): [sentence]
        for number, sentences in error.failures.items()
        for name, sentence in sentences.items()
    }


NOT_IMPORTED_RESPONSE = describe_error(
    409,
    {"LinesNotImported": NOT_IMPORTED, "IdempotencyKeyInUse": KEY_IN_USE},
    "Some lines cannot be imported, because of the tasks that exist; `details` has each of them, by its number in the "
    "file. Or the `Idempotency-Key` is in use.",
)
