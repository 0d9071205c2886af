"""The schemas of requests and responses about tags. Those of responses are for documentation."""

from types import MappingProxyType
from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Range

from taskapp.http.input_schema import InputSchema
from taskapp.tasks.fields import Tag
from taskapp.tasks.response_schemas import Deletion, Pagination

_NAME = MappingProxyType({"name": ("tag", "label", "title", "new_name", "to", "old_name", "from")})
_TASKS = {"description": "The number of tasks that were changed.", "examples": [12]}


def _tag(description: str, example: str, **options: Any) -> Tag:
    return Tag(required=True, metadata={"description": description, "examples": [example]}, **options)


class TagQuery(InputSchema):
    """The query parameter that names a tag."""

    synonyms = _NAME

    # The body of a rename has a field of the same name.
    name = _tag(
        "The tag. It is in the query, because a path cannot carry a slash.",
        "home",
        error_messages={"required": "Is needed in the query, as ?name=home."},
    )


class TagIn(InputSchema):
    """The new name of a tag."""

    synonyms = _NAME

    name = _tag("Surrounding white space is removed. Stored in NFC. Must contain a visible character.", "house")


class TagOut(Schema):
    """A tag, with the numbers of tasks that have it."""

    name = Tag(required=True, metadata={"examples": ["home"]})
    pending = fields.Integer(required=True, validate=Range(0), metadata={"examples": [3]})
    total = fields.Integer(required=True, validate=Range(1), metadata={"examples": [12]})


class TagListEnvelope(Schema):
    """A page of tags, by code point."""

    data = fields.List(fields.Nested(TagOut), required=True)
    pagination = fields.Nested(Pagination, required=True)


class RenamedTag(Schema):
    """The new name of a tag."""

    name = Tag(required=True, metadata={"examples": ["house"]})
    tasks = fields.Integer(required=True, validate=Range(0), metadata=_TASKS)


class RenamedTagEnvelope(Schema):
    """The result of a rename."""

    data = fields.Nested(RenamedTag, required=True)


class RemovedTag(Deletion):
    """The confirmation of a removal."""

    tasks = fields.Integer(required=True, validate=Range(1), metadata=_TASKS)


class RemovedTagEnvelope(Schema):
    """A confirmation of a removal."""

    data = fields.Nested(RemovedTag, required=True)
