"""The id of a row in a path."""

import re
from typing import Any

from werkzeug.routing import BaseConverter

from taskapp.db.columns import MAXIMUM_ID

_CANONICAL = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
# Ids begin at 1.
NO_ID = 0


class IdConverter(BaseConverter):
    """Takes any segment, so that one that is no id is treated as a row that does not exist.

    ``abc``, ``-1``, ``1.0``, ``01`` and 2^63 get the same 404, after the token was checked.
    """

    def to_python(self, value: str) -> int:
        """Return the id, or :data:`NO_ID`, which no row has."""
        row_id = int(value) if _CANONICAL.fullmatch(value) else NO_ID
        return row_id if row_id <= MAXIMUM_ID else NO_ID


def id_schema(_converter: IdConverter) -> dict[str, Any]:
    """Describe the id for the OpenAPI document."""
    return {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAXIMUM_ID}
