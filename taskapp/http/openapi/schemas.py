"""The schema of an error body, for the document. ``errors.error_body`` writes the body."""

from marshmallow import Schema, fields


class ErrorOut(Schema):
    """The error."""

    code = fields.String(
        required=True, metadata={"description": "Machine-readable. Branch on this.", "pattern": "^[A-Z_]+$"}
    )
    message = fields.String(required=True, metadata={"description": "Human-readable. One sentence."})
    details = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={
            "description": "Maps each invalid field, parameter or header, or each failed check, to a list of sentences."
        },
    )
    request_id = fields.String(required=True, metadata={"description": "Same as the header `X-Request-ID`."})


class ErrorEnvelope(Schema):
    """The body of every error."""

    error = fields.Nested(ErrorOut, required=True)
