"""The operations on webhooks, one function each. They are independent of HTTP."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from taskapp.db.execute import execute, execute_in_turn
from taskapp.http.json_provider import with_microseconds
from taskapp.tasks.errors import ChangesGone
from taskapp.tasks.webhooks import queries
from taskapp.tasks.webhooks.errors import FutureNumber, TooManyWebhooks, WebhookNotFound
from taskapp.tasks.webhooks.secrets import make_secret, write_secret
from taskapp.tasks.webhooks.signals import delivery_due

# The fields of a webhook in responses, in their order.
FIELDS = (
    "id",
    "url",
    "enabled",
    "disabled_at",
    "number",
    "behind",
    "attempts",
    "last_status",
    "failing_since",
    "next_attempt_at",
    "rotated_at",
    "created_at",
)


def list_webhooks(user_id: str) -> list[dict[str, Any]]:
    """Return the webhooks of the user, oldest first.

    Raises:
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`. All functions of this module may raise it.
    """
    return [*map(_to_dict, execute(queries.LIST_WEBHOOKS, {}, user_id=user_id, can_retry=True))]


def get_webhook(user_id: str, webhook_id: int) -> dict[str, Any]:
    """Return a webhook of the user.

    Raises:
        WebhookNotFound: there is none with this id.
    """
    return _only(execute(queries.GET_WEBHOOK, {"webhook_id": webhook_id}, user_id=user_id, can_retry=True))


def create_webhook(user_id: str, *, url: str, enabled: bool = True) -> tuple[dict[str, Any], str]:
    """Create a webhook that receives the changes from now on, and return it with its secret.

    Args:
        user_id: the acting user.
        url: as :func:`taskapp.tasks.webhooks.urls.normalize_url` returns it.
        enabled: whether deliveries begin at once.

    Raises:
        TooManyWebhooks: the user has as many as possible.
        UserBusy: see :func:`taskapp.db.execute.execute_in_turn`.
    """
    secret = make_secret()
    parameters = {"new_url": url, "new_enabled": enabled, "new_secret": secret}
    rows = execute_in_turn(queries.CREATE_WEBHOOK, parameters, user_id=user_id)
    if not rows:
        raise TooManyWebhooks
    return _announced(_to_dict(rows[0])), write_secret(secret)


def update_webhook(user_id: str, webhook_id: int, **fields: Any) -> dict[str, Any]:
    """Change the URL of a webhook, or enable or disable it, and return it. Its secret stays.

    If the URL is another one, or the webhook was disabled and becomes enabled, deliveries begin with their first try.

    Args:
        user_id: the acting user.
        webhook_id: its id.
        fields: some of :data:`taskapp.tasks.webhooks.queries.CHANGEABLE`.

    Raises:
        WebhookNotFound, UserBusy: as above.
    """
    parameters = {"webhook_id": webhook_id, **{f"new_{name}": value for name, value in fields.items()}}
    statement = queries.update_webhook(frozenset(fields))
    return _announced(_only(execute_in_turn(statement, parameters, user_id=user_id)))


def rotate_secret(user_id: str, webhook_id: int) -> tuple[dict[str, Any], str]:
    """Give a webhook a new secret, and return both. The previous one also signs, for some time.

    Raises:
        WebhookNotFound, UserBusy: as above.
    """
    secret = make_secret()
    parameters = {"webhook_id": webhook_id, "new_secret": secret}
    webhook = _only(execute_in_turn(queries.ROTATE_SECRET, parameters, user_id=user_id))
    return webhook, write_secret(secret)


def replay(user_id: str, webhook_id: int, *, after: int) -> dict[str, Any]:
    """Let deliveries begin with the change after a number, and return the webhook.

    Args:
        user_id: the acting user.
        webhook_id: its id.
        after: the number; the newest one skips all that was not delivered.

    Raises:
        WebhookNotFound, UserBusy: as above.
        FutureNumber: the user has no change with this number yet.
        ChangesGone: not every change after the number is known.
    """
    parameters = {"webhook_id": webhook_id, "after": after}
    ((found, future, known, *row),) = execute_in_turn(queries.REPLAY, parameters, user_id=user_id)
    if not found:
        raise WebhookNotFound
    if future:
        raise FutureNumber
    if not known:
        raise ChangesGone
    return _announced(_to_dict(row))


def delete_webhook(user_id: str, webhook_id: int) -> None:
    """Delete a webhook. Nothing is delivered to it from then on, but for what is on its way.

    Raises:
        WebhookNotFound, UserBusy: as above.
    """
    if not execute_in_turn(queries.DELETE_WEBHOOK, {"webhook_id": webhook_id}, user_id=user_id):
        raise WebhookNotFound


def notify() -> None:
    """Tell the process that delivers, if it runs on this host, that something may be due. Otherwise it looks later."""
    delivery_due.send()


def _announced(webhook: dict[str, Any]) -> dict[str, Any]:
    if webhook["enabled"]:
        notify()
    return webhook


def _only(rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    if not rows:
        raise WebhookNotFound
    return _to_dict(rows[0])


def _to_dict(row: Sequence[Any]) -> dict[str, Any]:
    columns = dict(zip(queries.COLUMNS, row, strict=True))
    webhook = {**columns, "next_attempt_at": _next_attempt(columns)}
    return {name: _as_json(webhook[name]) for name in FIELDS}


def _next_attempt(webhook: Mapping[str, Any]) -> datetime | None:
    """Return when a failed delivery is tried again. What did not fail is not waiting for a time."""
    due_at: datetime = webhook["due_at"]
    return due_at if webhook["enabled"] and webhook["attempts"] else None


def _as_json(value: Any) -> Any:
    return with_microseconds(value) if isinstance(value, datetime) else value
