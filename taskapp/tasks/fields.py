"""Schema fields for days, times of day, time zones, priorities and tags."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import OneOf

from taskapp.http.fields import Text
from taskapp.tasks.models import MAXIMUM_TAGS, PRIORITIES, TAG_LENGTH, ZONE_LENGTH

# Bounded, so that no time zone moves a day out of the years that Python can represent.
FIRST_DAY, LAST_DAY = "1900-01-01", "2999-12-31"
DAY_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
CLOCK_TIME_PATTERN = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
UID_PATTERN = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class _Pattern(fields.String):
    """A string with a pattern.

    Args:
        pattern: the regular expression.
        error: the sentence for a string that does not match it.
        options: the arguments of ``fields.String``.
    """

    def __init__(self, pattern: str, error: str, *, metadata: dict[str, Any], **options: Any) -> None:
        self._pattern = re.compile(pattern.removesuffix("$") + r"\Z")
        super().__init__(metadata={"pattern": pattern, **metadata}, **options)
        self.error_messages = {**self.error_messages, "invalid": error}

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not (isinstance(value, str) and self._pattern.match(value)):
            raise self.make_error("invalid")
        return value


class Day(_Pattern):
    """A day as in RFC 3339, ``YYYY-MM-DD``, from 1900 to 2999."""

    def __init__(self, **options: Any) -> None:
        about = {"format": "date", "examples": ["2026-12-24"], **options.pop("metadata", {})}
        error = "Must be a day, YYYY-MM-DD. A time goes into due_time, with time_zone."
        super().__init__(DAY_PATTERN, error, metadata=about, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        day = super()._deserialize(value, *args, **kwargs)
        try:
            date.fromisoformat(day)
        except ValueError:
            raise ValidationError("Must be a day that exists.") from None
        if not FIRST_DAY <= day <= LAST_DAY:
            raise ValidationError(f"Must be from {FIRST_DAY} to {LAST_DAY}.")
        return day


class ClockTime(_Pattern):
    """A time of day, ``HH:MM``."""

    def __init__(self, **options: Any) -> None:
        about = {"examples": ["17:00"], **options.pop("metadata", {})}
        super().__init__(CLOCK_TIME_PATTERN, "Must be a time, HH:MM, from 00:00 to 23:59.", metadata=about, **options)


@cache
def _zones() -> Mapping[str, str]:
    """Map the names of time zones to their current names.

    The database of the package, not of the machine, so that all hosts accept the same names. Its ``tzdata.zi`` has the
    links between names (``L``, the target, the link; https://data.iana.org/time-zones/tz-how-to.html), and its
    ``zone.tab`` the names that are current in each country, some of which are links too.
    """

    def lines(path: str) -> list[str]:
        return files("tzdata").joinpath(path).read_text(encoding="utf-8").splitlines()

    current = {line.split("\t")[2] for line in lines("zoneinfo/zone.tab") if not line.startswith("#")}
    links = [line.split() for line in lines("zoneinfo/tzdata.zi") if line.startswith("L ")]
    renamed = {name: target for _, target, name in links if name not in current | {"UTC", "GMT"}}
    # Factory stands for a machine without a time zone. No browser knows it.
    return {name: renamed.get(name, name) for name in lines("zones") if name != "Factory"}


class TimeZone(fields.String):
    """The name of a time zone of the IANA database. PostgreSQL would also accept rules such as ``FooBar3``.

    Old names are replaced, because browsers still report some that PostgreSQL on a current Debian does not know.
    """

    def __init__(self, **options: Any) -> None:
        about = {"maxLength": ZONE_LENGTH, "examples": ["Europe/Berlin"], **options.pop("metadata", {})}
        super().__init__(metadata=about, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        name: str = super()._deserialize(value, *args, **kwargs)
        if name not in _zones():
            raise ValidationError("Must be the name of a time zone, such as Europe/Berlin.")
        return _zones()[name]


class Priority(fields.String):
    """One of the words for a priority."""

    enum_name = "Priority"

    def __init__(self, **options: Any) -> None:
        one_of = OneOf([word for word in PRIORITIES if word], error="Must be one of: {choices}; or null.")
        super().__init__(allow_none=True, validate=one_of, metadata={"examples": ["high"]}, **options)


class Uid(_Pattern):
    """A UUID (RFC 9562) in its usual form. Returned in lower case."""

    def __init__(self, **options: Any) -> None:
        about = {"format": "uuid", "examples": ["0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11"], **options.pop("metadata", {})}
        super().__init__(UID_PATTERN, "Must be a UUID.", metadata=about, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, *args, **kwargs).lower()


class Tag(Text):
    """A tag: text in NFC without a comma, which separates tags in filters."""

    def __init__(self, **options: Any) -> None:
        about = {"pattern": r"^[^\u0000,]*[^\s\u0000,][^\u0000,]*$", "minLength": 1, "maxLength": TAG_LENGTH}
        super().__init__(strip=True, visible=True, metadata={**about, **options.pop("metadata", {})}, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        tag = super()._deserialize(value, *args, **kwargs)
        tag = tag if tag.isascii() else unicodedata.normalize("NFC", tag)
        if not 1 <= len(tag) <= TAG_LENGTH:
            raise ValidationError(f"Must be 1 to {TAG_LENGTH} characters, excluding surrounding white space.")
        if "," in tag:
            raise ValidationError("Must not contain a comma.")
        return tag


class Tags(fields.List[Any]):
    """A set of tags. Returned sorted by code point, so that equal sets are equal lists."""

    def __init__(self, **options: Any) -> None:
        about = {"maxItems": MAXIMUM_TAGS, "uniqueItems": True, "examples": [["errand", "home"]]}
        super().__init__(Tag(), metadata={**about, **options.pop("metadata", {})}, **options)

    def _explain(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Raise the errors of all tags."""
        try:
            return super()._deserialize(value, *args, **kwargs)
        except ValidationError as error:
            raise ValidationError(_sentences(error.messages)) from None

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if not isinstance(value, list):
            return self._explain(value, *args, **kwargs)
        if len(value) > MAXIMUM_TAGS:
            raise ValidationError(f"Must be at most {MAXIMUM_TAGS} tags.")
        try:
            # Without what marshmallow does for any field: a list of operations may have 40,000 tags.
            tags = [self.inner._deserialize(tag, None, None) for tag in value]  # noqa: SLF001 # The method of Tag.
        except ValidationError:
            tags = self._explain(value, *args, **kwargs)
        if len(set(tags)) < len(tags):
            raise ValidationError("Must not contain a tag twice.")
        return sorted(tags)


def _sentences(messages: Any) -> list[str]:
    """Return the sentences of errors by position as one list, as the errors of all other fields have them."""
    if not isinstance(messages, dict):
        return list(messages)
    lowered = ((place, text[:1].lower() + text[1:]) for place, texts in messages.items() for text in texts)
    return [f"Tag {place + 1} {text}" for place, text in lowered]
