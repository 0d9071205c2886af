"""What a request may carry: only the body and the parameters that its view declares, and nothing twice.

A view declares them with ``@bp.arguments``, as in flask-smorest; :func:`read_input` loads them, and rejects everything
else: nothing is dropped or guessed.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, cast

from flask import current_app
from marshmallow import RAISE, Schema, ValidationError, fields
from werkzeug.exceptions import RequestEntityTooLarge

from taskapp.http import json_provider
from taskapp.http.errors import InvalidInput, MalformedRequest, UnsupportedMediaType
from taskapp.http.json_provider import DuplicateName
from taskapp.http.request import MAXIMUM_BODY, Request, current_request

# RFC 5789: the media type of a PATCH names the kind of patch. Ours is the one of RFC 7396.
PATCH_MEDIA_TYPES = ("application/json", "application/merge-patch+json")


def _equals_path_user(user_id: str) -> None:
    if user_id != (current_request().view_args or {}).get("user_id"):
        raise ValidationError("Must be the user of the path.")


class InputSchema(Schema):
    """The base of all input: unknown names are errors, and the user of the path may be repeated.

    Class attributes:
        body_optional: whether a body of this schema may be absent.
        json_schema: further keywords of JSON Schema, for the OpenAPI document.
    """

    class Meta:
        unknown = RAISE

    body_optional = False
    json_schema: Mapping[str, Any] = MappingProxyType({})

    # JSON Schema cannot say that it must equal the path's, and a generated client would have two of the name.
    user_id = fields.String(load_only=True, validate=_equals_path_user, metadata={"undocumented": True})


class NoInput(InputSchema):
    """A query string or body of a view that declares none."""

    body_optional = True


_no_input = NoInput()


def _read_body(request: Request, schema: Schema) -> Mapping[str, Any]:
    """Return the body: a JSON object, or nothing if there is none and the schema allows that.

    Raises:
        UnsupportedMediaType: the body is not JSON by its content type.
        MalformedRequest: the body is not a JSON object in UTF-8.
        RequestEntityTooLarge: it is larger than :data:`MAXIMUM_BODY`.
        InvalidInput: an object in it names a member twice.
    """
    length = request.content_length or 0
    if length > MAXIMUM_BODY or len(body := request.get_data()) > MAXIMUM_BODY:
        raise RequestEntityTooLarge
    if len(body) < length:
        raise MalformedRequest("The body ends before its Content-Length.")  # RFC 9112, section 8: incomplete.
    if not body:
        if getattr(schema, "body_optional", False):
            return {}
        raise MalformedRequest("The body is empty; it must be a JSON object.")
    _check_media_type(request)
    try:
        value = json_provider.loads(body)
    except DuplicateName as error:
        raise InvalidInput(details={error.name: ["Appears more than once."]}) from None
    except (ValueError, RecursionError):
        raise MalformedRequest from None
    if not isinstance(value, dict):
        raise MalformedRequest
    return value


def _read_query(request: Request, _schema: Schema) -> Mapping[str, Any]:
    """Return the query parameters.

    Raises:
        InvalidInput: one is repeated, so that a value would be lost.
    """
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise InvalidInput(details={name: ["Appears more than once."] for name in repeated})
    return request.args.to_dict()


_READERS = {"body": _read_body, "query": _read_query}


def _load(request: Request, name: str, schema: Schema) -> dict[str, Any]:
    """Load a part of a request by a schema.

    Raises:
        InvalidInput: it breaks a rule of the schema.
        RequestError, RequestEntityTooLarge: it cannot be read; see the readers.
    """
    try:
        values: dict[str, Any] = schema.load(_READERS[name](request, schema))
    except ValidationError as error:
        raise InvalidInput(details=error.messages_dict) from None
    values.pop("user_id", None)  # It is the path's.
    return values


def _check_media_type(request: Request) -> None:
    # Nearly always this; parsing any other costs more than all the rest here.
    if request.content_type == "application/json":
        return
    if request.method == "PATCH":
        if request.mimetype not in PATCH_MEDIA_TYPES:
            raise UnsupportedMediaType(f"Send the body as {' or '.join(PATCH_MEDIA_TYPES)}.")
    elif not request.is_json:
        raise UnsupportedMediaType


def read_input() -> None:
    """Before a view: load the input that it declares, and reject any other.

    The view is called with what was loaded: ``body`` and ``query``.

    Raises:
        InvalidInput: the view does not declare the body or the query parameters of the request, or they break a rule.
        RequestError, RequestEntityTooLarge: see :func:`_load`.
    """
    request = current_request()
    declared: Mapping[str, Schema] = getattr(current_app.view_functions[request.endpoint or ""], "input_schemas", {})
    if "query" not in declared and request.environ.get("QUERY_STRING"):
        _load(request, "query", _no_input)
    if "body" not in declared and request.has_body:
        _load(request, "body", _no_input)
    for name, schema in declared.items():
        cast("dict[str, Any]", request.view_args)[name] = _load(request, name, schema)
