"""Loads the body of many writes as the route does, and names its errors."""

import pytest

from taskapp.http.errors import InvalidInput
from taskapp.http.input import load_input
from taskapp.tasks.bulk.schemas import BulkIn

SCHEMA = BulkIn()
DELETION = {"op": "delete", "id": 1}
EMPTY = "Must not be empty. Omit it instead."
MISSING = "Missing data for required field."


def load(body):
    return load_input(body, SCHEMA, "body")


def errors(body):
    """The sentence for each name; each has one."""
    with pytest.raises(InvalidInput) as raised:
        load(body)
    assert all(len(sentences) == 1 for sentences in raised.value.details.values())
    return {name: sentences[0] for name, sentences in raised.value.details.items()}


def of_operation(operation):
    """The errors of one operation, which is the fourth one."""
    others = [{"op": "create", "title": "x"}] * 3
    found = errors({"operations": [*others, operation]})
    return {name.removeprefix("operations.3").removeprefix("."): sentence for name, sentence in found.items()}


def matching(query, op="delete", **fields):
    """A body by filter."""
    return {"filter": query, "op": op, "max_affected": 10, **fields}


def of_filter(query):
    """The errors of a filter."""
    return {name.removeprefix("filter").removeprefix("."): text for name, text in errors(matching(query)).items()}
