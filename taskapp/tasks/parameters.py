"""Schema fields for the parameters of lists."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import ValidationError

from taskapp.http.fields import Parameter
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
        words = super()._deserialize(value, *args, **kwargs).split(",")
        chosen = set(words)
        if not chosen <= self._choices.keys():
            raise ValidationError(f"Must be one or more of: {', '.join(self._choices)}; with commas between.")
        if len(chosen) < len(words):
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
        return self._tags.deserialize(super()._deserialize(value, *args, **kwargs).split(","))


class Instant(Parameter):
    """A time as in RFC 3339. Returned as text in UTC, rounded up to microseconds.

    The times in the database have microseconds. So comparisons of them with the time and with the rounded time agree.
    """

    default_error_messages = {  # noqa: RUF012 # As in marshmallow.
        "invalid": "Must be a time with Z or an offset, such as 2026-11-26T09:30:00Z. In a URL, + is written as %2B."
    }

    def __init__(self, *, metadata: dict[str, Any]) -> None:
        super().__init__(metadata={"format": "date-time", "examples": ["2026-11-26T09:30:00Z"], **metadata})

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        match = _TIME.fullmatch(super()._deserialize(value, *args, **kwargs).upper())
        if not match:
            raise self.make_error("invalid")
        try:
            time = datetime.fromisoformat(match[1] + match[3]).astimezone(UTC)
            return (time + timedelta(microseconds=bool(match[2].strip("0")))).isoformat(timespec="microseconds")
        except ValueError:
            raise ValidationError("Must be a time that exists.") from None
        except OverflowError:
            raise ValidationError("Must be in the years 0001 to 9999 in UTC.") from None
