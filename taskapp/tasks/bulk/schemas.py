"""PROVISIONAL."""

from marshmallow import fields

from taskapp.http.input import InputSchema
from taskapp.tasks.undo.schemas import UndoQuery as BulkQuery  # noqa


class BulkIn(InputSchema):
    operations = fields.Raw()
    filter = fields.Raw()
    op = fields.Raw()
    max_affected = fields.Raw()
    title = fields.Raw()
    completed = fields.Raw()
    priority = fields.Raw()
    add_tags = fields.Raw()
    remove_tags = fields.Raw()
    tags = fields.Raw()
    due_date = fields.Raw()


from taskapp.tasks.response_schemas import TaskEnvelope as BulkEnvelope, TaskEnvelope as NotAppliedEnvelope  # noqa
