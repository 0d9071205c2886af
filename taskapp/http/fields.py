"""Schema fields that are stricter than marshmallow's."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields

# General categories (https://www.unicode.org/reports/tr44/#General_Category_Values) without a shape of their own:
# controls, format characters, separators, and marks, which are drawn onto the character before them.
_WITHOUT_SHAPE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"})
# Letters and symbols that fonts leave blank: the Hangul fillers, which have Default_Ignorable_Code_Point in
# https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt, the Braille pattern without dots, the null
# notehead, and the Egyptian blanks.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800\U0001d159\U00013441\U00013442")
# Unassigned, but with Default_Ignorable_Code_Point. Other unassigned characters may be emoji newer than this Python.
_RESERVED = ((0x2065, 0x2065), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF))


@lru_cache(4096)
def _is_visible(character: str) -> bool:
    if unicodedata.category(character) in _WITHOUT_SHAPE or character in _BLANK:
        return False
    return not any(first <= ord(character) <= last for first, last in _RESERVED)


def has_visible_character(text: str) -> bool:
    """Return whether a person sees anything of a text. Stops at the first character that is visible."""
    return any(map(_is_visible, text[:1])) or any(map(_is_visible, set(text)))


class Text(fields.String):
    """A string that PostgreSQL can store, without NUL and unpaired surrogates.

    Args:
        strip: whether to remove surrounding white space.
        visible: whether a text that is not empty must have a visible character.
        metadata: the ``metadata`` of ``fields.String``, for the OpenAPI document.
        options: the other arguments of ``fields.String``.
    """

    def __init__(
        self,
        *,
        strip: bool = False,
        visible: bool = False,
        metadata: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.strip = strip
        self.visible = visible
        super().__init__(metadata={"pattern": r"^[^\u0000]*$", **(metadata or {})}, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, *args, **kwargs)
        if text.isascii() and text.isprintable():  # The usual case. Everything but spaces is visible.
            return text.strip() if self.strip else text
        if "\0" in text:
            raise ValidationError("Must not contain NUL.")
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValidationError("Must not contain unpaired surrogates.") from None
        text = text.strip() if self.strip else text
        if self.visible and text and not has_visible_character(text):
            raise ValidationError("Must contain a visible character.")
        return text


def _reject_empty(value: Any) -> None:
    if value == "":
        raise ValidationError("Must not be empty. Omit it instead.")


class Parameter(fields.String):
    """A string in a query string, not empty. Generic HTTP clients send the parameters that nobody set as empty ones."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        _reject_empty(value)
        text: str = super()._deserialize(value, *args, **kwargs)
        return text


class ReadOnly(fields.Field[Any]):
    """A field that clients cannot set. It is named as such, instead of as an unknown one."""

    default_error_messages = dict.fromkeys(("null", "invalid"), "Read-only. Omit it.")

    def __init__(self, **options: Any) -> None:
        # Undocumented, because JSON Schema cannot require the current value.
        super().__init__(load_only=True, metadata={"undocumented": True}, **options)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        raise self.make_error("invalid", input=value)


class _Unchanged(ReadOnly):
    """A field that clients cannot change, but may send back."""

    default_error_messages = dict.fromkeys(("null", "invalid"), "Read-only. Omit it, or send its current value.")


class UnchangedInteger(_Unchanged):
    """A positive integer that clients cannot change, but may send back."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is int and 0 < value < 2**63:
            return value
        raise self.make_error("invalid", input=value)


class UnchangedUuid(_Unchanged):
    """A UUID (RFC 9562) that clients cannot change, but may send back. Returned in lower case."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        try:
            return str(UUID(value))
        except (AttributeError, TypeError, ValueError):
            raise self.make_error("invalid", input=value) from None


class UnchangedTime(_Unchanged):
    """A time (RFC 3339) that clients cannot change, but may send back. Returns a naive datetime in UTC."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime:
        try:
            time = datetime.fromisoformat(value)
            if time.tzinfo:
                return time.astimezone(UTC).replace(tzinfo=None)
        except (TypeError, ValueError, OverflowError):  # The last one close to the first and to the last year.
            pass
        raise self.make_error("invalid", input=value)


class Excluded(fields.Field[Any]):
    """A field that does not go together with another one. It is named as such, instead of as an unknown one.

    Args:
        other: the name of the other field.
    """

    def __init__(self, other: str) -> None:
        super().__init__(load_only=True, metadata={"undocumented": True})
        message = f"Must not be sent together with {other}."
        self.error_messages = {**self.error_messages, "null": message, "invalid": message}

    def _deserialize(self, *_: Any, **__: Any) -> Any:
        raise self.make_error("invalid")


class Constant(fields.String):
    """The value that says which schema an object has; see :class:`taskapp.http.input_schema.ChosenByName`.

    Args:
        value: the value.
    """

    def __init__(self, value: str) -> None:
        super().__init__(required=True, metadata={"enum": [value]})

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        name: str = value  # The schema was chosen by it.
        return name


class StrictBoolean(fields.Boolean):
    """JSON ``true`` or ``false``. marshmallow's field also accepts values such as ``"yes"`` and ``1``."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class PositiveInteger(fields.Integer):
    """An integer of at least 1 in JSON. marshmallow's field also accepts ``"1"``, ``true`` and ``1.0``.

    Args:
        maximum: the largest one.
        options: the other arguments of ``fields.Integer``.
    """

    def __init__(self, maximum: int, **options: Any) -> None:
        super().__init__(**options)
        self._maximum = maximum
        self.metadata = {"minimum": 1, "maximum": maximum, **self.metadata}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        if type(value) is not int or not 1 <= value <= self._maximum:
            raise ValidationError(f"Must be an integer from 1 to {self._maximum}.")
        return value


_INTEGER = re.compile(r"[0-9]+|-[1-9][0-9]*")


class StrictInteger(fields.Integer):
    """An integer in a query string, in ASCII digits. ``int()`` also accepts ``1_0``, spaces and other digits."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        _reject_empty(value)
        if not (isinstance(value, str) and _INTEGER.fullmatch(value)):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, *args, **kwargs)
