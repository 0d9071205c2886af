"""The OpenAPI parts of the route other than schemas."""

from taskapp.http.openapi import QUOTA, headers
from taskapp.tasks.examples import CHANGED_EXAMPLE, EXAMPLE, UPDATED_AT

_PLAIN = {
    **EXAMPLE,
    **dict.fromkeys(("description", "priority", "due_date", "due_time", "time_zone", "due_at")),
    "tags": [],
}
_NEW = {
    **_PLAIN,
    "id": 4,
    "uid": "9b1f6a0e-4c7e-4a55-8a1d-2f4b1c7e3d90",
    "title": "Call the bank",
    "created_at": UPDATED_AT,
    "updated_at": UPDATED_AT,
    "version": 4,
}
_DONE = {
    **_PLAIN,
    "id": 2,
    "uid": "5d0f3a52-6d0b-4b1e-9a0c-8f1e2d3c4b5a",
    "title": "Water the plants",
    "completed": True,
    "completed_at": UPDATED_AT,
    "updated_at": UPDATED_AT,
    "version": 6,
}
_TRIED = {**_NEW, "id": None, "uid": None, "version": None}


def _result(*results: object, change: int | None) -> dict[str, object]:
    return {"data": {"change": change, "dry_run": change is None, "results": [*results]}}


BODIES = {
    "list": {
        "summary": "A list of operations",
        "value": {
            "operations": [
                {"op": "create", "title": "Call the bank"},
                {"op": "update", "id": 1, "version": 1, "title": "Buy oat milk"},
                {"op": "complete", "id": 2, "completed": True},
                {"op": "delete", "id": 3},
            ]
        },
    },
    "filter": {
        "summary": "One operation on all tasks that match",
        "value": {
            "filter": {"status": "pending", "tags_any": ["errand"]},
            "op": "update",
            "priority": "high",
            "max_affected": 200,
        },
    },
}
APPLIED = {
    "description": "All operations were applied; or, with `dry_run=true`, they could be. Results are in the order of "
    "the operations, or of the ids of tasks that match. If none matches, `results` is empty and `change` is `null`.",
    "examples": {
        "applied": {
            "summary": "A task created, one updated, one completed and one deleted",
            "value": _result(
                {"status": 201, "task": _NEW},
                {"status": 200, "task": {**CHANGED_EXAMPLE, "version": 5}},
                {"status": 200, "task": _DONE},
                {"status": 200, "id": 3},
                change=4,
            ),
        },
        "dry_run": {
            "summary": "With `dry_run=true`, a task that would be created, and one that would be deleted",
            "value": _result({"status": 201, "task": _TRIED}, {"status": 200, "id": 3}, change=None),
        },
        "none": {
            "summary": "No task matches the filter",
            "value": {"data": {"change": None, "dry_run": False, "results": []}},
        },
    },
    "headers": headers(*QUOTA, "Change", "Idempotency-Replayed"),
}
