"""Schema fields for the parameters of lists."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import ValidationError, fields

from taskapp.http.fields import Parameter
from taskapp.tasks.changes.models import MAXIMUM_NUMBER
from taskapp.tasks.fields import Day, Tags, TimeZone
from taskapp.tasks.models import MAXIMUM_TAGS, TAG_LENGTH
from taskapp.tasks.representation import FIELDS

# An RFC 3339 time, and its digits beyond microseconds.
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)([0-9]*)(Z|[+-][0-9:]{5})")


class Choice(Parameter):
    """One of some words.

    Args:
        choices: maps each word to the value that it stands for.
        metadata: the ``metadata`` of ``fields.String``.
        options: the other arguments of ``fields.String``.
    """

    def __init__(self, choices: Mapping[str, Any], *, metadata: dict[str, Any], **options: Any) -> None:
        self._choices = choices
        super().__init__(metadata={"enum": list(choices), **metadata}, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        word = super()._deserialize(value, *args, **kwargs)
        if word not in self._choices:
            one_of = "one of: " if len(self._choices) > 1 else ""
            raise ValidationError(f"Must be {one_of}{', '.join(self._choices)}.")
        return self._choices[word]


class Choices(Parameter):
    """Some of some words, with commas between, each once. Returned as a tuple of values in the order of the words.

    Arguments as for :class:`Choice`.
    """

    def __init__(self, choices: Mapping[str, Any], *, metadata: dict[str, Any]) -> None:
        self._choices = choices
        words = "|".join(choices)
        super().__init__(metadata={"pattern": rf"^({words})(,({words}))*$", **metadata})

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return self.choose(super()._deserialize(value, *args, **kwargs).split(","), "; with commas between")

    def choose(self, words: list[Any], separated: str = "") -> Any:
        """Return the values for words.

        Args:
            words: the words.
            separated: how words are separated, for errors.

        Raises:
            ValidationError: a word is not one of the choices, or appears twice.
        """
        if not all(isinstance(word, str) and word in self._choices for word in words):
            raise ValidationError(f"Must be one or more of: {', '.join(self._choices)}{separated}.")
        if len(chosen := set(words)) < len(words):
            raise ValidationError("Must not contain a word twice.")
        return tuple(meaning for word, meaning in self._choices.items() if word in chosen)


class FieldNames(Choices):
    """Names of fields. Returned in the order of fields, with the id."""

    def __init__(self, *, metadata: dict[str, Any]) -> None:
        super().__init__({name: name for name in FIELDS}, metadata=metadata)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        names = super()._deserialize(value, *args, **kwargs)
        return names if "id" in names else ("id", *names)


class Flag(Parameter):
    """``true`` or ``false``."""

    def __init__(self, *, metadata: dict[str, Any], **options: Any) -> None:
        super().__init__(metadata={"type": "boolean", **metadata}, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if text not in ("true", "false"):
            raise ValidationError("Must be true or false.")
        return text == "true"


class DayParameter(Parameter, Day):
    """A day."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.error_messages["invalid"] = "Must be a day without a time, YYYY-MM-DD."


class ZoneParameter(Parameter, TimeZone):
    """The name of a time zone."""


class TagsParameter(Parameter):
    """Tags with commas between. Returned as :class:`taskapp.tasks.fields.Tags` returns them."""

    _tags = Tags()

    def __init__(self, *, metadata: dict[str, Any]) -> None:
        tag = rf"[^\u0000,]{{0,{TAG_LENGTH - 1}}}[^\s\u0000,]"
        about = {"pattern": f"^{tag}(,{tag}){{0,{MAXIMUM_TAGS - 1}}}$", "examples": ["errand,home"]}
        super().__init__(metadata={**about, **metadata})

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return self.choose(super()._deserialize(value, *args, **kwargs).split(","))

    def choose(self, tags: list[Any]) -> Any:
        """Return tags as a set.

        Raises:
            ValidationError: a tag is invalid or appears twice, or there are too many.
        """
        return self._tags.deserialize(tags)


# now, a number, or a time, for the OpenAPI document.
_AS_OF = r"^(now|[0-9]{1,16}|[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9:.]+([Zz]|[+-][0-9:]{5}))$"
_TIME_EXPECTED = "a time with Z or an offset, such as 2026-11-26T09:30:00Z. In a URL, + is written as %2B."


def _utc_time(match: re.Match[str], *, rounded_up: bool) -> str:
    """Return a match of ``_TIME`` as text in UTC, rounded to microseconds.

    Raises:
        ValidationError: there is no such time.
    """
    try:
        time = datetime.fromisoformat(match[1] + match[3]).astimezone(UTC)
        digit = timedelta(microseconds=rounded_up and bool(match[2].strip("0")))
        return (time + digit).isoformat(timespec="microseconds")
    except ValueError:
        raise ValidationError("Must be a time that exists.") from None
    except OverflowError:
        raise ValidationError("Must be in the years 0001 to 9999 in UTC.") from None


class Instant(Parameter):
    """A time as in RFC 3339. Returned as text in UTC, rounded up to microseconds.

    The times in the database have microseconds. So comparisons of them with the time and with the rounded time agree.
    """

    default_error_messages = {"invalid": f"Must be {_TIME_EXPECTED}"}  # noqa: RUF012 # As in marshmallow.

    def __init__(self, *, metadata: dict[str, Any]) -> None:
        super().__init__(metadata={"format": "date-time", "examples": ["2026-11-26T09:30:00Z"], **metadata})

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        match = _TIME.fullmatch(super()._deserialize(value, *args, **kwargs).upper())
        if not match:
            raise self.make_error("invalid")
        return _utc_time(match, rounded_up=True)


class AsOf(fields.Field[Any]):
    """``now``, the number of a change, or a time.

    Returned as ``now``, as an integer, or as text in UTC. A time is rounded down to microseconds, so that comparisons
    with times that are not later agree.
    """

    default_error_messages = {  # noqa: RUF012 # As in marshmallow.
        "invalid": f"Must be now, the number of a change, or {_TIME_EXPECTED}",
        "too_large": f"Must be from 0 to {MAXIMUM_NUMBER}.",
    }

    def __init__(self, *, metadata: dict[str, Any]) -> None:
        super().__init__(metadata={"type": "string", "pattern": _AS_OF, "examples": ["now"], **metadata})

    _text = Parameter()

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str | int:
        text: str = self._text.deserialize(value)
        if text == "now":
            return text
        if text.isascii() and text.isdigit():
            if len(text) > len(str(MAXIMUM_NUMBER)) or (number := int(text)) > MAXIMUM_NUMBER:
                raise self.make_error("too_large")
            return number
        if match := _TIME.fullmatch(text.upper()):
            return _utc_time(match, rounded_up=False)
        raise self.make_error("invalid")
