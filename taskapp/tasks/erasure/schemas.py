"""The schemas of the request and the response of an erasure."""

from marshmallow import Schema, fields
from marshmallow.validate import Range

from taskapp.http.fields import Parameter
from taskapp.http.input_schema import InputSchema, equals_path_user


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


class Erasure(Schema):
    """The numbers of what was erased."""

    tasks = _number("Tasks.", 3)
    changes = _number("Changes in the log. Also counts the marker of an earlier erasure.", 40)
    keys = _number("Idempotency keys with their stored results.", 1)
    calendars = _number("Calendars. Their URLs are a 404 from now on.", 1)


class ErasureEnvelope(Schema):
    """The result of an erasure."""

    data = fields.Nested(Erasure, required=True)
