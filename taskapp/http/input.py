"""Parses and validates the body and the query parameters of requests.

A view declares its input with ``@bp.arguments``, as in flask-smorest. :func:`read_input` loads it and rejects anything
that is not declared or appears twice. Nothing is ignored or guessed.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, cast

from flask import current_app
from marshmallow import ValidationError

from taskapp.http import json_text
from taskapp.http.content import check_content
from taskapp.http.errors import BodyTooLarge, InvalidInput, MalformedRequest
from taskapp.http.id_converter import NO_ID, InvalidId
from taskapp.http.input_errors import describe_errors
from taskapp.http.input_schema import InputSchema
from taskapp.http.json_text import DuplicateName, InvalidJSON, NotText, decode
from taskapp.http.request import MAXIMUM_BODY, Request, current_request
from taskapp.http.unknown_names import MAXIMUM_NAMES


def describe_size(number: int) -> str:
    """Return a number of bytes in KiB or MiB."""
    return f"{number // 2**20} MiB" if number % 2**20 == 0 else f"{number // 2**10} KiB"


class NoInput(InputSchema):
    """The query string or the body of a view that declares none."""

    body_optional = True


_no_input = NoInput()


def _read_bytes(request: Request) -> bytes:
    """Return the body.

    Raises:
        MalformedRequest: the body is incomplete.
        BodyTooLarge: the body exceeds ``request.maximum_body``.
    """
    length, maximum = request.content_length or 0, request.maximum_body
    if length > maximum or len(body := request.get_data()) > maximum:
        raise BodyTooLarge(f"The body exceeds {describe_size(maximum)}.")
    if len(body) < length:
        raise MalformedRequest("The body is shorter than its Content-Length.")  # RFC 9112, section 8: incomplete.
    return body


def _read_text(request: Request, media_types: Sequence[str]) -> str:
    """Return the body as text, without a byte order mark.

    Raises:
        UnsupportedContentCoding, UnsupportedMediaType: see :func:`taskapp.http.content.check_content`.
        MalformedRequest: the body is incomplete or not in UTF-8.
        BodyTooLarge: as :func:`_read_bytes`.
    """
    body = _read_bytes(request)
    check_content(request, media_types)
    try:
        return decode(body)
    except NotText as error:
        raise MalformedRequest(str(error)) from None


def _read_body(request: Request, schema: InputSchema) -> Mapping[str, Any]:
    """Return the body, a JSON object; an empty mapping if there is no body and the schema allows that.

    Raises:
        UnsupportedContentCoding, UnsupportedMediaType: see :func:`taskapp.http.content.check_content`.
        MalformedRequest: the body is missing, incomplete, or not a JSON object in UTF-8.
        BodyTooLarge: as :func:`_read_bytes`.
        InvalidInput: an object in the body has a duplicate name.
    """
    body = _read_bytes(request)
    if not body:
        if schema.body_optional:
            return {}
        raise MalformedRequest("The body is empty. Send a JSON object.")
    check_content(request)
    try:
        return json_text.loads_object(body)
    except DuplicateName as error:
        raise InvalidInput(details={error.name: ["Appears more than once."]}) from None
    except InvalidJSON as error:
        raise MalformedRequest(str(error)) from None


def _read_query(request: Request, _schema: InputSchema) -> Mapping[str, Any]:
    """Return the query parameters.

    Raises:
        InvalidInput: a parameter appears more than once.
    """
    repeated = (name for name, values in request.args.lists() if len(values) > 1)
    if first := list(islice(repeated, MAXIMUM_NAMES)):
        raise InvalidInput(details={name: ["Appears more than once."] for name in first})
    return request.args.to_dict()


_READERS = {"body": _read_body, "query": _read_query}


def load_input(sent: Mapping[str, Any], schema: InputSchema, location: str) -> dict[str, Any]:
    """Return the values of an input.

    Args:
        sent: the input.
        schema: its schema.
        location: ``body`` or ``query``.

    Raises:
        InvalidInput: the input does not match the schema.
    """
    try:
        return schema.load(sent)
    except ValidationError as error:
        raise InvalidInput(details=describe_errors(error.messages_dict, location)) from None


def _load(request: Request, location: str, schema: InputSchema) -> dict[str, Any]:
    """Return the values of an input of a request.

    Raises:
        InvalidInput: the input does not match the schema.
        RequestError: the input cannot be parsed; see the readers.
    """
    return load_input(_READERS[location](request, schema), schema, location)


def read_input() -> None:
    """Load the input that the view declares, and reject any other input. A ``before_request`` hook.

    The view receives the loaded values as ``body`` and ``query``, and a body that is a file as ``text``.

    Raises:
        InvalidId: an id in the path is invalid. Then the input does not matter.
        InvalidInput: the input is invalid, or the view does not declare it.
        RequestError: see :func:`_load`.
    """
    request = current_request()
    if NO_ID in (request.view_args or {}).values():
        raise InvalidId
    view = current_app.view_functions[request.endpoint or ""]
    declared: Mapping[str, InputSchema] = getattr(view, "input_schemas", {})
    request.maximum_body = getattr(view, "maximum_body", MAXIMUM_BODY)
    if "query" not in declared and request.environ.get("QUERY_STRING"):
        _load(request, "query", _no_input)
    media_types: Sequence[str] = getattr(view, "media_types", ())
    if media_types:
        cast("dict[str, Any]", request.view_args)["text"] = _read_text(request, media_types)
    elif "body" not in declared and request.has_body:
        _load(request, "body", _no_input)
    for name, schema in declared.items():
        cast("dict[str, Any]", request.view_args)[name] = _load(request, name, schema)
