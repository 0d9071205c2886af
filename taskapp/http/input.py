"""What a request may carry: only what its view declares, and nothing twice.

A view declares its body and its query parameters with ``@bp.arguments``, as in flask-smorest. What it does not
declare must be absent, :func:`refuse_undeclared_input` sees to that: nothing is dropped or guessed.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any

from flask import Request
from marshmallow import RAISE, Schema, ValidationError, fields
from werkzeug.exceptions import RequestEntityTooLarge

from taskapp.http.context import this_app, this_request
from taskapp.http.errors import InvalidInput, MalformedRequest, UnsupportedMediaType
from taskapp.http.json_provider import DuplicateName
from taskapp.http.openapi import DocumentedBlueprint, document_only

# A task is some 5 KiB of JSON at most. Flask is told one byte more (MAX_CONTENT_LENGTH), because it cuts a chunked
# body at its limit without a word: one that reaches the limit may have been cut.
MAXIMUM_BODY = 64 * 1024
# RFC 5789: the media type of a PATCH names the kind of patch. Ours is the one of RFC 7396.
PATCH_MEDIA_TYPES = ("application/json", "application/merge-patch+json")


class Text(fields.String):
    """A string that PostgreSQL can store: no NUL, no lone surrogate.

    Args:
        strip: whether white space around it is removed.
        metadata: as ``fields.String`` takes it, for the OpenAPI document.
        options: those of ``fields.String``.
    """

    def __init__(self, *, strip: bool = False, metadata: Mapping[str, Any] | None = None, **options: Any) -> None:
        self.strip = strip
        super().__init__(metadata={"pattern": r"^[^\u0000]*$", **(metadata or {})}, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        if "\0" in text:
            raise ValidationError("Must not contain the character NUL.")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValidationError("Must not contain half of a surrogate pair.") from None
        return text.strip() if self.strip else text


class StrictBoolean(fields.Boolean):
    """``true`` or ``false`` of JSON; marshmallow's own also takes ``"yes"`` and ``1``."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class StrictInteger(fields.Integer):
    """A whole number in a query string: ASCII digits alone. ``int()`` also takes ``1_0``, spaces and Arabic digits."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < len(str(2**63))):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, *args, **kwargs)


def _is_the_users_own(user_id: str) -> None:
    if user_id != (this_request().view_args or {}).get("user_id"):
        raise ValidationError("Must be the user of the path.")


class InputSchema(Schema):
    """The base of all that comes in: unknown names are errors, and the user of the path may be repeated.

    Class attributes:
        body_optional: whether a body of this schema may be absent.
        json_schema: what JSON Schema can say of it beside its fields, for the OpenAPI document.
    """

    class Meta:
        unknown = RAISE

    body_optional = False
    json_schema: Mapping[str, Any] = MappingProxyType({})

    # A document could not say that it must equal the path's, and a client made from it would have two of the name.
    user_id = fields.String(load_only=True, validate=_is_the_users_own, metadata={"in_prose_only": True})


class NothingIn(InputSchema):
    """A query string or body of a view that takes none."""

    body_optional = True


_nothing_in = NothingIn()


def _read_body(schema: Schema) -> Mapping[str, Any]:
    """Return the body: a JSON object, or nothing where there is none and need be none.

    Raises:
        UnsupportedMediaType: the body is not JSON by its content type.
        MalformedRequest: the body is not a JSON object in UTF-8.
        RequestEntityTooLarge: it is larger than :data:`MAXIMUM_BODY`.
        InvalidInput: an object in it names a member twice.
    """
    request = this_request()
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
        value = this_app().json.loads(body)
    except DuplicateName as error:
        raise InvalidInput(details={error.name: ["Appears more than once."]}) from None
    except (ValueError, RecursionError):
        raise MalformedRequest from None
    if not isinstance(value, dict):
        raise MalformedRequest
    return value


def _read_query(_schema: Schema) -> Mapping[str, Any]:
    """Return the query parameters.

    Raises:
        InvalidInput: one is repeated, so that a value would be lost.
    """
    arguments = this_request().args
    repeated = [name for name, values in arguments.lists() if len(values) > 1]
    if repeated:
        raise InvalidInput(details={name: ["Appears more than once."] for name in repeated})
    return arguments.to_dict()


_READERS = {"json": _read_body, "query": _read_query}


def _load(schema: Schema, location: str) -> dict[str, Any]:
    """Return what a schema makes of a part of the request.

    Raises:
        InvalidInput: it breaks a rule of the schema.
        AppError, RequestEntityTooLarge: it cannot be read; see the readers.
    """
    try:
        values: dict[str, Any] = schema.load(_READERS[location](schema))
    except ValidationError as error:
        raise InvalidInput(details=error.messages_dict) from None
    values.pop("user_id", None)  # It is the path's.
    return values


def _check_media_type(req: Request) -> None:
    # Nearly always; to take another apart costs more than all the rest here.
    if req.content_type == "application/json":
        return
    if req.method == "PATCH":
        if req.mimetype not in PATCH_MEDIA_TYPES:
            raise UnsupportedMediaType(f"Send the body as {' or '.join(PATCH_MEDIA_TYPES)}.")
    elif not req.is_json:
        raise UnsupportedMediaType


def _document_patch_media_types(doc: dict[str, Any], _doc_info: Any, method: str, **_: Any) -> dict[str, Any]:
    if method == "patch" and "requestBody" in doc:
        body = doc["requestBody"]["content"]["application/json"]
        doc["requestBody"]["content"] = dict.fromkeys(PATCH_MEDIA_TYPES, body)
    return doc


class Blueprint(DocumentedBlueprint):
    """A blueprint whose views read the request strictly, and remember what they declare."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._prepare_doc_cbks.append(_document_patch_media_types)

    def arguments(self, schema: type[Schema], *, location: str = "json", **options: Any) -> Callable[[Any], Any]:
        """Declare what a view reads, as in flask-smorest; the view is called with it.

        Args:
            schema: what it must be; made once, not for each request.
            location: ``json``, the body, or ``query``.
            options: what is documented beside the schema.
        """
        reader = schema()
        document = document_only(super().arguments(reader, location=location, **options))

        def decorator(view: Any) -> Any:
            @wraps(view)
            def read_and_call(*args: Any, **kwargs: Any) -> Any:
                return view(_load(reader, location), *args, **kwargs)

            read_and_call.reads = {location, *getattr(view, "reads", ())}  # type: ignore[attr-defined]
            return document(read_and_call)

        return decorator


def has_body(environ: Mapping[str, Any]) -> bool:
    """Tell whether a request has a body: what says neither its length nor its coding has none (RFC 9112, 6.3)."""
    return environ.get("CONTENT_LENGTH", "0") != "0" or "HTTP_TRANSFER_ENCODING" in environ


def refuse_undeclared_input() -> None:
    """Before a view: refuse a body or query parameters that it does not declare.

    Raises:
        InvalidInput: there are some.
    """
    request = this_request()
    reads = getattr(this_app().view_functions[request.endpoint or ""], "reads", ())
    environ = request.environ
    if "query" not in reads and environ.get("QUERY_STRING"):
        _load(_nothing_in, "query")
    if "json" not in reads and has_body(environ):
        _load(_nothing_in, "json")
