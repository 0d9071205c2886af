"""Errors of tools: sentences from which a model can correct its call. They name the arguments of the tool."""

import json
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from taskapp.mcp.representation import brief

# From the name of a field or parameter of the API to that of an argument.
Rename = Callable[[str], str]

_ASK_THE_USER = "Only the user can change that: ask for another token, and do not call again with this one."
_SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR


class ToolError(Exception):
    """A call of a tool fails. The message is for the model."""


def same_name(name: str) -> str:
    """Return the name of a field, if the tool has the same."""
    return name


def describe(status: int, headers: Mapping[str, str], error: Mapping[str, Any], rename: Rename = same_name) -> str:
    """Return what a tool says about an error of the API.

    Args:
        status: the status of the response.
        headers: the headers of the response.
        error: its ``error``.
        rename: returns the name of an argument, by that of a field.
    """
    code, message, details = error["code"], error["message"], error.get("details", {})
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return f"{message} {_ASK_THE_USER}"
    if code == "NOT_APPLIED":
        return "\n".join(["Nothing was changed.", *_failed_operations(details["failed"], rename)])
    if code == "UNDO_CONFLICT":
        return "\n".join([message, "Nothing was undone.", *map(_conflict, details.get("conflicts", []))])
    if status == HTTPStatus.UNPROCESSABLE_ENTITY and details:
        return "\n".join(_sentences(details, rename))
    later = f" Try again in {headers['Retry-After']} seconds." if "Retry-After" in headers else ""
    return f"{message}{later} (request {error['request_id']})" if status >= _SERVER_ERROR else f"{message}{later}"


def _sentences(details: Mapping[str, list[str]], rename: Rename) -> Iterator[str]:
    for name, sentences in details.items():
        for sentence in sentences:
            yield f"{rename(name)}: {rename(sentence)}"


def _failed_operations(failed: list[Mapping[str, Any]], rename: Rename) -> Iterator[str]:
    for each in failed:
        name = rename(f"operations.{each['index']}")
        current = f" The task as it is: {_json(brief(each['current']))}" if each["current"] else ""
        if each["code"] == "TASK_NOT_FOUND":
            yield f"{name}: There is no task with the id {each['id']}."
        elif each["code"] == "PRECONDITION_FAILED":
            yield f"{name}: Task {each['id']} has changed, and has another version now.{current}"
        else:
            details = each.get("details", {"": [each["code"]]})
            for field, sentences in details.items():
                yield f"{name}{field and '.'}{field}: {' '.join(sentences)}{current}"


def _conflict(conflict: Mapping[str, Any]) -> str:
    name, current = f"Task {conflict['task_id']}", conflict["current"]
    if not current:
        return f"{name} no longer exists."
    return f"{name} was changed since: {', '.join(conflict['changed'])}. The task as it is: {_json(brief(current))}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
