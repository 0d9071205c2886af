"""The files of tasks in the OpenAPI document. Requests do not use this."""

from typing import Any

from taskapp.tasks.examples import EXAMPLE, OTHER_TASK
from taskapp.tasks.transfer.formats import CSV, NDJSON, Form

_TASKS = [OTHER_TASK, EXAMPLE]


def _file(form: Form, description: str) -> dict[str, Any]:
    example = form.write(_TASKS, tuple(EXAMPLE)).decode()
    schema = {"type": "string", "description": description}
    return {"schema": schema, "examples": {"file": {"summary": "Two tasks", "value": example}}}


# The media types of a page of tasks other than JSON.
FILES = {
    NDJSON.content_type: _file(NDJSON, "Each line is a task, as it is in a list in JSON."),
    CSV.content_type: _file(
        CSV, "CSV (RFC 4180) with a header. Each further record is a task. Cells that begin a formula are escaped."
    ),
}
