"""The schemas of requests and responses.

The schemas of responses are documentation only. Rows become JSON without them, because that is faster.
"""

from types import MappingProxyType
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from taskapp.db.columns import MAXIMUM_ID, USER_ID_LENGTH
from taskapp.http.fields import StrictBoolean, StrictInteger, Text
from taskapp.http.input import InputSchema
from taskapp.http.openapi import ErrorOut
from taskapp.http.request import current_request
from taskapp.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH, WRITABLE_FIELDS
from taskapp.tasks.openapi import CREATED_AT
from taskapp.tasks.service import SORTS, STATUSES

MAXIMUM_LIMIT = 1000


# Not blank and without NUL.
_TITLE_PATTERN = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"


def _title(**options: Any) -> Text:
    blank_or_long = Length(1, TITLE_LENGTH, error="Must be 1 to {max} characters, excluding surrounding white space.")
    about = {
        "description": "Surrounding white space is removed; a blank title is refused.",
        "pattern": _TITLE_PATTERN,
        "examples": ["Buy milk"],
    }
    return Text(strip=True, validate=blank_or_long, metadata=about, **options)


def _description(**options: Any) -> Text:
    about = {
        "description": "`null`, the default, means none; an empty string is kept.",
        "examples": ["Two litres, not the sour kind"],
    }
    return Text(allow_none=True, validate=Length(max=DESCRIPTION_LENGTH), metadata=about, **options)


class TaskIn(InputSchema):
    """A new task."""

    title = _title(required=True)
    description = _description(load_default=None)
    completed = StrictBoolean(load_default=False, metadata={"description": "`false` unless sent."})


class TaskChangesIn(InputSchema):
    """The fields to change; what is not sent keeps its value. `null` clears the description."""

    json_schema = MappingProxyType({"minProperties": 1})

    title = _title()
    description = _description()
    completed = StrictBoolean()

    @validates_schema
    def check_that_something_changes(self, changes: dict[str, Any], **_: Any) -> None:
        """Reject a body without any field to change."""
        if not changes.keys() - {"user_id"}:
            *first, last = WRITABLE_FIELDS
            raise ValidationError(f"Send at least one of {', '.join(first)} and {last}.", "body")


class CompletionIn(InputSchema):
    """Whether the task is completed. Omit the body to toggle."""

    json_schema = MappingProxyType({"required": ["completed"]})
    body_optional = True

    completed = StrictBoolean()

    @validates_schema
    def check_completed(self, completion: dict[str, Any], **_: Any) -> None:
        """Require the field unless the body is missing. An empty object may be the result of a client bug."""
        if "completed" not in completion and current_request().get_data():
            raise ValidationError("Missing data for required field.", "completed")


class ListQuery(InputSchema):
    """Which tasks to list."""

    status = fields.String(
        load_default="all",
        validate=OneOf(STATUSES, error="Must be one of: {choices}."),
        metadata={"description": "Which tasks to list."},
    )
    q = Text(
        load_default=None,
        allow_none=False,
        validate=Length(max=DESCRIPTION_LENGTH),
        metadata={"description": "Text to find in title or description, case-insensitive. No character is a wildcard."},
    )
    sort = fields.String(
        load_default="-id",
        validate=OneOf(SORTS, error="Must be one of: {choices}."),
        metadata={"description": "The order; `-` means descending. Titles sort by code point; ties by id."},
    )
    cursor = fields.String(
        load_default=None,
        allow_none=False,
        metadata={"description": "The `next_cursor` of the previous page, with the same `status`, `q` and `sort`."},
    )
    limit = StrictInteger(
        load_default=MAXIMUM_LIMIT,
        validate=Range(1, MAXIMUM_LIMIT, error="Must be from {min} to {max}."),
        metadata={"description": "Maximum number of tasks on a page."},
    )


class TaskOut(Schema):
    """A task."""

    id = fields.Integer(
        required=True,
        validate=Range(1, MAXIMUM_ID),
        metadata={"format": "int64", "description": "Never changes.", "examples": [1]},
    )
    user_id = fields.String(
        required=True, validate=Length(1, USER_ID_LENGTH), metadata={"description": "The owner.", "examples": ["demo"]}
    )
    title = fields.String(required=True, validate=Length(1, TITLE_LENGTH), metadata={"examples": ["Buy milk"]})
    description = fields.String(
        required=True,
        allow_none=True,
        validate=Length(max=DESCRIPTION_LENGTH),
        metadata={"examples": ["Two litres, not the sour kind"]},
    )
    completed = fields.Boolean(required=True)
    created_at = fields.DateTime(required=True, metadata={"description": "In UTC.", "examples": [CREATED_AT]})
    updated_at = fields.DateTime(
        required=True, metadata={"description": "Of the last change, in UTC.", "examples": [CREATED_AT]}
    )


class TaskEnvelope(Schema):
    """One task."""

    data = fields.Nested(TaskOut, required=True)


class Pagination(Schema):
    """Which part of the list this is."""

    limit = fields.Integer(required=True, validate=Range(1, MAXIMUM_LIMIT))
    next_cursor = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The `cursor` for the next page; `null` on the last one."},
    )


class TaskListEnvelope(Schema):
    """Some of a user's tasks."""

    data = fields.List(fields.Nested(TaskOut), required=True)
    pagination = fields.Nested(Pagination, required=True)


class Deletion(Schema):
    """What a deletion reports."""

    success = fields.Boolean(required=True)
    message = fields.String(required=True)


class DeletionEnvelope(Schema):
    """A task is gone."""

    data = fields.Nested(Deletion, required=True)


class ChangedTaskDetails(Schema):
    """What the version that was asked for has become."""

    current = fields.Nested(TaskOut, required=True)


class ChangedTaskError(ErrorOut):
    """The task has changed; here it is as it is now."""

    details = fields.Nested(ChangedTaskDetails, required=True)  # type: ignore[assignment] # More exactly than there.


class ChangedTaskEnvelope(Schema):
    """The body of a 412."""

    error = fields.Nested(ChangedTaskError, required=True)
