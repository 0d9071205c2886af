"""JSON in and out: strict about what comes in, fast with what goes out."""

import json
from typing import Any, NoReturn

import orjson
from flask import Response
from flask.json.provider import JSONProvider
from werkzeug.datastructures import Headers

# RFC 3339, written with a Z: times without a zone are in UTC. A newline at the end, for people at a terminal.
OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE


class DuplicateName(ValueError):
    """An object names a member twice, so that one of its values would be lost (RFC 7493, section 2.3)."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        raise DuplicateName(next(name for name in names if names.count(name) > 1))
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# json.loads would make one for each text.
_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant)


class JSONResponse(Response):
    """A response whose headers are sent as they are; werkzeug's own copies them and looks for what to correct.

    It always has a body, and what is put into ``Location`` must be a URL in ASCII.
    """

    def get_wsgi_headers(self, _environ: dict[str, Any]) -> Headers:
        """Return the headers."""
        return self.headers


def loads(text: str | bytes) -> Any:
    """Read JSON text (RFC 8259).

    With the standard library's parser: unlike orjson it tells a lone surrogate (valid JSON, but no valid value) from
    broken text, and lets duplicate names be noticed.

    Raises:
        DuplicateName: an object has two members of one name.
        ValueError: it is not JSON, or not UTF-8, or has a number of thousands of digits.
        RecursionError: it is nested too deep to be read.
    """
    return _decoder.decode(text.decode() if isinstance(text, bytes) else text)


def json_response(value: Any) -> Response:
    """Return a response with a value as JSON, status 200."""
    return JSONResponse(orjson.dumps(value, option=OPTIONS), content_type="application/json")


class StrictJSONProvider(JSONProvider):
    """What ``app.json`` is."""

    def dumps(self, obj: Any, *, indent: int | None = None, **_: Any) -> str:
        """Write a value as JSON text, for people where ``indent`` says so."""
        return orjson.dumps(obj, option=OPTIONS | (orjson.OPT_INDENT_2 if indent else 0)).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Read JSON text; see :func:`loads`."""
        return loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a response with a value as JSON."""
        return json_response(self._prepare_response_obj(args, kwargs))
