"""The schema of responses about the history of a task, for documentation."""

from marshmallow import Schema, fields

from taskapp.tasks.changes.schemas import EntryOut
from taskapp.tasks.response_schemas import Pagination


class HistoryEnvelope(Schema):
    """A page of the history of a task."""

    data = fields.List(fields.Nested(EntryOut), required=True)
    pagination = fields.Nested(Pagination, required=True)
    complete = fields.Boolean(
        required=True,
        metadata={
            "description": "`false` if the task has older changes than those of this page, but they are not known."
        },
    )
