"""Says which field or parameter a client probably meant by a name that does not exist."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import cache
from itertools import islice

from marshmallow import Schema

# More names than these are only counted, so that a response is never larger than its request.
MAXIMUM_NAMES = 10
# Comparing names takes quadratic time. No name that exists is longer.
_MAXIMUM_LENGTH = 40
# How similar two names must be. One wrong, missing or exchanged letter in a name of five is similar enough.
_CUTOFF = 0.75
_KINDS = {"body": "field", "query": "parameter"}


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


def describe_unknown(names: Collection[str], schema: Schema, location: str) -> dict[str, list[str]]:
    """Return the details of an error for names that a schema does not have.

    Args:
        names: the unknown names.
        schema: the schema. Its attribute ``synonyms`` maps its fields to other words for them.
        location: ``body`` or ``query``. Also the key under which names that are too many are counted.
    """
    kind = _KINDS[location]
    details = {}
    for name in islice(names, MAXIMUM_NAMES):
        nearest = _nearest(name, schema)
        details[name] = [f"Unknown {kind}. Did you mean {nearest}?" if nearest else f"Unknown {kind}."]
    if len(names) > MAXIMUM_NAMES:
        details[location] = [f"Contains {len(names) - MAXIMUM_NAMES:,} more unknown {kind}s."]
    return details
