"""The schemas of requests and responses about single writes. Those of responses are for documentation."""

from types import MappingProxyType

from marshmallow import Schema, fields
from marshmallow.validate import OneOf, Range

from taskapp.http.input_schema import InputSchema
from taskapp.http.openapi import ErrorOut
from taskapp.tasks.changes.entries import COMPARED_FIELDS, TYPES
from taskapp.tasks.changes.schemas import EntryOut
from taskapp.tasks.parameters import Flag
from taskapp.tasks.response_schemas import Pagination, TaskOut

_ID = {"format": "int64", "examples": [1]}


class UndoQuery(InputSchema):
    """The query parameters of undo."""

    synonyms = MappingProxyType({"dry_run": ("dry", "preview", "simulate", "test", "dryrun", "validate_only")})

    dry_run = Flag(
        metadata={"description": "`true` writes nothing, and returns the tasks as they would become."},
    )


class WriteEnvelope(Schema):
    """The changes of a write."""

    data = fields.List(fields.Nested(EntryOut), required=True)
    pagination = fields.Nested(Pagination, required=True)


class UndoneTask(Schema):
    """What undo did to a task."""

    task_id = fields.Integer(required=True, metadata=_ID)
    type = fields.String(required=True, validate=OneOf(TYPES), metadata={"examples": ["updated"]})
    task = fields.Nested(
        TaskOut, required=True, allow_none=True, metadata={"description": "The task. `null` if it was deleted."}
    )


class UndoOut(Schema):
    """The result of an undo."""

    change = fields.Integer(
        required=True,
        allow_none=True,
        validate=Range(1),
        metadata={"description": "The number of this write. `null` with `dry_run=true`.", "examples": [3]},
    )
    undoes = fields.Integer(
        required=True,
        validate=Range(1),
        metadata={"description": "The number of the write that was undone.", "examples": [2]},
    )
    dry_run = fields.Boolean(required=True, metadata={"description": "Whether nothing was written."})
    results = fields.List(fields.Nested(UndoneTask), required=True)


class UndoEnvelope(Schema):
    """The result of an undo."""

    data = fields.Nested(UndoOut, required=True)


class Conflict(Schema):
    """A task that is in the way of an undo."""

    task_id = fields.Integer(required=True, metadata=_ID)
    changed = fields.List(
        fields.String(validate=OneOf(["id", *COMPARED_FIELDS])),
        required=True,
        metadata={
            "description": "The fields that no longer have the value that the write gave them. `id` if the task is "
            "gone, or is back. `uid` if the task is gone and another one has its `uid`.",
            "examples": [["title"]],
        },
    )
    current = fields.Nested(
        TaskOut,
        required=True,
        allow_none=True,
        metadata={"description": "The task as it is, or the one that has its `uid`. `null` if there is none."},
    )


class ConflictingTasks(Schema):
    """The details of an undo that is not possible."""

    conflicts = fields.List(fields.Nested(Conflict), required=True)


class UndoConflictError(ErrorOut):
    """The write cannot be undone. `details.conflicts` has the tasks that were changed since."""

    details = fields.Nested(ConflictingTasks)  # type: ignore[assignment] # Narrower than in ErrorOut.


class UndoConflictEnvelope(Schema):
    """The body of a 409 on undo."""

    error = fields.Nested(UndoConflictError, required=True)
