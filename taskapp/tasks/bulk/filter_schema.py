"""The filter of a write by filter: the filters of lists, with values as in a query string or as in JSON."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import Length

from taskapp.http.fields import Parameter
from taskapp.tasks.fields import Tag
from taskapp.tasks.filter_schema import Filters, text_filter
from taskapp.tasks.models import MAXIMUM_TAGS, PRIORITIES
from taskapp.tasks.parameters import Choices, TagsParameter

_EMPTY = "Must not be empty. Omit it instead."
_FIELDS: Mapping[str, Any] = Filters().fields


def _text(field: Parameter) -> dict[str, Any]:
    """Return the JSON Schema of a value as in a query string."""
    keywords = {name: field.metadata[name] for name in ("enum", "pattern") if name in field.metadata}
    return {"type": "string", **keywords}


class _InJson(fields.Field[Any]):
    """A filter whose value may also be as in JSON.

    Args:
        name: the name of the filter.
        in_json: the JSON Schema of its value in JSON.
        expected: the sentence for a value of another type.
    """

    def __init__(self, name: str, in_json: dict[str, Any], expected: str) -> None:
        self._parameter: Any = _FIELDS[name]
        self._parameter.error_messages["invalid"] = expected
        about = {"description": self._parameter.metadata["description"], "anyOf": [in_json, _text(self._parameter)]}
        super().__init__(metadata=about)


class _Boolean(_InJson):
    """A filter that is ``true`` or ``false``, or only ``true``."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return self._parameter.deserialize(str(value).lower() if isinstance(value, bool) else value)


class _Strings(_InJson):
    """A filter with some words, or some tags."""

    _parameter: Choices | TagsParameter

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> Any:
        if not isinstance(value, list):
            return self._parameter.deserialize(value)
        if not value:
            raise ValidationError(_EMPTY)
        return self._parameter.choose(value)


def _boolean(name: str, *values: bool) -> _Boolean:
    return _Boolean(
        name,
        {"type": "boolean", **({"enum": list(values)} if values else {})},
        f"Must be {' or '.join(str(value).lower() for value in values or (True, False))}.",
    )


def _strings(name: str, items: dict[str, Any], maximum: int) -> _Strings:
    about = {"type": "array", "minItems": 1, "maxItems": maximum, "uniqueItems": True}
    expected = "Must be an array of strings, or a string with commas between."
    return _Strings(name, {**about, "items": {"type": "string", **items}}, expected)


def _tags(name: str) -> _Strings:
    keywords = {name: Tag().metadata[name] for name in ("pattern", "minLength", "maxLength")}
    return _strings(name, keywords, MAXIMUM_TAGS)


class FilterIn(Filters):
    """The tasks to write: those that a list with these filters has. `{"status": "all"}` selects all tasks."""

    class Meta(Filters.Meta):
        exclude = ("user_id",)

    json_schema = MappingProxyType(
        {
            "minProperties": 1,
            "dependentRequired": {"overdue": ["time_zone"], "time_zone": ["overdue"]},
        }
    )

    # Every title contains an empty text. A client may have lost the text to find.
    q = text_filter(Length(min=1, error=_EMPTY))
    overdue: Any = _boolean("overdue", True)  # noqa: FBT003 # The value.
    priority: Any = _strings("priority", {"enum": [word or "none" for word in PRIORITIES]}, len(PRIORITIES))
    tags_all: Any = _tags("tags_all")
    tags_any: Any = _tags("tags_any")
    tags_none: Any = _tags("tags_none")
    tagged: Any = _boolean("tagged")

    def load(self, data: Mapping[str, Any], **options: Any) -> dict[str, Any]:  # type: ignore[override] # As there.
        """Return the values of filters as :class:`taskapp.tasks.list_schema.ListQuery` does, without defaults.

        Raises:
            ValidationError: a filter is invalid, or there is none.
        """
        if not data:
            raise ValidationError({None: ['Needs at least one condition. {"status": "all"} selects all tasks.']})
        return super().load(data, **options)
