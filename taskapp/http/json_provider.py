"""JSON for Flask: strict parsing, fast serialization."""

from datetime import datetime
from typing import Any

import orjson
from flask import Response
from flask.json.provider import JSONProvider
from werkzeug.datastructures import Headers

from taskapp.http.json_text import loads

# Naive datetimes are in UTC, and are written as RFC 3339 with a Z. The newline at the end is for terminals.
OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


def with_microseconds(time: datetime | None) -> datetime | str | None:
    """Return a naive datetime in UTC such that it always has six digits of microseconds in JSON.

    orjson omits them if they are zero. Then times have different lengths, and do not sort as text.
    """
    return time if time is None or time.microsecond else f"{time.isoformat()}.000000Z"


class JSONResponse(Response):
    """A response whose headers are sent unchanged. werkzeug's own class copies and corrects them each time.

    Such a response must have a body, and a ``Location`` must be an ASCII URL.
    """

    def get_wsgi_headers(self, _environ: dict[str, Any]) -> Headers:
        """Return the headers."""
        return self.headers


def json_response(value: Any) -> Response:
    """Return a response with status 200 and a value as JSON."""
    return JSONResponse(orjson.dumps(value, option=OPTIONS), content_type="application/json")


class StrictJSONProvider(JSONProvider):
    """The JSON provider of the application, ``app.json``."""

    def dumps(self, obj: Any, *, indent: int | None = None, **_: Any) -> str:
        """Return a value as JSON text. Any ``indent`` other than None or 0 means 2 spaces."""
        return orjson.dumps(obj, option=OPTIONS | (orjson.OPT_INDENT_2 if indent else 0)).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Parse JSON text; see :func:`loads`."""
        return loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a response with a value as JSON."""
        return json_response(self._prepare_response_obj(args, kwargs))
