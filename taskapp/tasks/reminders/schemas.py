"""The reminder of a task in requests and responses."""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Range

from taskapp.http.input_schema import InputSchema, Object
from taskapp.tasks.fields import FIRST_DAY, LAST_DAY
from taskapp.tasks.reminders.documents import MAXIMUM_MINUTES
from taskapp.tasks.rules import NEEDS

_EXAMPLE = '{"minutes_before": 30}'
_NEEDED = ("due_date", "due_time", "time_zone")
# RFC 3339, section 5.6. Digits beyond microseconds are dropped.
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)[0-9]*(Z|[+-][0-9]{2}:[0-9]{2})"
)


class _Minutes(fields.Integer):
    """An integer in JSON, from 0 to four weeks."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is not int or not 0 <= value <= MAXIMUM_MINUTES:
            raise ValidationError(f"Must be an integer from 0 to {MAXIMUM_MINUTES}, which is four weeks.")
        return value


class _Instant(fields.Field[Any]):
    """A time (RFC 3339) with an offset. Returned as text in UTC, as in responses."""

    default_error_messages = {  # noqa: RUF012 # As in marshmallow.
        "invalid": "Must be a time with Z or an offset, such as 2026-12-24T08:00:00Z.",
        "range": f"Must be from {FIRST_DAY} to {LAST_DAY}.",
    }

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        match = _TIME.fullmatch(value.upper()) if isinstance(value, str) else None
        if match is None:
            raise self.make_error("invalid")
        try:
            time = datetime.fromisoformat(match[1] + match[2]).astimezone(UTC)
        except ValueError:
            raise ValidationError("Must be a time that exists.") from None
        except OverflowError:
            raise self.make_error("range") from None
        if not date.fromisoformat(FIRST_DAY) <= time.date() <= date.fromisoformat(LAST_DAY):
            raise self.make_error("range")
        return f"{time.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


class ReminderIn(InputSchema):
    """When to remind of a task: some minutes before it is due, or at a time."""

    json_schema = MappingProxyType({"minProperties": 1, "maxProperties": 1})
    synonyms = MappingProxyType(
        {
            "minutes_before": ("minutes", "minute_offset", "offset", "before", "reminder_minutes", "mm_offset", "lead"),
            "at": ("time", "remind_at", "date", "datetime", "date_time", "when", "due", "timestamp"),
        }
    )

    minutes_before = _Minutes(
        metadata={
            "description": "So many minutes before `due_at`. Needs `due_date`, `due_time` and `time_zone`, and moves "
            "with them.",
            "minimum": 0,
            "maximum": MAXIMUM_MINUTES,
            "examples": [30],
        }
    )
    at = _Instant(
        metadata={
            "type": "string",
            "format": "date-time",
            "description": "At this time, wherever the task moves. If it has passed, at once.",
            "examples": ["2026-12-24T08:00:00Z"],
        }
    )

    @validates_schema
    def check_that_it_is_one(self, reminder: dict[str, Any], **_: Any) -> None:
        """Reject a reminder with both, or without any."""
        if len(reminder) != 1:
            raise ValidationError("Send either minutes_before or at.")


class Reminder(Object):
    """The reminder of a task, an object or null."""

    def __init__(self) -> None:
        about = (
            "When to remind of the task: an object with either `minutes_before` or `at`. `null`: not at all. A change "
            "of it, or of what it counts from, makes it pending again."
        )
        super().__init__(ReminderIn, allow_none=True, metadata={"description": about})

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError(f"Must be an object such as {_EXAMPLE}, or null.")
        return super()._deserialize(value, *args, **options)


def check_new_reminder(task: Mapping[str, Any]) -> None:
    """Reject minutes before a time that a new task does not have.

    Raises:
        ValidationError: for the minutes.
    """
    if "minutes_before" in (task.get("reminder") or ()) and any(task.get(name) is None for name in _NEEDED):
        raise ValidationError({"reminder": {"minutes_before": [NEEDS["reminder.minutes_before"]]}})


# The JSON Schema of a new task with a reminder. Null is no object, so `required` does not apply to it.
NEEDS_OF_REMINDER = MappingProxyType(
    {
        "reminder": {
            "anyOf": [
                {"properties": {"reminder": {"required": ["at"]}}},
                {"required": [*_NEEDED], "properties": {name: {"type": "string"} for name in _NEEDED}},
            ]
        }
    }
)


class ReminderOut(Schema):
    """When to remind of a task. It has either `minutes_before` or `at`."""

    minutes_before = fields.Integer(
        validate=Range(0, MAXIMUM_MINUTES),
        metadata={"description": "So many minutes before `due_at`.", "examples": [30]},
    )
    at = fields.DateTime(metadata={"description": "At this time, in UTC.", "examples": ["2026-12-24T08:00:00.000000Z"]})
