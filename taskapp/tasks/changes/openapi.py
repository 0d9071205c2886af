"""The OpenAPI parts of the routes of changes other than schemas."""

from typing import Any

from taskapp.http.openapi import QUOTA, headers
from taskapp.tasks.examples import CHANGED_EXAMPLE, EXAMPLE, UPDATED_AT

UPDATE: dict[str, Any] = {
    "number": 2,
    "write": 2,
    "undoes": None,
    "task_id": 1,
    "type": "updated",
    "at": UPDATED_AT,
    "changed": {"title": {"from": EXAMPLE["title"], "to": CHANGED_EXAMPLE["title"]}},
}
_DELETION = {
    **UPDATE,
    "number": 3,
    "write": 3,
    "task_id": 2,
    "type": "deleted",
    "changed": {"title": {"from": "Call the bank", "to": None}, "completed": {"from": True, "to": None}},
}


def _newest(*, required: bool) -> dict[str, Any]:
    return {
        "description": "The number of the newest change as a strong entity tag. Missing if `pagination.more` is true.",
        "required": required,
        "schema": {"type": "string", "pattern": '^"(0|[1-9][0-9]*)"$', "examples": ['"3"']},
    }


IF_NONE_MATCH = {
    "in": "header",
    "name": "If-None-Match",
    "description": "Return 304 if the newest change still has one of these entity tags.",
    "schema": {"type": "string", "examples": ['"3"']},
}
FEED: dict[str, Any] = {
    "description": "A page of the feed.",
    "examples": {
        "last": {
            "summary": "Last or only page",
            "value": {
                "data": [{**UPDATE, "task": CHANGED_EXAMPLE}, {**_DELETION, "task": None}],
                "pagination": {"limit": 100, "after": 3, "more": False},
            },
        },
        "page": {
            "summary": "Page with more to follow",
            "value": {
                "data": [{**UPDATE, "task": CHANGED_EXAMPLE}],
                "pagination": {"limit": 1, "after": 2, "more": True},
            },
        },
        "nothing": {
            "summary": "Nothing new",
            "value": {"data": [], "pagination": {"limit": 100, "after": 3, "more": False}},
        },
    },
    "headers": {**headers(*QUOTA, "Link"), "ETag": _newest(required=False)},
}
NOTHING_NEW: dict[str, Any] = {
    "description": "Nothing has changed since the entity tag in `If-None-Match`.",
    "headers": {**headers(*QUOTA), "ETag": _newest(required=True)},
}
