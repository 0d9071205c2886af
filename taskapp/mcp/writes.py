"""The tools that write. Each makes one request, so it is applied as a whole or not at all, and undone as a whole."""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from taskapp.mcp.api import Api
from taskapp.mcp.errors import Rename, ToolError
from taskapp.mcp.representation import brief

_OPERATION = re.compile(r"\boperations\.(\d+)")
_OF_ID = re.compile(r"\b(ids\.\d+)\.\w+")
_REPLAYED = (
    "Nothing was added now, because the same call was made before. These are the tasks as they were added then. They"
    " may have been changed, deleted or undone since. To add equal tasks once more, call again with another request_id."
)


def _of_tasks(name: str) -> str:
    return _OPERATION.sub(r"tasks.\1", name).replace("description, completed, ", "description, ")


def _of_ids(name: str) -> str:
    return _OF_ID.sub(r"\1", _OPERATION.sub(r"ids.\1", name))


def add_tasks(api: Api, arguments: Mapping[str, Any], time_zone: str | None) -> dict[str, Any]:
    """Add tasks, all or none. The same arguments within a day add them only once.

    A time or a recurrence without a time zone gets the user's.

    Raises:
        ToolError: nothing was added, and why.
    """
    needs_zone = ("due_time", "recurrence")
    operations = [
        {"op": "create", **({"time_zone": time_zone} if time_zone and any(map(task.get, needs_zone)) else {}), **task}
        for task in arguments["tasks"]
    ]
    content = json.dumps([operations, arguments.get("request_id")], sort_keys=True)
    key = f"mcp-{hashlib.sha256(content.encode()).hexdigest()}"
    # The service compares the bodies of equal keys as text, so their fields must be in the same order, too.
    return _write(api, json.loads(content)[0], _of_tasks, key)


def update_tasks(api: Api, arguments: Mapping[str, Any], _time_zone: str | None) -> dict[str, Any]:
    """Change fields of tasks, all or none.

    Raises:
        ToolError: nothing was changed, and why.
    """
    operations = []
    for index, task in enumerate(arguments["tasks"]):
        cleared = task.pop("clear", [])
        if contradictory := [name for name in cleared if name in task]:
            raise ToolError(f"tasks.{index}.clear: {', '.join(contradictory)} cannot be set and cleared at once.")
        operations.append({"op": "update", **task, **dict.fromkeys(cleared)})
    return _write(api, operations, _of_tasks)


def complete_tasks(api: Api, arguments: Mapping[str, Any], _time_zone: str | None) -> dict[str, Any]:
    """Complete tasks or reopen them, all or none.

    Raises:
        ToolError: nothing was changed, and why.
    """
    completed = arguments.get("completed", True)
    return _write(api, [{"op": "complete", "id": task, "completed": completed} for task in arguments["ids"]], _of_ids)


def delete_tasks(api: Api, arguments: Mapping[str, Any], _time_zone: str | None) -> dict[str, Any]:
    """Delete tasks, all or none.

    Raises:
        ToolError: nothing was deleted, and why.
    """
    return _write(api, [{"op": "delete", "id": task} for task in arguments["ids"]], _of_ids)


def undo_change(api: Api, arguments: Mapping[str, Any], _time_zone: str | None) -> dict[str, Any]:
    """Undo a write as a whole.

    Raises:
        ToolError: nothing was undone, and why.
    """
    data = api.post(f"/changes/{arguments['change']}/undo", None, _new_key()).body["data"]
    return _written(data["change"], [_shown(each, each["task_id"]) for each in data["results"]])


def _new_key() -> str:
    """Return a key for one call, so that its repetition after a broken connection writes nothing twice."""
    return f"mcp-{uuid.uuid4()}"


def _write(api: Api, operations: list[dict[str, Any]], rename: Rename, key: str | None = None) -> dict[str, Any]:
    response = api.post("/tasks/bulk", {"operations": operations}, key or _new_key(), rename)
    data = response.body["data"]
    result = _written(data["change"], [_shown(each, each.get("id")) for each in data["results"]])
    following = [brief(each["next"]) for each in data["results"] if each.get("next")]
    if following:
        result["next_occurrences"] = following
    # First, because a model may not read to the end of a long result.
    return {"note": _REPLAYED, **result} if response.replayed else result


def _shown(result: Mapping[str, Any], task_id: int | None) -> dict[str, Any]:
    """Return the task of a result, or what is left of a deleted one."""
    return brief(result["task"]) if result.get("task") else {"id": task_id, "deleted": True}


def _written(change: int, tasks: list[dict[str, Any]]) -> dict[str, Any]:
    return {"change": change, "undo": f"Call undo_change with change {change}.", "tasks": tasks}
