"""The OpenAPI parts of the routes of webhooks other than schemas, and the responses to their errors."""

from http import HTTPStatus
from typing import Any

from taskapp.http.errors import ErrorResponse
from taskapp.http.openapi import QUOTA, describe_error, headers
from taskapp.tasks.examples import CREATED_AT
from taskapp.tasks.webhooks.queries import MAXIMUM_WEBHOOKS

WEBHOOK_NOT_FOUND = ErrorResponse(HTTPStatus.NOT_FOUND, "WEBHOOK_NOT_FOUND", "Webhook not found.")
TOO_MANY_WEBHOOKS = ErrorResponse(
    HTTPStatus.CONFLICT,
    "TOO_MANY_WEBHOOKS",
    f"You have {MAXIMUM_WEBHOOKS} webhooks, which is the maximum. Delete one first.",
)
FUTURE_NUMBER = ErrorResponse(
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "VALIDATION_ERROR",
    message="",
    details={"after": ["Must not be larger than the number of your newest change."]},
)
_STORED = "Is not supported here, because the stored response would contain the secret."
NO_KEY = f"{_STORED} If there was no response, delete the new webhook, and create another one."
NO_KEY_TO_ROTATE = f"{_STORED} If there was no response, rotate again."

_EXAMPLE: dict[str, Any] = {
    "id": 3,
    "url": "https://hooks.example.com/tasks",
    "enabled": True,
    "disabled_at": None,
    "number": 1041,
    "behind": 0,
    "attempts": 0,
    "last_status": None,
    "failing_since": None,
    "next_attempt_at": None,
    "rotated_at": None,
    "created_at": CREATED_AT,
}
# Not random.
_SECRET = "whsec_cGxlYXNlIHVzZSB0aGUgc2VjcmV0IHlvdSB3ZXJlIGc="  # noqa: S105 # An example.

WEBHOOK_ID = {"in": "path", "name": "webhook_id", "description": "The `id` of the webhook.", "example": 3}

CREATED: dict[str, Any] = {
    "description": "The new webhook, with its secret.",
    "example": {"data": {**_EXAMPLE, "secret": _SECRET}},
    "headers": headers(*QUOTA, "Location"),
}
ROTATED: dict[str, Any] = {
    "description": "The webhook, with its new secret.",
    "example": {"data": {**_EXAMPLE, "rotated_at": CREATED_AT, "secret": _SECRET}},
    "headers": headers(*QUOTA),
}
WEBHOOK: dict[str, Any] = {
    "description": "The webhook.",
    "example": {"data": _EXAMPLE},
    "headers": headers(*QUOTA),
}
WEBHOOKS: dict[str, Any] = {**WEBHOOK, "description": "All webhooks.", "example": {"data": [_EXAMPLE]}}
REPLAYED: dict[str, Any] = {**WEBHOOK, "example": {"data": {**_EXAMPLE, "number": 1000, "behind": 41}}}
DELETED: dict[str, Any] = {
    **WEBHOOK,
    "description": "The webhook was deleted. Nothing is sent to its URL from now on.",
    "example": {"data": {"success": True, "message": "Webhook deleted"}},
}
TOO_MANY = describe_error(409, {"TooManyWebhooks": TOO_MANY_WEBHOOKS}, "The user has the maximum of webhooks.")
