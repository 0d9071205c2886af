"""The schemas of requests and responses about changes. Those of responses are for documentation."""

from types import MappingProxyType
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Length, OneOf, Range

from taskapp.http.fields import StrictInteger
from taskapp.http.input_schema import InputSchema
from taskapp.http.openapi import ErrorOut
from taskapp.tasks import synonyms
from taskapp.tasks.changes.entries import CHANGING_FIELDS, TYPES
from taskapp.tasks.changes.models import MAXIMUM_NUMBER
from taskapp.tasks.examples import UPDATED_AT
from taskapp.tasks.list_schema import MAXIMUM_LIMIT
from taskapp.tasks.response_schemas import TaskOut, time_field

_DEFAULT_LIMIT = 100


class ChangesQuery(InputSchema):
    """The query parameters of the feed of changes."""

    synonyms = MappingProxyType(
        {
            "after": ("since", "from", "cursor", "start", "sync_token", "token", "as_of", "version", "number"),
            "limit": synonyms.PARAMETERS["limit"],
        }
    )

    after = StrictInteger(
        required=True,
        validate=Range(0, MAXIMUM_NUMBER, error="Must be from {min} to {max}."),
        metadata={
            "description": "The `as_of` of a list, or the `pagination.after` of the page before. 0 is the beginning.",
            "format": "int64",
        },
    )
    limit = StrictInteger(
        load_default=_DEFAULT_LIMIT,
        validate=Range(1, MAXIMUM_LIMIT, error="Must be from {min} to {max}."),
        metadata={"description": "Maximum number of changes per page."},
    )


def _number(description: str, *, example: int = 1042, smallest: int = 1, **options: Any) -> fields.Integer:
    """Return a field for the number of a change."""
    about = {"format": "int64", "description": description, "examples": [example]}
    return fields.Integer(required=True, validate=Range(smallest), metadata=about, **options)


_ChangedField: Any = Schema.from_dict(
    {
        "from": fields.Raw(required=True, allow_none=True, metadata={"description": "The value before."}),
        "to": fields.Raw(required=True, allow_none=True, metadata={"description": "The value after."}),
    },
    name="ChangedField",
)
_ChangedField.__doc__ = "The values of a field before and after a change. `null` if there was no task."


class EntryOut(Schema):
    """A change of a task."""

    number = _number("The numbers of a user's changes are 1, 2, 3 … It is the `version` of the task after the change.")
    write = _number("The number of the first change of the same write, as in the header `Change`.")
    undoes = _number("The number of the write that this one takes back, or `null`.", allow_none=True)
    task_id = fields.Integer(required=True, metadata={"format": "int64", "examples": [7]})
    type = fields.String(
        required=True, validate=OneOf(TYPES), metadata={"description": "A task that was restored was `created`."}
    )
    at = time_field("When the change was made, in UTC. Never earlier than the change before.", UPDATED_AT)
    changed = fields.Dict(
        required=True,
        keys=fields.String(validate=OneOf(CHANGING_FIELDS)),
        values=fields.Nested(_ChangedField),
        metadata={"description": "The fields whose values differ. Empty if an update changed nothing."},
    )


class FeedEntryOut(EntryOut):
    """A change of a task, with the task as it is now."""

    task = fields.Nested(
        TaskOut, required=True, allow_none=True, metadata={"description": "As it is now. `null` if it is gone."}
    )


class FeedPagination(Schema):
    """The position of a page in the feed."""

    limit = fields.Integer(required=True, validate=Range(1, MAXIMUM_LIMIT))
    after = _number("The `after` of the next request, also if nothing is new.", example=1043, smallest=0)
    more = fields.Boolean(required=True, metadata={"description": "Whether more changes follow."})


class FeedEnvelope(Schema):
    """A page of the feed."""

    data = fields.List(fields.Nested(FeedEntryOut), required=True, validate=Length(max=MAXIMUM_LIMIT))
    pagination = fields.Nested(FeedPagination, required=True)


class Restart(Schema):
    """Where to start again."""

    restart = fields.String(
        required=True,
        metadata={
            "format": "uri-reference",
            "description": "The URL of the list.",
            "examples": ["/api/demo/tasks?sort=id&as_of=now"],
        },
    )


class GoneChangesError(ErrorOut):
    """Not every change is known. `details.restart` is the URL of the list from which to start again."""

    details = fields.Nested(Restart, required=True)  # type: ignore[assignment] # Narrower than in ErrorOut.


class GoneChangesEnvelope(Schema):
    """The body of a 410."""

    error = fields.Nested(GoneChangesError, required=True)
