"""The OpenAPI parts of the route other than schemas."""

from taskapp.http.openapi import QUOTA, headers
from taskapp.tasks.openapi import CHANGED_EXAMPLE, CREATED_AT, EXAMPLE

_NEW = {**EXAMPLE, "id": 4, "uid": "9b1f6a0e-4c7e-4a55-8a1d-2f4b1c7e3d90", "title": "Call the bank", "version": 2}
_DRY = {**_NEW, "id": None, "uid": None, "version": None, "created_at": CREATED_AT}


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
    "description": "All operations were applied, in the order of the request; or one to all tasks that match.",
    "examples": {
        "applied": {
            "summary": "A task created, one updated and one deleted",
            "value": _result(
                {"status": 201, "task": _NEW},
                {"status": 200, "task": {**CHANGED_EXAMPLE, "version": 3}},
                {"status": 200, "id": 3},
                change=2,
            ),
        },
        "dry_run": {
            "summary": "With `dry_run=true`",
            "value": _result({"status": 201, "task": _DRY}, {"status": 200, "id": 3}, change=None),
        },
    },
    "headers": headers(*QUOTA, "Change", "Idempotency-Replayed"),
}
