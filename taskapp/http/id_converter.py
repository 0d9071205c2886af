"""The URL converter for the id of a row."""

import re
from typing import Any

from werkzeug.routing import BaseConverter

from taskapp.db.columns import MAXIMUM_ID

# Last segments of paths that could be ids. They are paths of their own with every method.
_RESERVED = ("bulk", "import", "stats")
_CANONICAL = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
# Ids start at 1.
NO_ID = 0


class InvalidId(Exception):
    """The id in the path is not valid."""


class IdConverter(BaseConverter):
    """Matches any path segment but the reserved ones, and treats an invalid id like a row that does not exist.

    So ``abc``, ``-1``, ``1.0``, ``01`` and 2^63 lead to the same 404, after the token was verified.
    """

    regex = rf"(?!(?:{'|'.join(_RESERVED)})\Z)[^/]+"
    part_isolating = True

    def to_python(self, value: str) -> int:
        """Return the id, or :data:`NO_ID` if it is invalid."""
        row_id = int(value) if _CANONICAL.fullmatch(value) else NO_ID
        return row_id if row_id <= MAXIMUM_ID else NO_ID


def id_schema(_converter: IdConverter) -> dict[str, Any]:
    """Return the JSON Schema of an id."""
    return {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAXIMUM_ID}
