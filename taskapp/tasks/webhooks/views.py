"""The routes of webhooks. Each one parses its input, calls one service function and returns a response."""

from typing import Any

from flask import Response

from taskapp.auth.guard import authorize
from taskapp.http.blueprint import Blueprint
from taskapp.http.errors import InvalidInput, map_error
from taskapp.http.id_converter import InvalidId
from taskapp.http.json_provider import json_response
from taskapp.http.openapi import API_ERRORS, ErrorEnvelope
from taskapp.http.request import current_request
from taskapp.tasks.changes.schemas import GoneChangesEnvelope
from taskapp.tasks.error_responses import CHANGES_GONE, GONE_CHANGES, point_to_restart
from taskapp.tasks.errors import ChangesGone
from taskapp.tasks.response_schemas import DeletionEnvelope
from taskapp.tasks.webhooks import openapi, schemas, service
from taskapp.tasks.webhooks.errors import FutureNumber, TooManyWebhooks, WebhookNotFound

bp = Blueprint(
    "webhooks",
    __name__,
    guard=authorize,
    url_prefix="/api/<user_id>/webhooks",
    description="URLs that a user's changes are sent to.",
    errors=API_ERRORS,
)
map_error(bp, WebhookNotFound, openapi.WEBHOOK_NOT_FOUND)
map_error(bp, InvalidId, openapi.WEBHOOK_NOT_FOUND)
map_error(bp, TooManyWebhooks, openapi.TOO_MANY_WEBHOOKS, shared=False)
map_error(bp, FutureNumber, openapi.FUTURE_NUMBER)
map_error(bp, ChangesGone, CHANGES_GONE, point_to_restart)


@bp.route("", methods=["POST"])
@bp.arguments(schemas.WebhookIn)
@bp.response(201, schemas.SecretWebhookEnvelope, **openapi.CREATED)
@bp.alt_response(409, schema=ErrorEnvelope, **openapi.TOO_MANY)
def create_webhook(user_id: str, body: dict[str, Any]) -> Response:
    """Create a webhook.

    The changes from now on are sent to its URL, in order, at least once each, signed as in Standard Webhooks. Keep the
    `secret`: no other response has it. `Idempotency-Key` is not supported.
    """
    _refuse_key(openapi.NO_KEY)
    webhook, secret = service.create_webhook(user_id, **body)
    response = json_response({"data": {**webhook, "secret": secret}})
    response.status_code = 201
    response.headers["Location"] = f"{current_request().encoded_path}/{webhook['id']}"
    return response


@bp.route("", methods=["GET"])
@bp.response(200, schemas.WebhookListEnvelope, **openapi.WEBHOOKS)
def list_webhooks(user_id: str) -> Response:
    """List webhooks.

    Returns all of your webhooks, oldest first, with the state of their deliveries, and without their secrets.
    """
    return json_response({"data": service.list_webhooks(user_id)})


@bp.route("/<id:webhook_id>", methods=["GET"], parameters=[openapi.WEBHOOK_ID])
@bp.response(200, schemas.WebhookEnvelope, **openapi.WEBHOOK)
@bp.alt_response(404, "NOT_FOUND")
def get_webhook(user_id: str, webhook_id: int) -> Response:
    """Get a webhook.

    Returns the webhook with the state of its deliveries, and without its secret.
    """
    return json_response({"data": service.get_webhook(user_id, webhook_id)})


@bp.route("/<id:webhook_id>", methods=["PATCH"])
@bp.arguments(schemas.WebhookChangesIn)
@bp.response(200, schemas.WebhookEnvelope, **openapi.WEBHOOK)
@bp.alt_response(404, "NOT_FOUND")
def update_webhook(user_id: str, webhook_id: int, body: dict[str, Any]) -> Response:
    """Change a webhook.

    Its secret stays. If it was disabled and is enabled, or if its URL is another one, deliveries begin with their first
    try, at once. It then receives all changes that it has missed.
    """
    return json_response({"data": service.update_webhook(user_id, webhook_id, **body)})


@bp.route("/<id:webhook_id>", methods=["DELETE"])
@bp.response(200, DeletionEnvelope, **openapi.DELETED)
@bp.alt_response(404, "NOT_FOUND")
def delete_webhook(user_id: str, webhook_id: int) -> Response:
    """Delete a webhook.

    A delivery that is on its way may still arrive.
    """
    service.delete_webhook(user_id, webhook_id)
    return json_response({"data": {"success": True, "message": "Webhook deleted"}})


@bp.route("/<id:webhook_id>/rotate", methods=["POST"], parameters=[openapi.WEBHOOK_ID])
@bp.response(200, schemas.SecretWebhookEnvelope, **openapi.ROTATED)
@bp.alt_response(404, "NOT_FOUND")
def rotate_secret(user_id: str, webhook_id: int) -> Response:
    """Rotate the secret of a webhook.

    Returns the webhook with a new `secret`, which no other response has. Deliveries have a signature of each of the
    two secrets for 24 hours. `Idempotency-Key` is not supported.
    """
    _refuse_key(openapi.NO_KEY_TO_ROTATE)
    webhook, secret = service.rotate_secret(user_id, webhook_id)
    return json_response({"data": {**webhook, "secret": secret}})


@bp.route("/<id:webhook_id>/replay", methods=["POST"], parameters=[openapi.WEBHOOK_ID])
@bp.arguments(schemas.ReplayIn)
@bp.response(200, schemas.WebhookEnvelope, **openapi.REPLAYED)
@bp.alt_response(404, "NOT_FOUND")
@bp.alt_response(410, schema=GoneChangesEnvelope, **GONE_CHANGES)
def replay_webhook(user_id: str, webhook_id: int, body: dict[str, Any]) -> Response:
    """Replay changes to a webhook.

    Deliveries begin with the change after the number `after`, and with their first try. A disabled webhook stays
    disabled.
    """
    return json_response({"data": service.replay(user_id, webhook_id, **body)})


def _refuse_key(reason: str) -> None:
    if "Idempotency-Key" in current_request().headers:
        raise InvalidInput(details={"Idempotency-Key": [reason]})
