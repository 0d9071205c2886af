"""The schemas of responses about deleted tasks. They are for documentation."""

from marshmallow import Schema, fields
from marshmallow.validate import Range

from taskapp.http.openapi import ErrorOut
from taskapp.tasks.error_schemas import CurrentTask
from taskapp.tasks.examples import UPDATED_AT
from taskapp.tasks.response_schemas import Pagination, TaskOut, time_field


class DeletedTask(TaskOut):
    """A deleted task, as it was."""

    deleted_at = time_field("When the task was deleted, in UTC.", UPDATED_AT)
    change = fields.Integer(
        required=True,
        validate=Range(1),
        metadata={"description": "The number of the write that deleted it, to undo it.", "examples": [2]},
    )


class TrashEnvelope(Schema):
    """A page of the trash."""

    data = fields.List(fields.Nested(DeletedTask), required=True)
    pagination = fields.Nested(Pagination, required=True)


class ExistingTaskError(ErrorOut):
    """The task exists. `details.current` is that task, or the one that has its uid."""

    details = fields.Nested(CurrentTask)  # type: ignore[assignment] # Narrower than in ErrorOut.


class ExistingTaskEnvelope(Schema):
    """The body of a 409 on restore."""

    error = fields.Nested(ExistingTaskError, required=True)
