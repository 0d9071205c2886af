"""The OpenAPI parts of the routes of single writes other than schemas."""

from taskapp.http.openapi import QUOTA, headers
from taskapp.tasks.changes.openapi import UPDATE
from taskapp.tasks.examples import CHANGED_EXAMPLE, EXAMPLE, UPDATED_AT

NUMBER = {
    "in": "path",
    "name": "number",
    "description": "The number of a write: the header `Change` of its response, or the `write` of a change.",
    "example": 2,
}
WRITE = {
    "description": "The changes of the write.",
    "example": {"data": [UPDATE], "pagination": {"limit": 1000, "next_cursor": None}},
    "headers": headers(*QUOTA, "Link"),
}
_RESULTS = [{"task_id": 1, "type": "updated", "task": {**EXAMPLE, "updated_at": UPDATED_AT, "version": 3}}]
UNDONE = {
    "description": "The write was undone.",
    "examples": {
        "undone": {
            "summary": "Undone",
            "value": {"data": {"change": 3, "undoes": 2, "dry_run": False, "results": _RESULTS}},
        },
        "dry_run": {
            "summary": "With `dry_run=true`",
            "value": {
                "data": {
                    "change": None,
                    "undoes": 2,
                    "dry_run": True,
                    "results": [{**_RESULTS[0], "task": {**CHANGED_EXAMPLE, "title": EXAMPLE["title"]}}],
                }
            },
        },
    },
    "headers": headers(*QUOTA, "Change", "Idempotency-Replayed"),
}
