"""Says which field or parameter a client probably meant by a name that does not exist."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import cache
from itertools import islice
from typing import NamedTuple

from marshmallow import Schema

# More names than these, in an object, are only counted, so that a response is hardly larger than its request. And no
# more different names than these, in a request, are compared with those that exist.
MAXIMUM_NAMES = 10
# Comparing names takes quadratic time. No name that exists is longer.
_MAXIMUM_LENGTH = 40
# How similar two names must be. One wrong, missing or exchanged letter in a name of five is similar enough.
_CUTOFF = 0.75
KINDS = {"body": "field", "query": "parameter"}


class UnknownName(NamedTuple):
    """The error of a name that a schema does not have.

    Attributes:
        name: the name.
        schema: the schema. Its attribute ``synonyms`` maps its fields to other words for them.
    """

    name: str
    schema: Schema


class MoreNames(NamedTuple):
    """The error of further names that a schema does not have.

    Attributes:
        number: the number of these names.
    """

    number: int


def unknown_names(names: Collection[str], schema: Schema) -> dict[str | None, list[UnknownName | MoreNames]]:
    """Return the errors for names that a schema does not have, by name. Those of the whole object have the key None."""
    errors: dict[str | None, list[UnknownName | MoreNames]] = {
        name: [UnknownName(name, schema)] for name in islice(names, MAXIMUM_NAMES)
    }
    return errors | {None: [MoreNames(len(names) - MAXIMUM_NAMES)]} if len(names) > MAXIMUM_NAMES else errors


def _normalize(name: str) -> str:
    """Return a name as it is compared: without case and separators, so that ``perPage`` equals ``per_page``."""
    return "".join(filter(str.isalnum, name.lower()))


@cache
def _meanings(schema: Schema) -> Mapping[str, str]:
    """Map the names of documented fields, and their synonyms, to the names of the fields."""
    names = [name for name, field in schema.fields.items() if not field.metadata.get("undocumented")]
    synonyms: Mapping[str, Collection[str]] = getattr(schema, "synonyms", {})
    others = {_normalize(word): name for name in names for word in synonyms.get(name, ())}
    return {**others, **{_normalize(name): name for name in names}}


def _nearest(name: str, schema: Schema) -> str | None:
    if len(name) > _MAXIMUM_LENGTH:
        return None
    meanings, normalized = _meanings(schema), _normalize(name)
    similar = [normalized] if normalized in meanings else get_close_matches(normalized, meanings, 1, _CUTOFF)
    return meanings[similar[0]] if similar else None


class Suggestions:
    """Describes the unknown names of one request.

    Args:
        location: ``body`` or ``query``.
    """

    def __init__(self, location: str) -> None:
        self._kind = KINDS[location]
        self._found: dict[UnknownName, str | None] = {}

    def describe(self, error: UnknownName | MoreNames) -> str:
        """Return the sentence for an error."""
        if isinstance(error, MoreNames):
            return f"Contains {error.number:,} more unknown {self._kind}s."
        if error not in self._found and len(self._found) < MAXIMUM_NAMES:
            self._found[error] = _nearest(error.name, error.schema)
        nearest = self._found.get(error)
        return f"Unknown {self._kind}. Did you mean {nearest}?" if nearest else f"Unknown {self._kind}."
