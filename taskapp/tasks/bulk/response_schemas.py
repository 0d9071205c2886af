"""The schemas of responses of writes of many tasks. They are for documentation."""

from marshmallow import Schema, fields
from marshmallow.validate import OneOf, Range

from taskapp.db.columns import MAXIMUM_ID
from taskapp.http.openapi import ErrorOut
from taskapp.tasks.changes.batch import MAXIMUM_OPERATIONS
from taskapp.tasks.response_schemas import TaskOut


class WrittenTask(TaskOut):
    """A task after the write. With `dry_run=true`, a new task has no `id`, `uid` and `version` yet."""

    id = fields.Integer(required=True, allow_none=True, validate=Range(1, MAXIMUM_ID), metadata={"format": "int64"})
    version = fields.Integer(required=True, allow_none=True, validate=Range(1))


class BulkResult(Schema):
    """The result of an operation: `task`, or `id` if the task was deleted; and `next` if it created that."""

    status = fields.Integer(
        required=True, validate=OneOf([200, 201]), metadata={"description": "201 if the task was created."}
    )
    task = fields.Nested(WrittenTask)
    next = fields.Nested(
        WrittenTask,
        metadata={"description": "The next occurrence, if the operation completed a task that recurs and created it."},
    )
    id = fields.Integer(
        validate=Range(1, MAXIMUM_ID), metadata={"format": "int64", "description": "The id of the deleted task."}
    )


class ManyWrittenOut(Schema):
    """What the result of any write of many tasks has."""

    change = fields.Integer(
        required=True,
        allow_none=True,
        validate=Range(1),
        metadata={
            "description": "The number of this write, by which it can be undone. `null` if nothing was written.",
            "examples": [2],
        },
    )
    dry_run = fields.Boolean(required=True, metadata={"description": "Whether nothing was written."})


class BulkOut(ManyWrittenOut):
    """The result of a write of many tasks."""

    results = fields.List(
        fields.Nested(BulkResult),
        required=True,
        metadata={"description": "In the order of the operations. By filter: one for each task that was written."},
    )


class BulkEnvelope(Schema):
    """The result of a write of many tasks."""

    data = fields.Nested(BulkOut, required=True)


class FailedOperation(Schema):
    """An operation that cannot be applied."""

    index = fields.Integer(
        required=True, validate=Range(0), metadata={"description": "Its place in `operations`, from 0."}
    )
    id = fields.Integer(
        required=True,
        allow_none=True,
        validate=Range(1, MAXIMUM_ID),
        metadata={"format": "int64", "description": "The id of its task. `null` if it would create one."},
    )
    code = fields.String(
        required=True,
        validate=OneOf(["TASK_NOT_FOUND", "PRECONDITION_FAILED", "CONFLICT", "VALIDATION_ERROR"]),
        metadata={"description": "The code that the error of the single write would have."},
    )
    details = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "For `VALIDATION_ERROR`: maps each field that breaks a rule to a list of sentences."},
    )
    current = fields.Nested(
        TaskOut,
        required=True,
        allow_none=True,
        metadata={"description": "The task as it is, or the one that has the `uid`. `null` if there is none."},
    )


class NotAppliedDetails(Schema):
    """The details of a write that was not applied: the operations that fail, or the limit that too many tasks pass."""

    failed = fields.List(fields.Nested(FailedOperation))
    max_affected = fields.Integer(
        validate=Range(1, MAXIMUM_OPERATIONS), metadata={"description": "For `TOO_MANY_AFFECTED`."}
    )


class NotAppliedError(ErrorOut):
    """Nothing was written. `details.failed` has each operation that cannot be applied, in their order."""

    details = fields.Nested(NotAppliedDetails)  # type: ignore[assignment] # Narrower than in ErrorOut.


class NotAppliedEnvelope(Schema):
    """The body of a 409 on a write of many tasks."""

    error = fields.Nested(NotAppliedError, required=True)
