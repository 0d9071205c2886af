"""The OpenAPI parts of the task routes other than schemas: parameters, headers, examples and links.

The views refer to them. Requests do not use them.
"""

from typing import Any

from taskapp.db.columns import USER_ID_LENGTH
from taskapp.http.openapi import QUOTA, headers
from taskapp.tasks.examples import (
    CHANGED_EXAMPLE,
    COMPLETED_EXAMPLE,
    EXAMPLE,
    NEXT_OCCURRENCE,
    OCCURRENCE,
    OTHER_TASK,
    PENDING_OCCURRENCE,
)


def _header(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"in": "header", "name": name, "description": description, "schema": {"type": "string", **schema}}


def _example(summary: str, value: Any) -> dict[str, Any]:
    return {"summary": summary, "value": value}


def _next_step(operation: str, description: str) -> dict[str, Any]:
    of_the_task = {"user_id": "$request.path.user_id", "task_id": "$response.body#/data/id"}
    return {"operationId": operation, "description": description, "parameters": of_the_task}


# Parameters.
USER_ID = {
    "in": "path",
    "name": "user_id",
    "description": "Your own user id. Must equal the one in your token.",
    "schema": {"type": "string", "minLength": 1, "maxLength": USER_ID_LENGTH, "pattern": r"^[^/\u0000]+$"},
    "example": "demo",
}
TASK_ID = {"in": "path", "name": "task_id", "description": "The `id` of the task.", "example": 1}
IF_NONE_MATCH = _header(
    "If-None-Match",
    "Return 304 if the task still has one of these entity tags.",
    examples=['"3"'],
)
IF_MATCH = _header(
    "If-Match",
    "Write only if the task still has one of these entity tags: its `version` in double quotes. Weak tags (`W/`) never "
    "match. `*` requires only that the task exists.",
    pattern=r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$',
    examples=['"3"'],
)
PREFER = _header(
    "Prefer",
    "With `merge=disjoint` and one entity tag in `If-Match`, an update of an earlier version takes effect if nobody "
    "else changed the same fields since. Other preferences are ignored (RFC 7240).",
    examples=["merge=disjoint"],
)
IDEMPOTENCY_KEY = _header(
    "Idempotency-Key",
    "1 to 255 visible ASCII characters of your choice. If you retry the request with the same key, nothing is written, "
    "and the original response is returned. Keys are kept for at least 24 hours.",
    pattern=r'^([!#-~][!-~]{0,254}|"[!#-\[\]-~]{1,255}")$',
    examples=["8e03978e-40d5-43dd-bc93-6894a57f9324"],
)

CURSOR = "WzIsMl0.x1zd3sBwQbPq0VbXm2m4e9RkZ8c"

# Examples of request bodies.
TASK_INS = {
    "title": _example("Title only", {"title": "Buy milk"}),
    "everything": _example(
        "All fields",
        {
            "uid": "0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11",
            "title": "Buy milk",
            "description": "Two litres, not the sour kind",
            "completed": False,
            "priority": "high",
            "tags": ["errand", "home"],
            "due_date": "2026-12-24",
            "due_time": "17:00",
            "time_zone": "Europe/Berlin",
            "recurrence": {"rule": "FREQ=YEARLY"},
        },
    ),
    "weekly": _example(
        "Every Monday",
        {
            "title": "Water the plants",
            "due_date": "2026-11-30",
            "time_zone": "Europe/Berlin",
            "recurrence": {"rule": "FREQ=WEEKLY;BYDAY=MO"},
        },
    ),
    "from_completion": _example(
        "Three days after each completion",
        {
            "title": "Water the plants",
            "due_date": "2026-11-30",
            "time_zone": "Europe/Berlin",
            "recurrence": {"rule": "FREQ=DAILY;INTERVAL=3", "from": "completion"},
        },
    ),
}
TASK_CHANGES = {
    "title": _example("Change the title", {"title": "Buy oat milk"}),
    "description": _example("Clear the description", {"description": None}),
    "day": _example("Move to another day, at the same time", {"due_date": "2026-12-25"}),
    "all_day": _example("Make it all day", {"due_time": None}),
    "recurrence": _example(
        "Let it recur",
        {
            "due_date": "2026-11-30",
            "time_zone": "Europe/Berlin",
            "recurrence": {"rule": "FREQ=MONTHLY;BYMONTHDAY=-1"},
        },
    ),
    "end": _example("End the series", {"recurrence": None}),
    "tags": _example("Add a tag and remove another", {"add_tags": ["urgent"], "remove_tags": ["home"]}),
    "everything": _example(
        "Change several fields",
        {"title": "Buy oat milk", "description": "One litre", "completed": True, "priority": None, "tags": []},
    ),
}
COMPLETIONS = {
    "completed": _example("Complete", {"completed": True}),
    "pending": _example("Reopen", {"completed": False}),
}

# Responses.
NEW_TASK = {
    "description": "The new task.",
    "examples": {
        "task": _example("A task", {"data": EXAMPLE}),
        "recurring": _example("A recurring task", {"data": PENDING_OCCURRENCE}),
    },
    "headers": headers(*QUOTA, "Location", "ETag", "Change", "Idempotency-Replayed"),
}
TASK_LIST = {
    "description": "A page of the list.",
    "examples": {
        "last": _example(
            "Last or only page",
            {"data": [OTHER_TASK, EXAMPLE], "pagination": {"limit": 1000, "next_cursor": None}},
        ),
        "page": _example(
            "Page with more to follow", {"data": [OTHER_TASK], "pagination": {"limit": 1, "next_cursor": CURSOR}}
        ),
        "part": _example(
            "With `fields=title` and `count=true`",
            {
                "data": [{"id": 2, "title": "Call the bank"}],
                "pagination": {"limit": 1, "next_cursor": CURSOR, "total": 61},
            },
        ),
        "numbered": _example(
            "With `as_of=now`",
            {"data": [EXAMPLE], "as_of": 1, "pagination": {"limit": 1000, "next_cursor": None}},
        ),
    },
    "headers": headers(*QUOTA, "Link", "Content-Disposition", "Total-Count", "As-Of"),
}
TASK = {
    "description": "The task.",
    "examples": {
        "task": _example("A task", {"data": EXAMPLE}),
        "recurring": _example("A recurring task", {"data": PENDING_OCCURRENCE}),
    },
    "headers": headers(*QUOTA, "ETag"),
}
NOT_MODIFIED = {
    "description": "The task still has one of the entity tags in `If-None-Match`.",
    "headers": headers(*QUOTA, "ETag"),
}
_WITH_NEXT = _example("An occurrence of a recurring task was completed", {"data": OCCURRENCE, "next": NEXT_OCCURRENCE})
CHANGED_TASK = {
    "description": "The updated task; and, if the write completed an occurrence of a recurring task, the next one.",
    "examples": {"task": _example("A task", {"data": CHANGED_EXAMPLE}), "next": _WITH_NEXT},
    "headers": headers(*QUOTA, "ETag", "Change", "Idempotency-Replayed", "Preference-Applied"),
}
COMPLETED_TASK = {
    **CHANGED_TASK,
    "examples": {"task": _example("A task", {"data": COMPLETED_EXAMPLE}), "next": _WITH_NEXT},
}
DELETION = {
    "description": "The task was deleted.",
    "example": {"data": {"success": True, "message": "Task deleted successfully"}},
    "headers": headers(*QUOTA, "Change", "Idempotency-Replayed"),
}

# Operations that accept the id of a new task (OpenAPI, Link Object).
NEXT_STEPS = {
    "read": _next_step("get_task", "Get the task."),
    "change": _next_step("update_task", "Update the task."),
    "merge": _next_step("patch_task", "Update the task with a merge patch."),
    "complete": _next_step("complete_task", "Complete the task."),
    "delete": _next_step("delete_task", "Delete the task."),
}
