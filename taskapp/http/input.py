"""Parses and validates the body and the query parameters of requests.

A view declares its input with ``@bp.arguments``, as in flask-smorest. :func:`read_input` loads it and rejects anything
that is not declared or appears twice. Nothing is ignored or guessed.
"""

from collections.abc import Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any, cast

from flask import current_app
from marshmallow import RAISE, Schema, ValidationError, fields, missing
from werkzeug.exceptions import RequestEntityTooLarge

from taskapp.http import json_provider
from taskapp.http.content import check_content
from taskapp.http.errors import InvalidInput, MalformedRequest
from taskapp.http.id_converter import NO_ID, InvalidId
from taskapp.http.json_provider import DuplicateName, InvalidJSON
from taskapp.http.request import MAXIMUM_BODY, Request, current_request
from taskapp.http.unknown_names import MAXIMUM_NAMES, describe_unknown


def equals_path_user(user_id: str) -> None:
    """Validate that a value is the user id in the path of the current request.

    Raises:
        ValidationError: it is another one.
    """
    if user_id != (current_request().view_args or {}).get("user_id"):
        raise ValidationError("Must equal the user id in the path.")


class InputSchema(Schema):
    """The base class of input schemas. Unknown names are errors, and the user id in the path may be repeated.

    Class attributes:
        body_optional: whether a body with this schema may be missing.
        json_schema: additional JSON Schema keywords for the OpenAPI document.
        synonyms: other words for the fields, which errors about unknown names translate.
    """

    class Meta:
        unknown = RAISE

    body_optional = False
    json_schema: Mapping[str, Any] = MappingProxyType({})
    synonyms: Mapping[str, Sequence[str]] = MappingProxyType({})

    # Undocumented, because JSON Schema cannot require the value in the path, and generated clients would have it twice.
    user_id = fields.String(load_only=True, validate=equals_path_user, metadata={"undocumented": True})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        every: Mapping[str, Any] = self.load_fields
        self._required = frozenset(name for name, field in every.items() if field.required)
        self._defaults = {
            name: field.load_default for name, field in every.items() if field.load_default is not missing
        }

    def load(self, data: Any, **options: Any) -> Any:
        """Return the values of the fields that were sent, and the defaults of others.

        marshmallow spends two microseconds on each field that was not sent, unless the data may be partial. Validators
        of the whole input see only what was sent.
        """
        complete = self._required <= data.keys()
        return {**self._defaults, **super().load(data, **options, partial=complete or None)}


class NoInput(InputSchema):
    """The query string or the body of a view that declares none."""

    body_optional = True


_no_input = NoInput()


def _read_body(request: Request, schema: Schema) -> Mapping[str, Any]:
    """Return the body, a JSON object; an empty mapping if there is no body and the schema allows that.

    Raises:
        UnsupportedContentCoding, UnsupportedMediaType: see :func:`taskapp.http.content.check_content`.
        MalformedRequest: the body is missing, incomplete, or not a JSON object in UTF-8.
        RequestEntityTooLarge: the body exceeds :data:`MAXIMUM_BODY` bytes.
        InvalidInput: an object in the body has a duplicate name.
    """
    length = request.content_length or 0
    if length > MAXIMUM_BODY or len(body := request.get_data()) > MAXIMUM_BODY:
        raise RequestEntityTooLarge
    if len(body) < length:
        raise MalformedRequest("The body is shorter than its Content-Length.")  # RFC 9112, section 8: incomplete.
    if not body:
        if getattr(schema, "body_optional", False):
            return {}
        raise MalformedRequest("The body is empty. Send a JSON object.")
    check_content(request)
    try:
        return json_provider.loads_object(body)
    except DuplicateName as error:
        raise InvalidInput(details={error.name: ["Appears more than once."]}) from None
    except InvalidJSON as error:
        raise MalformedRequest(str(error)) from None


def _read_query(request: Request, _schema: Schema) -> Mapping[str, Any]:
    """Return the query parameters.

    Raises:
        InvalidInput: a parameter appears more than once.
    """
    repeated = (name for name, values in request.args.lists() if len(values) > 1)
    if first := list(islice(repeated, MAXIMUM_NAMES)):
        raise InvalidInput(details={name: ["Appears more than once."] for name in first})
    return request.args.to_dict()


_READERS = {"body": _read_body, "query": _read_query}


def _load(request: Request, name: str, schema: Schema) -> dict[str, Any]:
    """Validate an input of a request.

    Args:
        request: the request.
        name: ``body`` or ``query``.
        schema: the schema of the input.

    Raises:
        InvalidInput: the input does not match the schema.
        RequestError, RequestEntityTooLarge: the input cannot be parsed; see the readers.
    """
    sent = _READERS[name](request, schema)
    unknown = [] if sent.keys() <= schema.fields.keys() else [key for key in sent if key not in schema.fields]
    if surplus := set(unknown[1:]):  # One is enough for marshmallow to reject the input. It takes some time for each.
        sent = {key: value for key, value in sent.items() if key not in surplus}
    try:
        values: dict[str, Any] = schema.load(sent)
    except ValidationError as error:
        raise InvalidInput(details={**error.messages_dict, **describe_unknown(unknown, schema, name)}) from None
    values.pop("user_id", None)  # It equals the one in the path.
    return values


def read_input() -> None:
    """Load the input that the view declares, and reject any other input. A ``before_request`` hook.

    The view receives the loaded values as ``body`` and ``query``.

    Raises:
        InvalidId: an id in the path is invalid. Then the input does not matter.
        InvalidInput: the input is invalid, or the view does not declare it.
        RequestError, RequestEntityTooLarge: see :func:`_load`.
    """
    request = current_request()
    if NO_ID in (request.view_args or {}).values():
        raise InvalidId
    declared: Mapping[str, Schema] = getattr(current_app.view_functions[request.endpoint or ""], "input_schemas", {})
    if "query" not in declared and request.environ.get("QUERY_STRING"):
        _load(request, "query", _no_input)
    if "body" not in declared and request.has_body:
        _load(request, "body", _no_input)
    for name, schema in declared.items():
        cast("dict[str, Any]", request.view_args)[name] = _load(request, name, schema)
