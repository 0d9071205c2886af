"""The route of statistics."""

from datetime import date
from typing import Any

from flask import Response

from taskapp.auth.guard import authorize
from taskapp.http.blueprint import Blueprint
from taskapp.http.concurrency import costly
from taskapp.http.errors import map_error
from taskapp.http.json_provider import json_response
from taskapp.http.openapi import API_ERRORS, QUOTA, headers
from taskapp.tasks.error_responses import OPERATION_TOO_SLOW, UNKNOWN_TIME_ZONE
from taskapp.tasks.errors import OperationTooSlow, UnknownTimeZone
from taskapp.tasks.stats import schemas, service

bp = Blueprint(
    "statistics",
    __name__,
    guard=authorize,
    url_prefix="/api/<user_id>/tasks/stats",
    description="The numbers of a user's tasks.",
    errors=API_ERRORS,
)
map_error(bp, UnknownTimeZone, UNKNOWN_TIME_ZONE)
map_error(bp, OperationTooSlow, OPERATION_TOO_SLOW)

_COUNTS = {
    "total": 120,
    "pending": 20,
    "completed": 100,
    "overdue": 3,
    "due_today": 2,
    "no_due_date": 7,
    "pending_by_priority": {"urgent": 1, "high": 4, "medium": 3, "low": 2, "none": 10},
}
_DAYS = [{"date": "2026-11-01", "created": 3, "completed": 2}, {"date": "2026-11-02", "created": 0, "completed": 1}]
_STATS = {
    "description": "The numbers.",
    "examples": {
        "counts": {"summary": "Without days", "value": {"data": _COUNTS}},
        "days": {
            "summary": "With from=2026-11-01 and before=2026-11-03",
            "value": {"data": {**_COUNTS, "days": _DAYS}},
        },
    },
    "headers": headers(*QUOTA),
}


@bp.route("", methods=["GET"])
@bp.arguments(schemas.StatsQuery, location="query")
@bp.response(200, schemas.StatsEnvelope, **_STATS)
@costly
def get_statistics(user_id: str, query: dict[str, Any]) -> Response:
    """Count tasks.

    Counts the tasks in each state. With `from` and `before`, it also counts those that were created and completed on
    each of up to 366 days. Days begin and end on the clock of `time_zone`.
    """
    ends = [date.fromisoformat(query[name]) for name in ("from", "before") if name in query]
    days = (ends[0], ends[1]) if ends else None
    return json_response({"data": service.count_tasks(user_id, time_zone=query["time_zone"], days=days)})
