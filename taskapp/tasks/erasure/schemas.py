"""The schemas of the request and the response of an erasure."""

from typing import Any

from marshmallow import Schema, fields
from marshmallow.validate import Range

from taskapp.http.fields import Parameter
from taskapp.http.input_schema import InputSchema, equals_path_user
from taskapp.tasks.users.tables import USER_TABLES


class ErasureQuery(InputSchema):
    """The query parameter that confirms an erasure."""

    confirm = Parameter(
        required=True,
        validate=equals_path_user,
        error_messages={"required": "Must equal the user id in the path."},
        metadata={"description": "Your user id again, so that nothing is erased by mistake.", "examples": ["demo"]},
    )


def _number(description: str, example: int) -> fields.Integer:
    return fields.Integer(
        required=True, validate=Range(0), metadata={"description": description, "examples": [example]}
    )


_Numbers: Any = Schema.from_dict(
    {name: _number(table.description, table.example) for name, table in USER_TABLES.items()}
)


class Erasure(_Numbers):  # type: ignore[misc] # marshmallow creates this class at run time.
    """The numbers of what was erased."""


class ErasureEnvelope(Schema):
    """The result of an erasure."""

    data = fields.Nested(Erasure, required=True)
