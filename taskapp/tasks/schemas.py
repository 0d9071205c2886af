"""The schemas of requests and responses.

Response schemas are for documentation. Rows are written as JSON without them.
"""

from types import MappingProxyType
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from taskapp.db.columns import MAXIMUM_ID, USER_ID_LENGTH
from taskapp.http.fields import (
    Parameter,
    ReadOnly,
    StrictBoolean,
    StrictInteger,
    Text,
    UnchangedInteger,
    UnchangedTime,
)
from taskapp.http.input import InputSchema
from taskapp.http.openapi import ErrorOut
from taskapp.http.request import current_request
from taskapp.tasks import synonyms
from taskapp.tasks.models import DESCRIPTION_LENGTH, READ_ONLY_FIELDS, TITLE_LENGTH, WRITABLE_FIELDS, is_time
from taskapp.tasks.openapi import CREATED_AT
from taskapp.tasks.service import SORTS, STATUSES

MAXIMUM_LIMIT = 1000
# The time of a search grows with the length of the text to find, and people type shorter ones.
SEARCH_LENGTH = 200


_TIME_PATTERN = r"\.[0-9]{6}Z$"
# Not blank and without NUL. Which other characters are invisible would take hundreds of ranges.
_TITLE_PATTERN = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"


def _title(**options: Any) -> Text:
    blank_or_long = Length(1, TITLE_LENGTH, error="Must be 1 to {max} characters, excluding surrounding white space.")
    about = {
        "description": "Surrounding white space is removed. Must contain a visible character.",
        "pattern": _TITLE_PATTERN,
        "examples": ["Buy milk"],
    }
    return Text(strip=True, visible=True, validate=blank_or_long, metadata=about, **options)


def _description(**options: Any) -> Text:
    about = {
        "description": "Defaults to `null`. An empty string stays an empty string.",
        "examples": ["Two litres, not the sour kind"],
    }
    return Text(allow_none=True, validate=Length(max=DESCRIPTION_LENGTH), metadata=about, **options)


# Fields that clients cannot set. A new task has no values that they could repeat.
_ReadOnly: Any = InputSchema.from_dict({name: ReadOnly() for name in READ_ONLY_FIELDS})
_Unchanged: Any = InputSchema.from_dict(
    {name: UnchangedTime() if is_time(name) else UnchangedInteger() for name in READ_ONLY_FIELDS}
)


class TaskIn(_ReadOnly):  # type: ignore[misc] # marshmallow creates this class at run time.
    """A new task."""

    synonyms = synonyms.FIELDS

    title = _title(required=True)
    description = _description(load_default=None)
    completed = StrictBoolean(load_default=False, metadata={"description": "Defaults to `false`."})


class TaskChangesIn(_Unchanged):  # type: ignore[misc] # As above.
    """The fields to change. Other fields stay unchanged. `null` clears the description."""

    json_schema = MappingProxyType({"minProperties": 1})
    synonyms = synonyms.FIELDS

    title = _title()
    description = _description()
    completed = StrictBoolean()

    @validates_schema
    def check_that_something_changes(self, changes: dict[str, Any], **_: Any) -> None:
        """Reject an update without any field."""
        if changes.keys().isdisjoint(WRITABLE_FIELDS):
            *first, last = WRITABLE_FIELDS
            raise ValidationError(f"Send at least one of {', '.join(first)} and {last}.", "body")


class CompletionIn(_ReadOnly):  # type: ignore[misc] # As above.
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


class ListQuery(InputSchema):
    """The query parameters of a list."""

    synonyms = synonyms.PARAMETERS

    status = Parameter(
        load_default="all",
        validate=OneOf(STATUSES, error="Must be one of: {choices}."),
        metadata={"description": "Filter by status."},
    )
    q = Text(
        load_default=None,
        allow_none=False,
        validate=Length(max=SEARCH_LENGTH),
        metadata={
            "description": "Text to find in title or description. Case-insensitive, without wildcards. `é` is equal "
            "to `e` with a combining accent."
        },
    )
    sort = Parameter(
        load_default="-id",
        validate=OneOf(SORTS, error="Must be one of: {choices}."),
        metadata={"description": "Sort order. A leading `-` means descending. Titles sort by code point, ties by id."},
    )
    cursor = Parameter(
        load_default=None,
        allow_none=False,
        metadata={"description": "The `next_cursor` of the previous page, with the same `status`, `q` and `sort`."},
    )
    limit = StrictInteger(
        load_default=MAXIMUM_LIMIT,
        validate=Range(1, MAXIMUM_LIMIT, error="Must be from {min} to {max}."),
        metadata={"description": "Maximum number of tasks per page."},
    )


def _time(description: str) -> fields.DateTime:
    about = {"description": description, "pattern": _TIME_PATTERN, "examples": [CREATED_AT]}
    return fields.DateTime(required=True, metadata=about)


class TaskOut(Schema):
    """A task."""

    id = fields.Integer(
        required=True,
        validate=Range(1, MAXIMUM_ID),
        metadata={"format": "int64", "description": "Assigned by the database. Never changes.", "examples": [1]},
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
    created_at = _time("When the task was created, in UTC.")
    updated_at = _time("When the task was last changed, in UTC.")
    version = fields.Integer(
        required=True,
        validate=Range(1),
        metadata={"description": "Increases with every write. In double quotes, it is the `ETag`.", "examples": [1]},
    )


class TaskEnvelope(Schema):
    """A single task."""

    data = fields.Nested(TaskOut, required=True)


class Pagination(Schema):
    """The position of a page in the list."""

    limit = fields.Integer(required=True, validate=Range(1, MAXIMUM_LIMIT))
    next_cursor = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The `cursor` of the next page. `null` on the last page."},
    )


class TaskListEnvelope(Schema):
    """A page of tasks."""

    data = fields.List(fields.Nested(TaskOut), required=True)
    pagination = fields.Nested(Pagination, required=True)


class Deletion(Schema):
    """The confirmation of a deletion."""

    success = fields.Boolean(required=True)
    message = fields.String(required=True)


class DeletionEnvelope(Schema):
    """A confirmation of a deletion."""

    data = fields.Nested(Deletion, required=True)


class ChangedTaskDetails(Schema):
    """The details of a 412."""

    current = fields.Nested(TaskOut, required=True)


class ChangedTaskError(ErrorOut):
    """The task has changed. `details.current` is the current task."""

    details = fields.Nested(ChangedTaskDetails, required=True)  # type: ignore[assignment] # Narrower than in ErrorOut.


class ChangedTaskEnvelope(Schema):
    """The body of a 412."""

    error = fields.Nested(ChangedTaskError, required=True)
