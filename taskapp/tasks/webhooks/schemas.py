"""The schemas of requests and responses about webhooks. Those of responses are for documentation."""

from types import MappingProxyType
from typing import Any

from flask import current_app
from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, Range

from taskapp.db.columns import MAXIMUM_ID
from taskapp.http.fields import ReadOnly, StrictBoolean, Text
from taskapp.http.input_schema import InputSchema
from taskapp.tasks.changes.models import MAXIMUM_NUMBER
from taskapp.tasks.response_schemas import time_field
from taskapp.tasks.webhooks.errors import InvalidUrl
from taskapp.tasks.webhooks.models import URL_LENGTH
from taskapp.tasks.webhooks.queries import CHANGEABLE, MAXIMUM_WEBHOOKS
from taskapp.tasks.webhooks.service import FIELDS
from taskapp.tasks.webhooks.urls import normalize_url

# Three digits. Some servers respond with more than RFC 9110 has, such as 999.
_STATUSES = Range(100, 999)
_SYNONYMS = MappingProxyType(
    {
        "url": ("target_url", "callback_url", "endpoint", "endpoint_url", "callback", "address", "uri", "href"),
        "enabled": ("active", "is_active", "status", "disabled", "paused"),
    }
)


class _Url(Text):
    """The URL of a webhook."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, *args, **kwargs)
        try:
            return normalize_url(text, allow_private=current_app.config["WEBHOOK_ALLOW_PRIVATE"])
        except InvalidUrl as error:
            raise ValidationError(error.reason) from None


class _Number(fields.Integer):
    """The number of a change in JSON, or 0."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is not int or not 0 <= value <= MAXIMUM_NUMBER:
            raise ValidationError(f"Must be an integer from 0 to {MAXIMUM_NUMBER}.")
        return value


def _url(**options: Any) -> _Url:
    about = {
        "description": "Where changes are sent, by POST. It must begin with `https://`, with the port 443 or one from "
        "1024, and without user, password and fragment. Its host must be a public name or address. It is stored in one "
        "form: the host in lower case and ASCII.",
        "format": "uri",
        "maxLength": URL_LENGTH,
        "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://[^#]*$",
        "examples": ["https://hooks.example.com/tasks"],
    }
    return _Url(metadata=about, **options)


def _enabled(**options: Any) -> StrictBoolean:
    about = {"description": "Whether changes are delivered. The service sets it to `false` after ten failed tries."}
    return StrictBoolean(metadata=about, **options)


def _schema(names: dict[str, Any]) -> Any:
    read_only = [name for name in (*FIELDS, "secret") if name not in CHANGEABLE]
    return InputSchema.from_dict({**names, **{name: ReadOnly() for name in read_only}})


_New: Any = _schema({"url": _url(required=True), "enabled": _enabled(load_default=True)})
_Changes: Any = _schema({"url": _url(), "enabled": _enabled()})


class WebhookIn(_New):  # type: ignore[misc] # marshmallow creates this class at run time.
    """A new webhook."""

    synonyms = _SYNONYMS


class WebhookChangesIn(_Changes):  # type: ignore[misc] # As above.
    """The fields to change. Other fields stay unchanged."""

    json_schema = MappingProxyType({"minProperties": 1})
    synonyms = _SYNONYMS

    @validates_schema
    def check_that_something_changes(self, changes: dict[str, Any], **_: Any) -> None:
        """Reject an update without any field."""
        if changes.keys().isdisjoint(CHANGEABLE):
            raise ValidationError(f"Send at least one of {' and '.join(CHANGEABLE)}.")


class ReplayIn(InputSchema):
    """Where deliveries begin."""

    synonyms = MappingProxyType({"after": ("since", "from", "number", "start", "cursor", "version")})

    after = _Number(
        required=True,
        metadata={
            "description": "The number of a change. Deliveries begin with the next one. 0 is the beginning, and the "
            "newest number skips everything.",
            "format": "int64",
            "minimum": 0,
            "maximum": MAXIMUM_NUMBER,
            "examples": [1041],
        },
    )


def _count(description: str, example: int) -> fields.Integer:
    about = {"description": description, "format": "int64", "examples": [example]}
    return fields.Integer(required=True, validate=Range(0, MAXIMUM_NUMBER), metadata=about)


class WebhookOut(Schema):
    """A webhook, without its secret."""

    id = fields.Integer(
        required=True,
        validate=Range(1, MAXIMUM_ID),
        metadata={"description": "Unique in the service.", "format": "int64", "examples": [3]},
    )
    url = fields.String(
        required=True,
        validate=Length(1, URL_LENGTH),
        metadata={"format": "uri", "examples": ["https://hooks.example.com/tasks"]},
    )
    enabled = fields.Boolean(required=True, metadata={"description": "Whether changes are delivered."})
    disabled_at = time_field(
        "When the service disabled it, after ten failed tries or a 410. `null` if it is enabled, or you disabled it.",
        allow_none=True,
    )
    number = _count("The number of the last change that was delivered.", 1041)
    behind = _count("How many changes are not delivered yet.", 0)
    attempts = fields.Integer(
        required=True,
        validate=Range(0),
        metadata={"description": "How often the next delivery was tried and failed.", "examples": [0]},
    )
    last_status = fields.Integer(
        required=True,
        allow_none=True,
        validate=_STATUSES,
        metadata={
            "description": "The status of the last response. `null` before the first, and if there was none.",
            "examples": [200],
        },
    )
    failing_since = time_field("When the next delivery failed first. `null` if it did not.", allow_none=True)
    next_attempt_at = time_field(
        "When a delivery that failed is tried again. `null` if none failed, or if the webhook is disabled.",
        allow_none=True,
    )
    rotated_at = time_field(
        "When the secret was last replaced. The previous one also signs for 24 hours after it. `null` if it never was.",
        allow_none=True,
    )
    created_at = time_field("When the webhook was created, in UTC.")


class SecretWebhookOut(WebhookOut):
    """A webhook with its new secret."""

    secret = fields.String(
        required=True,
        metadata={
            "description": "The secret that signs deliveries. No other response has it.",
            "pattern": "^whsec_[A-Za-z0-9+/]{43}=$",
            "examples": ["whsec_cGxlYXNlIHVzZSB0aGUgc2VjcmV0IHlvdSB3ZXJlIGc="],
        },
    )


class SecretWebhookEnvelope(Schema):
    """A response with a webhook and its new secret."""

    data = fields.Nested(SecretWebhookOut, required=True)


class WebhookEnvelope(Schema):
    """A response with a webhook."""

    data = fields.Nested(WebhookOut, required=True)


class WebhookListEnvelope(Schema):
    """All webhooks of a user, oldest first."""

    data = fields.List(fields.Nested(WebhookOut), required=True, validate=Length(max=MAXIMUM_WEBHOOKS))
