"""The id of a task in a path."""

import re
from typing import Any

from werkzeug.routing import BaseConverter

from taskapp.tasks.models import MAXIMUM_ID

_CANONICAL = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
# Ids begin at 1.
NO_ID = 0


class TaskIdConverter(BaseConverter):
    """Takes any segment, so that what is no id (``abc``, ``-1``, ``1.0``, ``01``, 2^63) is answered as a task that
    does not exist: after the token was checked, and with the same 404.
    """

    def to_python(self, value: str) -> int:
        """Return the id, or :data:`NO_ID`, which no task has."""
        task_id = int(value) if _CANONICAL.fullmatch(value) else NO_ID
        return task_id if task_id <= MAXIMUM_ID else NO_ID


def task_id_schema(_converter: TaskIdConverter) -> dict[str, Any]:
    """Describe the id for the OpenAPI document."""
    return {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAXIMUM_ID}
