"""The base classes of input schemas, which reject anything that they do not declare, and the fields for nested ones."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields, missing
from marshmallow.exceptions import SCHEMA

from taskapp.http.request import current_request
from taskapp.http.unknown_names import unknown_names

# Of a list. An error takes ten times as long as a valid value, and its text is longer.
MAXIMUM_INVALID = 100


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
        alternatives: if the input has one of several schemas, these, for the OpenAPI document. See :meth:`choose`.
    """

    class Meta:
        unknown = RAISE

    body_optional = False
    json_schema: Mapping[str, Any] = MappingProxyType({})
    synonyms: Mapping[str, Sequence[str]] = MappingProxyType({})
    alternatives: Sequence[type["InputSchema"]] = ()

    # Undocumented, because JSON Schema cannot require the value in the path, and generated clients would have it twice.
    user_id = fields.String(load_only=True, validate=equals_path_user, metadata={"undocumented": True})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        every: Mapping[str, Any] = self.load_fields
        self._names = frozenset(every)
        self._required = frozenset(name for name, field in every.items() if field.required)
        self._defaults = {
            name: field.load_default for name, field in every.items() if field.load_default is not missing
        }
        self._instances = {schema: schema() for schema in self.alternatives}

    def choose(self, _data: Mapping[str, Any]) -> type["InputSchema"] | None:
        """Return that one of the alternatives which an input has; None if there are none.

        Raises:
            ValidationError: the input does not say which.
        """
        return None

    def load(self, data: Mapping[str, Any], **options: Any) -> dict[str, Any]:  # type: ignore[override] # Only objects.
        """Return the values of the fields that were sent, and the defaults of others, without the user id.

        marshmallow spends two microseconds on each field that was not sent, unless the data may be partial. It would
        search for unknown names again, a tenth of the time. Validators of the whole input see only what was sent.

        Raises:
            ValidationError: the input does not match the schema. Its messages are nested like the input. Those of the
                whole input have the key None. See :func:`taskapp.http.input_errors.describe_errors`.
        """
        if self._instances and (chosen := self.choose(data)):
            return self._instances[chosen].load(data, **options)
        unknown = [] if data.keys() <= self._names else [name for name in data if name not in self._names]
        if surplus := set(unknown[1:]):  # One is enough for marshmallow to reject the input. It takes time for each.
            data = {name: value for name, value in data.items() if name not in surplus}
        complete = self._required <= data.keys()
        try:
            values: dict[str, Any] = super().load(
                data, **options, partial=complete or None, unknown=RAISE if unknown else EXCLUDE
            )
        except ValidationError as error:
            messages: dict[Any, Any] = error.messages_dict
            if not unknown and SCHEMA in messages:  # Otherwise it is the name of a field that was sent.
                messages[None] = messages.pop(SCHEMA)
            raise ValidationError({**messages, **unknown_names(unknown, self)}) from None
        values.pop("user_id", None)  # It equals the one in the path.
        return {**self._defaults, **values}


class ChosenByName(InputSchema):
    """The base class of inputs whose schema is named by one of their fields.

    Class attributes:
        discriminator: the name of the field.
        names: the schema for each of its values.
    """

    discriminator: str
    names: Mapping[str, type[InputSchema]]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.alternatives = tuple(cls.names.values())

    def choose(self, data: Mapping[str, Any]) -> type[InputSchema]:
        """Return the schema that the input names.

        Raises:
            ValidationError: the name is missing, or no schema has it.
        """
        name = data.get(self.discriminator)
        if isinstance(name, str) and name in self.names:
            return self.names[name]
        raise ValidationError({self.discriminator: [f"Must be one of: {', '.join(self.names)}."]})


class Object(fields.Nested):
    """An object with an input schema.

    Args:
        schema: the schema.
        options: the other arguments of ``fields.Nested``.
    """

    def __init__(self, schema: type[InputSchema], **options: Any) -> None:
        super().__init__(schema, **options)
        self._loader = schema()

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("Must be an object.")
        return self._loader.load(value)


class Objects(fields.List[Any]):
    """A list of objects with an input schema.

    Args:
        schema: the schema.
        maximum: the maximum number of objects. At least one is required.
        noun: the noun for the objects in errors.
        options: the other arguments of ``fields.List``.
    """

    def __init__(self, schema: type[InputSchema], *, maximum: int, noun: str, **options: Any) -> None:
        self._object = Object(schema)
        self._maximum, self._noun = maximum, noun
        about = {"minItems": 1, "maxItems": maximum, **options.pop("metadata", {})}
        super().__init__(self._object, metadata=about, **options)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        if not (isinstance(value, list) and 1 <= len(value) <= self._maximum):
            raise ValidationError(f"Must be 1 to {self._maximum:,} {self._noun}.")
        loaded: list[dict[str, Any]] = []
        errors: dict[int, Any] = {}
        more: dict[None, list[str]] = {}
        for place, item in enumerate(value):
            try:
                loaded.append(self._object.deserialize(item))
            except ValidationError as error:
                errors[place] = error.messages
                if len(errors) == MAXIMUM_INVALID and place + 1 < len(value):
                    more[None] = [f"Checked only to {self.name}.{place}: {MAXIMUM_INVALID} {self._noun} are invalid."]
                    break
        for place, messages in self.compare(value).items():
            errors[place] = {**messages, **errors.get(place, {})}
        if errors:
            raise ValidationError({**dict(sorted(errors.items())), **more})
        return loaded

    def compare(self, _items: list[Any]) -> dict[int, dict[str, list[str]]]:
        """Return the errors of items that do not go together, by place and field. The items are as they were sent."""
        return {}
