"""What a request may carry: only the body and the parameters that its view declares, and nothing twice.

A view declares them with ``@bp.arguments``, as in flask-smorest. Everything else is rejected by
:func:`reject_undeclared_input`: nothing is dropped or guessed.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask import current_app
from marshmallow import RAISE, Schema, ValidationError, fields
from werkzeug.exceptions import RequestEntityTooLarge

from taskapp.http import json_provider
from taskapp.http.app import MAXIMUM_BODY, Request, current_request
from taskapp.http.errors import InvalidInput, MalformedRequest, UnsupportedMediaType
from taskapp.http.json_provider import DuplicateName

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


_READERS = {"json": _read_body, "query": _read_query}


def load_input(schema: Schema, location: str) -> dict[str, Any]:
    """Load a part of the current request by a schema.

    Args:
        schema: the schema.
        location: ``json``, the body, or ``query``.

    Raises:
        InvalidInput: it breaks a rule of the schema.
        RequestError, RequestEntityTooLarge: it cannot be read; see the readers.
    """
    try:
        values: dict[str, Any] = schema.load(_READERS[location](current_request(), schema))
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


def reject_undeclared_input() -> None:
    """Before a view: reject a body or query parameters that it does not declare.

    Raises:
        InvalidInput: there are some.
    """
    request = current_request()
    declared = getattr(current_app.view_functions[request.endpoint or ""], "declared_input", ())
    if "query" not in declared and request.environ.get("QUERY_STRING"):
        load_input(_no_input, "query")
    if "json" not in declared and request.has_body:
        load_input(_no_input, "json")
