"""The schemas of requests and responses about calendars. Those of responses are for documentation."""

from types import MappingProxyType
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from taskapp.db.columns import MAXIMUM_ID
from taskapp.http.fields import ReadOnly, Text
from taskapp.http.input_schema import InputSchema
from taskapp.tasks import synonyms
from taskapp.tasks.calendars.models import EVENTS, MAXIMUM_ALARM, NAME_LENGTH, TODOS
from taskapp.tasks.calendars.queries import CHANGEABLE, MAXIMUM_CALENDARS
from taskapp.tasks.fields import TimeZone
from taskapp.tasks.response_schemas import time_field

_SYNONYMS = MappingProxyType(
    {
        "name": ("title", "summary", "label", "calendar_name"),
        "time_zone": synonyms.FIELDS["time_zone"],
        "as": ("type", "kind", "component", "format", "mode"),
        "alarm_minutes": ("alarm", "reminder", "reminder_minutes", "remind_before", "valarm"),
    }
)
# Not blank, and without NUL.
_NAME_PATTERN = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"


class _AlarmMinutes(fields.Integer):
    """An integer of at least 0 in JSON, or null."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is not int or not 0 <= value <= MAXIMUM_ALARM:
            raise ValidationError(f"Must be an integer from 0 to {MAXIMUM_ALARM}, or null.")
        return value


def _name(**options: Any) -> Text:
    return Text(
        strip=True,
        visible=True,
        validate=Length(1, NAME_LENGTH, error="Must be 1 to {max} characters, excluding surrounding white space."),
        metadata={
            "description": "What calendar applications call it. Surrounding white space is removed. Must contain a "
            "visible character.",
            "pattern": _NAME_PATTERN,
            "examples": ["Tasks"],
        },
        **options,
    )


def _time_zone(**options: Any) -> TimeZone:
    return TimeZone(
        metadata={
            "description": "The IANA time zone on whose clock alarms for days go off at 09:00. Tasks with a time have "
            "a time zone of their own."
        },
        **options,
    )


def _as(**options: Any) -> fields.String:
    return fields.String(
        validate=OneOf([EVENTS, TODOS], error="Must be one of: {choices}."),
        metadata={
            "description": "What tasks are in the calendar. Most applications show events only.",
            "examples": [EVENTS],
        },
        **options,
    )


def _alarm_minutes(**options: Any) -> fields.Integer:
    about = {
        "description": "Minutes before the time of a task at which an alarm goes off. For a task without a time, it "
        "goes off at 09:00 on the day. `null`: no alarms.",
        "minimum": 0,
        "maximum": MAXIMUM_ALARM,
        "examples": [15],
    }
    return _AlarmMinutes(allow_none=True, metadata=about, **options)


def _schema(names: dict[str, Any]) -> Any:
    # "as" cannot be written as an attribute.
    return InputSchema.from_dict({**names, **{name: ReadOnly() for name in ("id", "created_at", "url")}})


_New: Any = _schema(
    {
        "name": _name(required=True),
        "time_zone": _time_zone(required=True),
        "as": _as(load_default=EVENTS),
        "alarm_minutes": _alarm_minutes(load_default=None),
    }
)
_Changes: Any = _schema(
    {"name": _name(), "time_zone": _time_zone(), "as": _as(), "alarm_minutes": _alarm_minutes()},
)


class CalendarIn(_New):  # type: ignore[misc] # marshmallow creates this class at run time.
    """A new calendar."""

    synonyms = _SYNONYMS


class CalendarChangesIn(_Changes):  # type: ignore[misc] # As above.
    """The fields to change. Other fields stay unchanged."""

    json_schema = MappingProxyType({"minProperties": 1})
    synonyms = _SYNONYMS

    @validates_schema
    def check_that_something_changes(self, changes: dict[str, Any], **_: Any) -> None:
        """Reject an update without any field."""
        if changes.keys().isdisjoint(CHANGEABLE):
            *first, last = CHANGEABLE
            raise ValidationError(f"Send at least one of {', '.join(first)} and {last}.")


_Fields: Any = Schema.from_dict(
    {
        "id": fields.Integer(
            required=True,
            validate=Range(1, MAXIMUM_ID),
            metadata={"description": "Unique in the service.", "format": "int64", "examples": [3]},
        ),
        "name": fields.String(required=True, validate=Length(1, NAME_LENGTH), metadata={"examples": ["Tasks"]}),
        "time_zone": TimeZone(required=True),
        "as": _as(required=True),
        "alarm_minutes": fields.Integer(
            required=True, allow_none=True, validate=Range(0, MAXIMUM_ALARM), metadata={"examples": [15]}
        ),
        "created_at": time_field("When the calendar was created, in UTC."),
    }
)


class CalendarOut(_Fields):  # type: ignore[misc] # As above.
    """A calendar, without its URL."""


class NewCalendarOut(_Fields):  # type: ignore[misc] # As above.
    """A calendar with its URL."""

    url = fields.String(
        required=True,
        metadata={
            "description": "The secret URL to subscribe to. No other response has it. Without a header `Host` in the "
            "request, it is only a path.",
            "format": "uri-reference",
            "examples": ["https://tasks.example/calendars/ZGVtbw.k3Jv0m1x.ics"],
        },
    )


class NewCalendarEnvelope(Schema):
    """A response with a new calendar."""

    data = fields.Nested(NewCalendarOut, required=True)


class CalendarEnvelope(Schema):
    """A response with a calendar."""

    data = fields.Nested(CalendarOut, required=True)


class CalendarListEnvelope(Schema):
    """All calendars of a user, oldest first."""

    data = fields.List(fields.Nested(CalendarOut), required=True, validate=Length(max=MAXIMUM_CALENDARS))
