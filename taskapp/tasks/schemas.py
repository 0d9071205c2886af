"""What comes in, and what goes out.

The schemas for what goes out document the answers; rows are written as JSON without passing through them.
"""

from typing import Any

from flask import request
from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from taskapp.inputs import InputSchema, StrictBoolean, StrictInteger, Text
from taskapp.tasks.models import DESCRIPTION_LENGTH, MAXIMUM_ID, TITLE_LENGTH, USER_ID_LENGTH
from taskapp.tasks.service import SORTS, STATUSES

MAXIMUM_LIMIT = 1000


def _title(**options: Any) -> Text:
    blank_or_long = Length(1, TITLE_LENGTH, error="Must be 1 to {max} characters, white space around it not counted.")
    return Text(strip=True, validate=blank_or_long, **options)


def _description(**options: Any) -> Text:
    return Text(allow_none=True, validate=Length(max=DESCRIPTION_LENGTH), **options)


class TaskIn(InputSchema):
    """A new task."""

    title = _title(required=True)
    description = _description(load_default=None)
    completed = StrictBoolean(load_default=False)


class TaskChangesIn(InputSchema):
    """The fields to change; what is not sent keeps its value. `null` clears the description."""

    title = _title()
    description = _description()
    completed = StrictBoolean()

    @validates_schema
    def check_that_something_changes(self, changes: dict[str, Any], **_: Any) -> None:
        """Refuse a change of nothing."""
        if not changes.keys() - {"user_id"}:
            raise ValidationError("Send at least one of title, description and completed.", "body")


class CompletionIn(InputSchema):
    """Whether the task is completed. No body at all turns it round."""

    body_optional = True
    completed = StrictBoolean()

    @validates_schema
    def check_completed(self, completion: dict[str, Any], **_: Any) -> None:
        """Take only an absent body for a toggle: an empty object may be a value that got lost."""
        if "completed" not in completion and request.get_data():
            raise ValidationError("Missing data for required field.", "completed")


class ListQuery(InputSchema):
    """Which tasks to list."""

    status = fields.String(load_default="all", validate=OneOf(STATUSES, error="Must be one of: {choices}."))
    q = Text(load_default=None, validate=Length(max=DESCRIPTION_LENGTH))
    sort = fields.String(load_default="-id", validate=OneOf(SORTS, error="Must be one of: {choices}."))
    cursor = fields.String(load_default=None)
    limit = StrictInteger(
        load_default=MAXIMUM_LIMIT, validate=Range(1, MAXIMUM_LIMIT, error="Must be from {min} to {max}.")
    )


class TaskOut(Schema):
    """A task."""

    id = fields.Integer(required=True, validate=Range(1, MAXIMUM_ID), metadata={"format": "int64"})
    user_id = fields.String(required=True, validate=Length(1, USER_ID_LENGTH))
    title = fields.String(required=True, validate=Length(1, TITLE_LENGTH))
    description = fields.String(required=True, allow_none=True, validate=Length(max=DESCRIPTION_LENGTH))
    completed = fields.Boolean(required=True)
    created_at = fields.DateTime(required=True)
    updated_at = fields.DateTime(required=True)


class TaskEnvelope(Schema):
    """One task."""

    data = fields.Nested(TaskOut, required=True)


class Pagination(Schema):
    """Which part of the list this is."""

    limit = fields.Integer(required=True, validate=Range(1, MAXIMUM_LIMIT))
    next_cursor = fields.String(required=True, allow_none=True)


class TaskListEnvelope(Schema):
    """A list of tasks, newest first."""

    data = fields.List(fields.Nested(TaskOut), required=True)
    pagination = fields.Nested(Pagination, required=True)


class Deletion(Schema):
    """What a deletion reports."""

    success = fields.Boolean(required=True)
    message = fields.String(required=True)


class DeletionEnvelope(Schema):
    """A task is gone."""

    data = fields.Nested(Deletion, required=True)
