"""JSON text that clients send, parsed strictly."""

import codecs
import gc
import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import orjson


class DuplicateName(ValueError):
    """An object has two members with the same name (RFC 7493, section 2.3).

    Args:
        name: the name, alone or with its place: ``operations.3.title``.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(name)


class NotText(ValueError):
    """A body is not text in UTF-8. The text of the exception is a sentence for the client that says why."""


class InvalidJSON(ValueError):
    """A body is not a JSON object in UTF-8. The text of the exception is a sentence for the client that says why."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise DuplicateName(name)
            seen.add(name)
    return members


def _located(members: Iterable[tuple[Any, Any]]) -> DuplicateName | None:
    """Return the first error among the members of an object or an array, with its place from there, or None."""
    for name, value in members:
        found = _located(enumerate(value)) if isinstance(value, list) else value
        if isinstance(found, DuplicateName):
            return DuplicateName(f"{name}.{found.name}")
    return None


def _duplicate_in(pairs: list[tuple[str, Any]]) -> DuplicateName | None:
    """Return the error of an object, or of what is in it. Each object in it has been replaced by the result for it."""
    try:
        _object(pairs)
    except DuplicateName as error:
        return error
    return _located(pairs)


def _reject_constant(name: str) -> NoReturn:
    raise InvalidJSON(f"contains {name}, which is not JSON.")


# The length of a body in bytes from which it matters that garbage is searched for.
_LARGE = 64 * 1024
# The length of a text up to which it is tried whether it is a flat object.
_SHORT = 4096
_END_OF_NAME = re.compile(r'"[ \t\r\n]*:')
# Shared, because json.loads with these options would create a decoder for each call.
_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_reject_constant)
_duplicate_finder = json.JSONDecoder(object_pairs_hook=_duplicate_in, parse_constant=_reject_constant)


def loads(text: str | bytes) -> Any:
    """Parse JSON text (RFC 8259).

    This uses the standard library. Unlike orjson, it can detect duplicate names. It also accepts unpaired surrogates,
    which are valid JSON and are rejected later with a better message.

    Raises:
        DuplicateName: an object has a duplicate name.
        ValueError: the text is not JSON or not UTF-8, or contains a number with thousands of digits.
        RecursionError: the text is nested too deep.
    """
    return _decoder.decode(text.decode() if isinstance(text, bytes) else text)


def _loads_flat(text: str) -> dict[str, Any] | None:
    """Parse a short object without others in it, in a third of the time of :func:`loads`; None if that needs this.

    A colon behind a quote is behind a name, or within a text. If there are not more of them than different names, no
    name appears twice. A float may be an integer that is too long for orjson.
    """
    if len(text) > _SHORT:
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    is_flat = isinstance(value, dict) and len(_END_OF_NAME.findall(text)) == len(value)
    return value if is_flat and float not in map(type, value.values()) else None


def _loads_with_place(text: str) -> Any:
    """Parse JSON text as :func:`loads` does, but a ``DuplicateName`` has the place of the name.

    Then the text is parsed a second time. An object is complete before it is known what is around it.
    """
    try:
        return loads(text)
    except DuplicateName as error:
        found = _duplicate_finder.decode(text)
        raise found if isinstance(found, DuplicateName) else error from None


@contextmanager
def without_collection(length: int) -> Iterator[None]:
    """Read a large body without the garbage collector, which finds nothing while a value grows.

    It searches the value again and again: 1 MiB of nested lists takes 60 ms without it, and up to 600 ms with it.
    """
    pause = length > _LARGE and gc.isenabled()
    if pause:
        gc.disable()
    try:
        yield
    finally:
        if pause:
            gc.enable()


_KINDS = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number", type(None): "null"}
_BODY = "The body"


def _reject_binary(body: bytes) -> None:
    """Reject a body that begins as no text in UTF-8 does."""
    if body.startswith(b"\x1f\x8b"):
        raise NotText("The body is compressed with gzip. Send it uncompressed.")
    # Text contains no NUL, but every ASCII character in UTF-16 and UTF-32 does.
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in body[:4]:
        raise NotText("The body is in UTF-16 or UTF-32. Send it in UTF-8.")


def decode(body: bytes) -> str:
    """Return a body as text, without a byte order mark.

    Raises:
        NotText: it is not text in UTF-8.
    """
    _reject_binary(body)
    try:
        return body.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        place = f"Byte {error.start + 1}" + (f", in line {line}," if line > 1 else "")
        raise NotText(f"The body is not in UTF-8. {place} is invalid.") from None


def loads_object(body: bytes) -> dict[str, Any]:
    """Parse the body of a request, a JSON object in UTF-8. A byte order mark is ignored (RFC 8259, section 8.1).

    Raises:
        DuplicateName: an object has a duplicate name. It comes with its place.
        InvalidJSON: the body is anything else.
    """
    try:
        text = decode(body)
    except NotText as error:
        raise InvalidJSON(str(error)) from None
    with without_collection(len(body)):
        return parse_object(text)


def parse_object(text: str, subject: str = _BODY) -> dict[str, Any]:
    """Parse a JSON object.

    Args:
        text: the text.
        subject: the first words of the sentences that say what is wrong.

    Raises:
        DuplicateName, InvalidJSON: as :func:`loads_object`.
    """
    if (flat := _loads_flat(text)) is not None:
        return flat
    try:
        value = _loads_with_place(text)
    except DuplicateName:
        raise
    except RecursionError:
        raise InvalidJSON(f"{subject} is nested too deep.") from None
    except InvalidJSON as error:
        raise InvalidJSON(f"{subject} {error}") from None
    except ValueError as error:
        raise InvalidJSON(f"{subject} {_explain(error, in_lines=subject == _BODY)}") from None
    if not isinstance(value, dict):
        raise InvalidJSON(f"{subject} must be a JSON object, not {_KINDS[type(value)]}.")
    return value


def _explain(error: ValueError, *, in_lines: bool) -> str:
    """Return why text is not JSON, as the end of a sentence without any of the text."""
    if isinstance(error, json.JSONDecodeError):
        reason = error.msg.strip(": ").removesuffix(" at")
        place = f"line {error.lineno}, column {error.colno}" if in_lines else f"column {error.colno}"
        return f"is not JSON: {reason[0].lower()}{reason[1:]} at {place}."
    return "contains a number with too many digits."  # Python limits them, because int() takes quadratic time.
