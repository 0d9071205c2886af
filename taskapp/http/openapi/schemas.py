"""The schema of error bodies, for the document. ``errors.error_body`` writes them."""

from marshmallow import Schema, fields


class ErrorOut(Schema):
    """What went wrong."""

    code = fields.String(
        required=True, metadata={"description": "Machine-readable; branch on this.", "pattern": "^[A-Z_]+$"}
    )
    message = fields.String(required=True, metadata={"description": "One sentence for a person."})
    details = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "From each field, parameter, header or check to what is wrong with it."},
    )
    request_id = fields.String(required=True, metadata={"description": "The same as in the header `X-Request-ID`."})


class ErrorEnvelope(Schema):
    """The body of every error."""

    error = fields.Nested(ErrorOut, required=True)
