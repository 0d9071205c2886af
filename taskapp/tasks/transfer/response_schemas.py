"""The schemas of responses of imports. They are for documentation."""

from marshmallow import Schema, fields
from marshmallow.validate import OneOf, Range

from taskapp.db.columns import MAXIMUM_ID
from taskapp.tasks.bulk.response_schemas import ManyWrittenOut
from taskapp.tasks.transfer.checks import MAXIMUM_LINES
from taskapp.tasks.transfer.service import RESULTS


class LineResult(Schema):
    """The result of a line."""

    line = fields.Integer(
        required=True, validate=Range(1), metadata={"description": "Its number in the file, from 1.", "examples": [17]}
    )
    id = fields.Integer(
        required=True,
        allow_none=True,
        validate=Range(1, MAXIMUM_ID),
        metadata={
            "format": "int64",
            "description": "The id of the task. `null` if it would be created, with `dry_run=true`.",
            "examples": [204],
        },
    )
    result = fields.String(
        required=True,
        validate=OneOf(RESULTS),
        metadata={
            "description": "`unchanged`: the task is as the line says. `skipped`: it differs, and was left as it is."
        },
    )
    cut = fields.List(
        fields.String(validate=OneOf(["title", "description"])),
        metadata={"description": "With `long_text=cut`: the fields whose text was cut."},
    )


def _number(description: str, example: int) -> fields.Integer:
    about = {"description": description, "examples": [example]}
    return fields.Integer(required=True, validate=Range(0, MAXIMUM_LINES), metadata=about)


class ImportOut(ManyWrittenOut):
    """The result of an import."""

    created = _number("Tasks that were created.", 1)
    updated = _number("Tasks that were updated.", 0)
    unchanged = _number("Lines whose tasks are as the lines say.", 1)
    skipped = _number("Lines whose tasks differ, and were left as they are.", 0)
    lines = fields.List(fields.Nested(LineResult), required=True, metadata={"description": "In the order of the file."})


class ImportEnvelope(Schema):
    """The result of an import."""

    data = fields.Nested(ImportOut, required=True)
