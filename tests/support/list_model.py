"""Lists as the contract defines them, in Python: which tasks match a query, and in which order they are."""

import json
import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from taskapp.tasks.models import PRIORITIES
from tests.support.postgres import run_sql

_FILL = """
INSERT INTO tasks (user_id, title, description, completed, completed_at, priority, tags,
                   due_date, due_time, time_zone, due_order, created_at, updated_at)
SELECT %s, title, description, completed, completed_at, priority,
       coalesce(string_to_array(nullif(tags, ''), ','), '{}'), due_date, due_time, time_zone,
       coalesce(due_date + coalesce(due_time, time '24:00'), 'infinity'), created_at, updated_at
FROM json_to_recordset(%s) AS task (title text, description text, completed bool, completed_at timestamptz,
     priority smallint, tags text, due_date date, due_time time, time_zone text,
     created_at timestamptz, updated_at timestamptz)
"""


_NEVER = datetime(9999, 1, 1)  # noqa: DTZ001 # On any clock.


def fill(database_url, user_id, tasks):
    """Store tasks of a user, with times of our choosing. Tags are a text with commas."""
    run_sql(database_url, _FILL, [user_id, json.dumps(tasks)])


def due_order(task):
    """When a task is due, on the clock of its time zone; a task without a day is due last."""
    if task["due_date"] is None:
        return _NEVER
    day = datetime.fromisoformat(task["due_date"])
    return datetime.combine(day, time.fromisoformat(task["due_time"])) if task["due_time"] else day + timedelta(days=1)


# Times sort as text, because each has six digits of microseconds.
_KEYS = {
    "due": lambda task: (due_order(task),),
    "priority": lambda task: (PRIORITIES.index(task["priority"]), due_order(task)),
}


def in_order(tasks, sort):
    """Tasks sorted as the contract says."""
    name = sort.removeprefix("-")
    key = _KEYS.get(name, lambda task: (task[name],))
    return sorted(tasks, key=lambda task: (*key(task), task["id"]), reverse=sort.startswith("-"))


def instant(text):
    """A time in microseconds, rounded up, as bounds are."""
    text = text.replace("Z", "+00:00")
    seconds, digits, offset = re.fullmatch(r"(.{19})\.?(\d*)(.{6})", text).groups()
    return int(datetime.fromisoformat(seconds + offset).timestamp()) * 10**6 - -int(f"{digits:0<9}") // 1000


def _is_overdue(task, zone, now):
    if task["completed"] or task["due_date"] is None:
        return False
    return due_order(task).replace(tzinfo=ZoneInfo(task["time_zone"] or zone)) < now


def _tags(value):
    return {tag.strip() for tag in value.split(",")}


def _in_range(name):
    field = "due_date" if name == "due" else f"{name}_at"
    read = str if name == "due" else instant

    def since(task, value, *_):
        return task[field] is not None and read(task[field]) >= read(value)

    def until(task, value, *_):
        return task[field] is not None and read(task[field]) < read(value)

    return {f"{name}_from": since, f"{name}_before": until}


# Whether a task matches the value of a parameter; called with the whole query and the time, too.
_MATCHES = {
    "status": lambda task, value, *_: value == "all" or task["completed"] == (value == "completed"),
    "q": lambda task, value, *_: any(value.lower() in (task[name] or "").lower() for name in ("title", "description")),
    "due": lambda task, value, *_: (task["due_date"] is None) == (value == "none"),
    "overdue": lambda task, _, query, now: _is_overdue(task, query["time_zone"], now),
    "priority": lambda task, value, *_: (task["priority"] or "none") in value.split(","),
    "tags_all": lambda task, value, *_: _tags(value) <= set(task["tags"]),
    "tags_any": lambda task, value, *_: bool(_tags(value) & set(task["tags"])),
    "tags_none": lambda task, value, *_: not _tags(value) & set(task["tags"]),
    "tagged": lambda task, value, *_: bool(task["tags"]) == (value == "true"),
    # A task has no time of completion if an earlier release has completed it.
    "sort": lambda task, value, *_: value.removeprefix("-") != "completed_at" or task["completed_at"] is not None,
    **{key: match for name in ("due", "created", "updated", "completed") for key, match in _in_range(name).items()},
}


def matching(tasks, query):
    """The tasks that a query finds now."""
    now = datetime.now(UTC)
    conditions = [(_MATCHES[name], value) for name, value in query.items() if name in _MATCHES]
    return [task for task in tasks if all(match(task, value, query, now) for match, value in conditions)]


def expected(tasks, query):
    """The list of a query, among all tasks."""
    return in_order(matching(tasks, query), query.get("sort", "-id"))


def is_refused(query):
    """Whether a query contradicts itself."""
    ranges = [
        (read(query[f"{name}_from"]), read(query[f"{name}_before"]))
        for name, read in (("due", str), ("created", instant), ("updated", instant), ("completed", instant))
        if {f"{name}_from", f"{name}_before"} <= query.keys()
    ]
    status, sort, names = query.get("status"), query.get("sort", ""), query.keys()
    without = _tags(query.get("tags_none", ""))
    return (
        any(first >= end for first, end in ranges)
        or ("overdue" in query) != ("time_zone" in query)
        or (sort.endswith("completed_at") and status != "completed")
        or (status == "completed" and "overdue" in query)
        or (
            (status == "pending" or "overdue" in query) and not names.isdisjoint({"completed_from", "completed_before"})
        )
        or (query.get("due") == "none" and not names.isdisjoint({"due_from", "due_before", "overdue"}))
        or (query.get("tagged") == "false" and not names.isdisjoint({"tags_all", "tags_any"}))
        or ("tags_none" in query and "tags_all" in query and bool(without & _tags(query["tags_all"])))
        or ("tags_none" in query and "tags_any" in query and without >= _tags(query["tags_any"]))
    )
