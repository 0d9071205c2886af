"""The schemas of error responses that have a task. They are for documentation."""

from marshmallow import Schema, fields
from marshmallow.validate import OneOf

from taskapp.http.openapi import ErrorOut
from taskapp.tasks.changes.entries import CHANGING_FIELDS
from taskapp.tasks.response_schemas import TaskOut


class CurrentTask(Schema):
    """The details of an error about the state of a task."""

    current = fields.Nested(TaskOut, required=True)


class ChangedTask(CurrentTask):
    """The details of an error about a task that has changed."""

    changed = fields.List(
        fields.String(validate=OneOf(CHANGING_FIELDS)),
        required=True,
        allow_none=True,
        metadata={
            "description": "The fields that changed since the version in `If-Match`, even if they changed back. `null` "
            "if that is unknown: the service keeps changes for a limited time, and the tag must be one of this task.",
            "examples": [["title"]],
        },
    )


class ChangedTaskError(ErrorOut):
    """The task has changed. `details.current` is the current task."""

    details = fields.Nested(ChangedTask, required=True)  # type: ignore[assignment] # Narrower than in ErrorOut.


class ChangedTaskEnvelope(Schema):
    """The body of a 412."""

    error = fields.Nested(ChangedTaskError, required=True)


class TakenUidError(ErrorOut):
    """The task exists. `details.current` is that task, unless the first request with the key is still in progress."""

    details = fields.Nested(CurrentTask)  # type: ignore[assignment] # As above.


class TakenUidEnvelope(Schema):
    """The body of a 409 on a new task."""

    error = fields.Nested(TakenUidError, required=True)
