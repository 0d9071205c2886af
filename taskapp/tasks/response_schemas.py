"""The schemas of responses. They are for documentation. Rows are written as JSON without them."""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf, Range

from taskapp.db.columns import MAXIMUM_ID, USER_ID_LENGTH
from taskapp.tasks.examples import CREATED_AT
from taskapp.tasks.fields import ClockTime, Day, Priority, Tags, TimeZone, Uid
from taskapp.tasks.list_schema import MAXIMUM_LIMIT
from taskapp.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH
from taskapp.tasks.recurrence.grammar import LENGTH as RULE_LENGTH
from taskapp.tasks.recurrence.series import COMPLETION, DUE_DATE
from taskapp.tasks.reminders.schemas import ReminderOut
from taskapp.tasks.representation import FIELDS

_TIME_PATTERN = r"\.[0-9]{6}Z$"


def time_field(description: str, example: str = CREATED_AT, **options: Any) -> fields.DateTime:
    """Return the field of a time in UTC, with microseconds.

    Args:
        description: its description in the OpenAPI document.
        example: an example of its value.
        options: further options of the field.
    """
    about = {"description": description, "pattern": _TIME_PATTERN, "examples": [example]}
    return fields.DateTime(required=True, metadata=about, **options)


# The name is a word of Python.
_From: Any = Schema.from_dict(
    {
        "from": fields.String(
            required=True,
            validate=OneOf([DUE_DATE, COMPLETION]),
            metadata={
                "description": "`due_date`: the next day is one of the rule. `completion`: it is counted from the day "
                "on which the task is completed."
            },
        )
    }
)


class RecurrenceOut(_From):  # type: ignore[misc] # marshmallow creates this class at run time.
    """How a task recurs."""

    rule = fields.String(
        required=True,
        validate=Length(max=RULE_LENGTH),
        metadata={
            "description": "The value of an RRULE (RFC 5545), in one form, whatever was sent.",
            "pattern": "^FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;[A-Z]+=[A-Z0-9,+-]+)*$",
            "examples": ["FREQ=WEEKLY;BYDAY=MO"],
        },
    )
    series_id = Uid(required=True, metadata={"description": "The same for all occurrences of the series."})
    occurrence = Day(
        required=True,
        metadata={
            "description": "The day that the task stands for. It stays if `due_date` is moved, and the series goes on "
            "from it.",
            "examples": ["2026-11-30"],
        },
    )
    next = Day(
        required=True,
        allow_none=True,
        metadata={
            "description": "The next day of the rule. A late completion skips days before today. `null` after the last "
            "day, and with `from` `completion`.",
            "examples": ["2026-12-07"],
        },
    )
    last = Day(
        required=True,
        allow_none=True,
        metadata={
            "description": "The day on which the series ends, by `UNTIL` or `COUNT`. `null` if it does not end.",
            "examples": [None],
        },
    )


class TaskOut(Schema):
    """A task."""

    id = fields.Integer(
        required=True,
        validate=Range(1, MAXIMUM_ID),
        metadata={"format": "int64", "description": "Assigned by the database. Never changes.", "examples": [1]},
    )
    uid = Uid(
        required=True,
        allow_none=True,
        metadata={
            "description": "Unique among the tasks of the user. Never changes. `null` only in a replayed response that "
            "was stored before tasks had it."
        },
    )
    user_id = fields.String(
        required=True,
        validate=Length(1, USER_ID_LENGTH),
        metadata={"description": "The owner, from the path. Never changes.", "examples": ["demo"]},
    )
    title = fields.String(required=True, validate=Length(1, TITLE_LENGTH), metadata={"examples": ["Buy milk"]})
    description = fields.String(
        required=True,
        allow_none=True,
        validate=Length(max=DESCRIPTION_LENGTH),
        metadata={"examples": ["Two litres, not the sour kind"]},
    )
    completed = fields.Boolean(required=True)
    completed_at = time_field("When the task was completed, in UTC. `null` if it is not.", allow_none=True)
    priority = Priority(required=True)
    tags = Tags(required=True, metadata={"description": "Sorted by code point."})
    due_date = Day(required=True, allow_none=True)
    due_time = ClockTime(required=True, allow_none=True)
    time_zone = TimeZone(required=True, allow_none=True)
    due_at = time_field(
        "The instant of `due_date`, `due_time` and `time_zone`. `null` without a `due_time`.", allow_none=True
    )
    recurrence = fields.Nested(
        RecurrenceOut, required=True, allow_none=True, metadata={"description": "`null` if the task does not recur."}
    )
    reminder = fields.Nested(
        ReminderOut, required=True, allow_none=True, metadata={"description": "`null` if there is none."}
    )
    reminded_at = time_field("When the service reminded of the task. `null` while that is pending.", allow_none=True)
    created_at = time_field("When the task was created, in UTC.")
    updated_at = time_field("When the task was last changed, in UTC.")
    version = fields.Integer(
        required=True,
        validate=Range(1),
        metadata={
            "description": "The number of the user's change that made this state. In double quotes, it is the `ETag`.",
            "examples": [1],
        },
    )


class TaskEnvelope(Schema):
    """A single task."""

    data = fields.Nested(TaskOut, required=True)
    next = fields.Nested(
        TaskOut, metadata={"description": "The next occurrence of a recurring task, if this write created it."}
    )


class Pagination(Schema):
    """The position of a page in the list."""

    limit = fields.Integer(required=True, validate=Range(1, MAXIMUM_LIMIT))
    next_cursor = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The `cursor` of the next page. `null` on the last page."},
    )
    total = fields.Integer(
        validate=Range(0),
        metadata={"description": "With `count=true`: the number of tasks on all pages together.", "examples": [61]},
    )


class PartialTask(TaskOut):
    """A task with only the fields in the parameter `fields`, and `id`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "partial": [name for name in FIELDS if name != "id"]})


class ListedTask(PartialTask):
    """A task of a list: whole, unless the request has the parameter `fields`."""

    # A whole task comes first: generated clients take the first that fits. A part of a task is not one of them only.
    alternatives = (TaskOut, PartialTask)
    combination = "anyOf"


class TaskListEnvelope(Schema):
    """A page of tasks."""

    data = fields.List(fields.Nested(ListedTask), required=True)
    as_of = fields.Integer(
        validate=Range(0),
        metadata={
            "format": "int64",
            "description": "With `as_of`: the number of the newest change that the page contains. 0 if there is none.",
            "examples": [1043],
        },
    )
    pagination = fields.Nested(Pagination, required=True)


class Deletion(Schema):
    """The confirmation of a deletion."""

    success = fields.Boolean(required=True)
    message = fields.String(required=True)


class DeletionEnvelope(Schema):
    """A confirmation of a deletion."""

    data = fields.Nested(Deletion, required=True)
