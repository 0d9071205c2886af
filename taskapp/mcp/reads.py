"""The tools that read: ``find_tasks`` and ``get_overview``."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from taskapp.mcp.api import Api
from taskapp.mcp.definitions import DEFAULT_FOUND, MAXIMUM_FOUND
from taskapp.mcp.errors import ToolError
from taskapp.mcp.representation import SHOWN, brief

_PARAMETERS = {"q": "text", "tags_all": "tags"}
_FIELDS = ",".join(name for name in SHOWN if name != "id")
_FIELDS_OF_OVERVIEW = ",".join(name for name in SHOWN if name not in {"id", "description", "completed_at"})
_NO_TIME_ZONE = (
    "time_zone: Is required, because days end at another moment in each time zone. Send the user's, such as "
    "Europe/Berlin."
)
_DAYS = 7


def _argument(name: str) -> str:
    return _PARAMETERS.get(name, name)


def find_tasks(api: Api, arguments: Mapping[str, Any], time_zone: str | None) -> dict[str, Any]:
    """Return a page of tasks.

    Args:
        api: the API.
        arguments: those of the tool.
        time_zone: the user's time zone, if it is known.

    Raises:
        ToolError: an argument is invalid, or the service does not respond.
    """
    query = {"limit": DEFAULT_FOUND, **arguments, "count": True, "fields": _FIELDS}
    zone = query.pop("time_zone", time_zone)
    if query.get("overdue") is False:  # Models send the default of what they do not want.
        del query["overdue"]
    elif "overdue" in query:
        if not zone:
            raise ToolError(_NO_TIME_ZONE)
        query["time_zone"] = zone
    for parameter, argument in _PARAMETERS.items():
        if argument in query:
            query[parameter] = query.pop(argument)
    found = api.get("/tasks", {name: _as_text(value, name) for name, value in query.items() if value != []}, _argument)
    result = {"tasks": list(map(brief, found["data"])), "total": found["pagination"]["total"]}
    cursor = found["pagination"]["next_cursor"]
    return {**result, "next_cursor": cursor} if cursor else result


def _as_text(value: Any, name: str) -> str:
    """Return the value of a query parameter. Lists are joined by commas, which no tag and no priority contains."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        if any("," in each for each in value):
            raise ToolError(f"{_argument(name)}: Must not contain a comma. Send each as an item of the array.")
        return ",".join(value)
    return str(value)


def get_overview(api: Api, arguments: Mapping[str, Any], time_zone: str | None) -> dict[str, Any]:
    """Return what is on: numbers, tags, and the tasks that are overdue, due today and due in the next seven days.

    Raises:
        ToolError: no time zone is known, or it is invalid, or the service does not respond.
    """
    zone = arguments.get("time_zone", time_zone)
    if not zone:
        raise ToolError(_NO_TIME_ZONE)
    today = _today(zone)
    tomorrow, end = str(today + timedelta(days=1)), str(today + timedelta(days=1 + _DAYS))
    stats = api.get("/tasks/stats", {"time_zone": zone, "from": str(today), "before": tomorrow})["data"]
    tags = api.get("/tags", {})["data"]
    overdue = _tasks_due(api, overdue="true", time_zone=zone)
    coming = _tasks_due(api, status="pending", due_from=str(today), due_before=end)
    counts = {name: number for name, number in stats.items() if name != "days"}
    overview = {
        "today": str(today),
        "counts": {**counts, "completed_today": stats["days"][0]["completed"]},
        "tags": [tag for tag in tags if tag["pending"]],
        "overdue": overdue,
        "due_today": [task for task in coming if task["due_date"] == str(today)],
        "due_next_7_days": [task for task in coming if task["due_date"] != str(today)],
    }
    if MAXIMUM_FOUND in {len(overdue), len(coming)}:
        overview["note"] = f"Only the first {MAXIMUM_FOUND} are shown. Find the others with find_tasks."
    return overview


def _tasks_due(api: Api, **query: str) -> list[dict[str, Any]]:
    options = {"sort": "due", "limit": str(MAXIMUM_FOUND), "fields": _FIELDS_OF_OVERVIEW}
    return list(map(brief, api.get("/tasks", {**query, **options})["data"]))


def _today(zone: str) -> date:
    try:
        return datetime.now(ZoneInfo(zone)).date()
    except (ValueError, OSError, KeyError):  # The service rejects the name, with a sentence.
        return datetime.now(UTC).date()
