"""The details of a 422: the errors of nested input as one level of names with dots, such as ``operations.3.title``."""

from collections.abc import Iterator, Mapping
from typing import Any

from taskapp.http.unknown_names import Suggestions


def _leaves(messages: Mapping[Any, Any], whole: str, prefix: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Yield the name and the errors of each field. The key None stands for the object itself, whose name is whole."""
    for key, errors in messages.items():
        name = whole if key is None else f"{prefix}{key}"
        if isinstance(errors, dict):
            yield from _leaves(errors, name, f"{name}.")
        else:
            yield name, errors


def describe_errors(messages: Mapping[Any, Any], location: str) -> dict[str, list[str]]:
    """Return the sentences for the errors of an input, by name.

    Args:
        messages: the messages of a ``ValidationError`` of :class:`taskapp.http.input_schema.InputSchema`, nested like
            the input.
        location: ``body`` or ``query``, which is also the name of the whole input.
    """
    suggestions = Suggestions(location)
    details: dict[str, list[str]] = {}
    for name, errors in _leaves(messages, location):
        sentences = [error if isinstance(error, str) else suggestions.describe(error) for error in errors]
        details.setdefault(name, []).extend(sentences)
    return details
