"""Reads the arguments of a call by the schema of its tool, and names everything that is wrong with them at once.

Models often send ``null`` for what they leave out, and numbers and booleans as text. Both have one meaning, so they are
accepted. Everything else that is not in the schema is an error. Values of text are left to the service.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

from taskapp.mcp.errors import ToolError

# 2^63-1 is the largest id; no text with more digits is one.
_MAXIMUM_DIGITS = 19
# More errors than these, and more unknown names in an object, are only counted. Comparing names takes time.
_MAXIMUM_ERRORS = 20
_BOOLEANS = {"true": True, "false": False}
_KINDS = {"array": list, "object": dict, "string": str, "integer": int, "boolean": bool}
_NOUNS = {
    "integer": "a whole number, such as 12",
    "boolean": "true or false",
    "string": "text",
    "array": "an array",
    "object": "an object",
}


def read_arguments(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that have a value.

    Args:
        arguments: what the model sent.
        schema: the input schema of the tool.

    Raises:
        ToolError: the message has a line for each error.
    """
    errors: list[str] = []
    found: dict[str, Any] = _read_object(arguments, schema, "", errors)
    if errors:
        more = [f"And {len(errors) - _MAXIMUM_ERRORS} more errors."] if len(errors) > _MAXIMUM_ERRORS else []
        raise ToolError("\n".join([*errors[:_MAXIMUM_ERRORS], *more]))
    return found


def _read(value: Any, schema: Mapping[str, Any], name: str, errors: list[str]) -> Any:
    kind = schema["type"]
    if kind == "integer" and isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value) if len(value) <= _MAXIMUM_DIGITS else value
    if kind == "boolean" and isinstance(value, str):
        value = _BOOLEANS.get(value, value)
    if not _is_a(value, kind) or value not in schema.get("enum", (value,)):
        errors.append(f"{name}: {_must_be(schema)}.")
    elif kind == "object":
        return _read_object(value, schema, f"{name}.", errors)
    elif kind == "array":
        return _read_array(value, schema, name, errors)
    elif kind == "integer":
        _check_range(value, schema, name, errors)
    return value


def _must_be(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return f"Must be one of: {', '.join(schema['enum'])}"
    described = f" ({schema['description']})" if "description" in schema else ""
    return f"Must be {_NOUNS[schema['type']]}{described}"


def _is_a(value: Any, kind: str) -> bool:
    return type(value) is _KINDS[kind]  # True is an int for isinstance.


def _check_range(value: int, schema: Mapping[str, Any], name: str, errors: list[str]) -> None:
    if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        errors.append(f"{name}: Must be from {schema['minimum']} to {schema['maximum']}.")


def _read_array(values: list[Any], schema: Mapping[str, Any], name: str, errors: list[str]) -> list[Any]:
    low, high = schema.get("minItems", 0), schema.get("maxItems", len(values))
    if not low <= len(values) <= high:
        errors.append(f"{name}: Must have {low} to {high} items. Send more in several calls.")
        return values
    return [_read(value, schema["items"], f"{name}.{index}", errors) for index, value in enumerate(values)]


def _read_object(value: Mapping[str, Any], schema: Mapping[str, Any], path: str, errors: list[str]) -> dict[str, Any]:
    known = schema["properties"]
    given = {name: each for name, each in value.items() if each is not None}
    unknown = islice((name for name in given if name not in known), _MAXIMUM_ERRORS)
    errors += [f"{path}{name[:40]}: Unknown. {_suggestion(name, known)}" for name in unknown]
    errors += [f"{path}{name}: Is required." for name in schema.get("required", ()) if name not in given]
    return {name: _read(each, known[name], path + name, errors) for name, each in given.items() if name in known}


def _suggestion(name: str, known: Mapping[str, Any]) -> str:
    if name == "completed":
        return "Only complete_tasks changes it."
    nearest = get_close_matches(name[:40].lower(), known, n=1, cutoff=0.75)
    return f"Did you mean {nearest[0]}?" if nearest else f"There are: {', '.join(known)}."
