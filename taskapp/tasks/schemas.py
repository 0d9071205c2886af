"""The schemas of requests."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, validates_schema
from marshmallow.validate import Length

from taskapp.http.fields import (
    ReadOnly,
    StrictBoolean,
    Text,
    UnchangedInteger,
    UnchangedTime,
    UnchangedUuid,
)
from taskapp.http.input_schema import InputSchema
from taskapp.http.request import current_request
from taskapp.tasks import synonyms
from taskapp.tasks.fields import ClockTime, Day, Priority, Tags, TimeZone, Uid
from taskapp.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH
from taskapp.tasks.recurrence.schemas import ChecksRecurrence, Recurrence, RecurrenceChangeIn, RecurrenceIn
from taskapp.tasks.reminders.schemas import NEEDS_OF_REMINDER, Reminder, check_new_reminder
from taskapp.tasks.representation import (
    CREATABLE_FIELDS,
    NULLABLE_FIELDS,
    READ_ONLY_FIELDS,
    WRITABLE_FIELDS,
    is_time,
)
from taskapp.tasks.rules import NEEDS

# Not blank and without NUL. Which other characters are invisible would take hundreds of ranges.
_TITLE_PATTERN = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"


def title_field(**options: Any) -> Text:
    """Return the field of a title."""
    blank_or_long = Length(1, TITLE_LENGTH, error="Must be 1 to {max} characters, excluding surrounding white space.")
    about = {
        "description": "Surrounding white space is removed. Must contain a visible character.",
        "pattern": _TITLE_PATTERN,
        "examples": ["Buy milk"],
    }
    return Text(strip=True, visible=True, validate=blank_or_long, metadata=about, **options)


def description_field(**options: Any) -> Text:
    """Return the field of a description."""
    about = {
        "description": "Defaults to `null`. An empty string stays an empty string.",
        "examples": ["Two litres, not the sour kind"],
    }
    return Text(allow_none=True, validate=Length(max=DESCRIPTION_LENGTH), metadata=about, **options)


def _unchanged(name: str) -> ReadOnly:
    allow_none = name in NULLABLE_FIELDS
    if is_time(name):
        return UnchangedTime(allow_none=allow_none)
    return UnchangedUuid() if name in CREATABLE_FIELDS else UnchangedInteger()


# Fields that clients cannot set. A new task has no values that they could repeat.
ReadOnlyFields: Any = InputSchema.from_dict({name: ReadOnly() for name in READ_ONLY_FIELDS})
Unchanged: Any = InputSchema.from_dict({name: _unchanged(name) for name in READ_ONLY_FIELDS})


def _needs(name: str, *others: str) -> dict[str, Any]:
    """Return the JSON Schema of a field that is null, or comes with others that are not."""
    strings = {other: {"type": "string"} for other in others}
    return {"anyOf": [{"properties": {name: {"type": "null"}}}, {"required": [*others], "properties": strings}]}


class Dated(ChecksRecurrence):
    """The fields that say when a task is due, and their rules."""

    due_date = Day(
        allow_none=True,
        metadata={"description": "A day, which no time zone changes. `null` also clears `due_time` and `time_zone`."},
    )
    due_time = ClockTime(
        allow_none=True,
        metadata={
            "description": "A time on the clock of `time_zone`. Needs `due_date` and `time_zone`. `null`: all day."
        },
    )
    time_zone = TimeZone(
        allow_none=True,
        metadata={
            "description": "The name of an IANA time zone. An old name becomes the current one: `Asia/Calcutta` is "
            "stored as `Asia/Kolkata`. Needs `due_date`."
        },
    )
    recurrence: Any = Recurrence(RecurrenceIn)
    reminder = Reminder()


NEEDS_OF_RECURRENCE = MappingProxyType({"recurrence": _needs("recurrence", "due_date", "time_zone")})


def check_new_due(task: Mapping[str, Any]) -> None:
    """Reject a time without a day and a zone, and a zone without a day.

    Raises:
        ValidationError: for the field that needs another one.
    """
    for name, needed in (("due_time", ("due_date", "time_zone")), ("time_zone", ("due_date",))):
        if task.get(name) is not None and any(task.get(other) is None for other in needed):
            raise ValidationError(NEEDS[name], name)


class TaskIn(Dated, ReadOnlyFields):  # type: ignore[misc] # marshmallow creates this class at run time.
    """A new task."""

    json_schema = MappingProxyType(
        {
            "dependentSchemas": {
                "due_time": _needs("due_time", "due_date", "time_zone"),
                "time_zone": _needs("time_zone", "due_date"),
                **NEEDS_OF_RECURRENCE,
                **NEEDS_OF_REMINDER,
            }
        }
    )
    synonyms = synonyms.FIELDS

    uid = Uid(metadata={"description": "Unique among your tasks. Made by the service if you omit it."})
    title = title_field(required=True)
    description = description_field(load_default=None)
    completed = StrictBoolean(load_default=False, metadata={"description": "Defaults to `false`."})
    priority = Priority(load_default=None)
    tags = Tags(allow_none=True)

    @validates_schema
    def check_due(self, task: dict[str, Any], **_: Any) -> None:
        """Reject a time without a day and a zone, a zone without a day, and a reminder before no time."""
        check_new_due(task)
        if task.get("reminder"):
            check_new_reminder(task)


# The JSON Schema of tags that are either set or changed.
EITHER_TAGS = MappingProxyType({"not": {"anyOf": [{"required": ["add_tags"]}, {"required": ["remove_tags"]}]}})


class ChangesOfTask(Dated):
    """The fields of a change, and their rules."""

    title = title_field()
    description = description_field()
    completed = StrictBoolean()
    priority = Priority()
    tags = Tags(allow_none=True)
    add_tags = Tags(
        metadata={
            "description": "Tags to add to those of the task. Not together with `tags`.",
            "examples": [["errand"]],
        }
    )
    remove_tags = Tags(
        metadata={
            "description": "Tags to remove from those of the task. Not together with `tags`.",
            "examples": [["home"]],
        }
    )

    @validates_schema
    def check_that_something_changes(self, changes: dict[str, Any], **_: Any) -> None:
        """Reject an update without any field."""
        changeable = (*WRITABLE_FIELDS, "add_tags", "remove_tags")
        if changes.keys().isdisjoint(changeable):
            *first, last = changeable
            raise ValidationError(f"Send at least one of {', '.join(first)} and {last}.")

    @validates_schema
    def check_due(self, changes: dict[str, Any], **_: Any) -> None:
        """Reject a time or a zone together with a day that is cleared. The database knows the other fields."""
        if "due_date" in changes and changes["due_date"] is None:
            for name in ("due_time", "time_zone"):
                if changes.get(name) is not None:
                    raise ValidationError(NEEDS[name], name)

    @validates_schema
    def check_tags(self, changes: dict[str, Any], **_: Any) -> None:
        """Reject tags that are both set and changed, or both added and removed."""
        added, removed = changes.get("add_tags"), changes.get("remove_tags")
        for name, value in (("add_tags", added), ("remove_tags", removed)):
            if value is not None and "tags" in changes:
                raise ValidationError("Must not be sent together with tags.", name)
        if both := set(added or ()) & set(removed or ()):
            raise ValidationError(f"Must not contain a tag of add_tags: {min(both)}.", "remove_tags")


class TaskChangesIn(ChangesOfTask, Unchanged):  # type: ignore[misc] # As above.
    """The fields to change. Other fields stay unchanged. `null` clears a field other than `title` and `completed`."""

    json_schema = MappingProxyType(
        {"minProperties": 1, "dependentSchemas": {"tags": dict(EITHER_TAGS), **NEEDS_OF_RECURRENCE}}
    )
    synonyms = synonyms.FIELDS

    recurrence = Recurrence(RecurrenceChangeIn)


class CompletionIn(ReadOnlyFields):  # type: ignore[misc] # As above.
    """The value to set. Omit the body to toggle."""

    json_schema = MappingProxyType({"required": ["completed"]})
    body_optional = True
    synonyms = synonyms.FIELDS

    completed = StrictBoolean()

    @validates_schema
    def check_completed(self, completion: dict[str, Any], **_: Any) -> None:
        """Toggle only if the body is absent. An empty object may be a client bug."""
        if "completed" not in completion and current_request().get_data():
            raise ValidationError("Missing data for required field.", "completed")
