"""The tasks in the examples of the OpenAPI document."""

from typing import Any

CREATED_AT = "2026-11-22T09:30:00.123456Z"
UPDATED_AT = "2026-11-22T09:45:00.654321Z"
EXAMPLE: dict[str, Any] = {
    "id": 1,
    "uid": "0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11",
    "user_id": "demo",
    "title": "Buy milk",
    "description": "Two litres, not the sour kind",
    "completed": False,
    "completed_at": None,
    "priority": "high",
    "tags": ["errand", "home"],
    "due_date": "2026-12-24",
    "due_time": "17:00",
    "time_zone": "Europe/Berlin",
    "due_at": "2026-12-24T16:00:00.000000Z",
    "recurrence": None,
    "reminder": {"minutes_before": 30},
    "reminded_at": None,
    "created_at": CREATED_AT,
    "updated_at": CREATED_AT,
    "version": 1,
}
OTHER_TASK = {
    **EXAMPLE,
    "id": 2,
    "uid": "5f0c9a35-6a5e-4f0e-8d4b-0e5f5f1b7a52",
    "title": "Call the bank",
    "description": None,
    "completed": True,
    "completed_at": UPDATED_AT,
    "priority": None,
    "tags": [],
    **dict.fromkeys(("due_date", "due_time", "time_zone", "due_at", "reminder")),
}
CHANGED_EXAMPLE = {**EXAMPLE, "title": "Buy oat milk", "updated_at": UPDATED_AT, "version": 2}
COMPLETED_EXAMPLE = {**EXAMPLE, "completed": True, "completed_at": UPDATED_AT, "updated_at": UPDATED_AT, "version": 2}
# A recurring task, completed, and its next occurrence.
OCCURRENCE: dict[str, Any] = {
    **CHANGED_EXAMPLE,
    "id": 7,
    "uid": "7c9f3a1e-52b4-4d0e-9c55-3c6f1f0a2b77",
    "title": "Water the plants",
    "description": None,
    "completed": True,
    "completed_at": UPDATED_AT,
    "priority": None,
    "due_date": "2026-11-30",
    "due_time": None,
    "due_at": None,
    "reminder": None,
    "recurrence": {
        "rule": "FREQ=WEEKLY;BYDAY=MO",
        "from": "due_date",
        "series_id": "9f1c7f0a-8a3e-4c55-9d1b-6f0e2a4b8c3d",
        "occurrence": "2026-11-30",
        "next": "2026-12-07",
        "last": None,
    },
    "tags": ["home"],
    "version": 12,
}
NEXT_OCCURRENCE = {
    **OCCURRENCE,
    "id": 8,
    "uid": "2d7b7a4f-0a0c-4a58-8f19-6e5c1d2f9a04",
    "completed": False,
    "completed_at": None,
    "due_date": "2026-12-07",
    "recurrence": {**OCCURRENCE["recurrence"], "occurrence": "2026-12-07", "next": "2026-12-14"},
    "created_at": UPDATED_AT,
    "version": 13,
}
PENDING_OCCURRENCE = {
    **OCCURRENCE,
    "completed": False,
    "completed_at": None,
    "updated_at": CREATED_AT,
    "version": 11,
}
