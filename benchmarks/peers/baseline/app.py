"""The baseline: the cost of the same work in Python without a framework.

A bare WSGI callable on taskapp's tables, with the same gunicorn, the same token check, and statements with the prefix
of a read. Its writes are not logged. It is not an example to follow, because it documents nothing and validates little.
"""

import os
import threading
import time
from datetime import UTC
from typing import Any

import jwt
import orjson
import psycopg2

SECRET = os.environ["JWT_SECRET"]
OPTIONAL = (str, type(None))
WRITABLE = {
    "title": str,
    "description": OPTIONAL,
    "completed": bool,
    "priority": OPTIONAL,
    "tags": list,
    "due_date": OPTIONAL,
    "due_time": OPTIONAL,
    "time_zone": OPTIONAL,
}
PRIORITIES = ("urgent", "high", "medium", "low", None)
DEFAULTS = {**dict.fromkeys(WRITABLE), "completed": False, "priority": PRIORITIES.index(None), "tags": []}
MAXIMUM = 1000
# The fields of a task, and what to select for each.
FIELDS = {
    "id": "tasks.id",
    "uid": "CAST(tasks.uid AS TEXT)",
    "user_id": "tasks.user_id",
    "title": "tasks.title",
    "description": "tasks.description",
    "completed": "tasks.completed",
    "completed_at": "CASE WHEN tasks.completed THEN tasks.completed_at END",
    "priority": "tasks.priority",
    "tags": "tasks.tags",
    "due_date": "tasks.due_date",
    "due_time": "left(CAST(tasks.due_time AS TEXT), 5)",
    "time_zone": "tasks.time_zone",
    "due_at": "timezone(tasks.time_zone, tasks.due_date + tasks.due_time)",
    "created_at": "tasks.created_at",
    "updated_at": "tasks.updated_at",
}

PREFIX = (
    "SELECT set_config('role', 'taskapp_user', true), set_config('app.user_id', %(owner)s, true),"
    " set_config('statement_timeout', '9000', true), set_config('TimeZone', 'UTC', true);\n"
)
_NAMES = ", ".join(FIELDS.values())
_RETURNING = f" RETURNING {_NAMES}, tasks.version"
_BY_ID = " WHERE tasks.user_id = %(owner)s AND tasks.id = %(task_id)s"
_NEW_VERSION = "version=(tasks.version + 1), updated_at=now()"
GET = f"{PREFIX}SELECT {_NAMES}, tasks.version FROM tasks{_BY_ID}"  # All names are constants, here and below.
_ORDER = " ORDER BY tasks.id DESC LIMIT %(page_size)s"
LIST = f"{PREFIX}SELECT {_NAMES} FROM tasks WHERE tasks.user_id = %(owner)s AND true{_ORDER}"
LIST_AFTER = f"{PREFIX}SELECT {_NAMES} FROM tasks WHERE tasks.user_id = %(owner)s AND tasks.id < %(after)s{_ORDER}"
CREATE = (
    f"{PREFIX}INSERT INTO tasks (user_id, {', '.join(WRITABLE)}, completed_at, due_order)"
    f" VALUES (%(owner)s, {', '.join(f'%({name})s' for name in WRITABLE)}, CASE WHEN %(completed)s THEN now() END,"
    " coalesce(CAST(%(due_date)s AS DATE) + coalesce(CAST(%(due_time)s AS TIME), time '24:00'), 'infinity'))"
    f"{_RETURNING}"
)
_COMPLETED_AT = "completed_at=CASE WHEN {} THEN CASE WHEN tasks.completed THEN tasks.completed_at ELSE now() END END"
TOGGLE = (
    f"{PREFIX}UPDATE tasks SET completed=NOT tasks.completed, {_COMPLETED_AT.format('NOT tasks.completed')},"
    f" {_NEW_VERSION}{_BY_ID}{_RETURNING}"
)
DELETE = f"{PREFIX}DELETE FROM tasks{_BY_ID}{_RETURNING}"

REASONS = {200: "200 OK", 201: "201 Created", 401: "401 Unauthorized", 403: "403 Forbidden", 404: "404 Not Found"}
REASONS |= {405: "405 Method Not Allowed", 422: "422 Unprocessable Content"}
_thread = threading.local()
# Valid tokens of the last minute, as in taskapp.
_cache: dict[str, tuple[str, float]] = {}


class HTTPError(Exception):
    """The request fails with this status."""


def execute(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Run a statement on the connection of this thread."""
    connection = getattr(_thread, "connection", None)
    if connection is None or connection.closed:
        connection = _thread.connection = psycopg2.connect("")
        connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.tzinfo_factory = lambda _: UTC
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def one(statement: str, parameters: dict[str, Any]) -> tuple[Any, ...]:
    """Run a statement that returns a task."""
    rows = execute(statement, parameters)
    if not rows:
        raise HTTPError(404)
    return rows[0]


def check_token(environ: dict[str, Any], user_id: str) -> None:
    """Check that the token belongs to the user in the path."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        raise HTTPError(401)
    token_user, expires = _cache.get(token, ("", 0.0))
    if time.monotonic() >= expires:
        token_user = _decode_and_cache(token)
    if token_user != user_id:
        raise HTTPError(403)


def _decode_and_cache(token: str) -> str:
    try:
        options = {"require": ["exp", "sub"], "verify_aud": False}
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], leeway=30, options=options)
    except jwt.PyJWTError:
        raise HTTPError(401) from None
    _cache[token] = claims["sub"], time.monotonic() + 60
    return str(claims["sub"])


def read_body(environ: dict[str, Any]) -> dict[str, Any]:
    """Return the validated fields of the body."""
    try:
        fields = orjson.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    except orjson.JSONDecodeError:
        raise HTTPError(422) from None
    if not isinstance(fields, dict) or not fields or not fields.keys() <= WRITABLE.keys():
        raise HTTPError(422)
    if not all(isinstance(value, WRITABLE[name]) for name, value in fields.items()):
        raise HTTPError(422)
    if "title" in fields:
        fields["title"] = fields["title"].strip()
        if not 1 <= len(fields["title"]) <= 255:
            raise HTTPError(422)
    if len(fields.get("description") or "") > MAXIMUM:
        raise HTTPError(422)
    if "tags" in fields:
        fields["tags"] = sorted(fields["tags"])
    if "priority" in fields:
        fields["priority"] = PRIORITIES.index(fields["priority"])
    return fields


def update(owner: dict[str, Any], fields: dict[str, Any]) -> tuple[Any, ...]:
    """Update the fields in the body."""
    assignments = [f"{name}=%({name})s" for name in sorted(fields)]
    if "completed" in fields:
        assignments.append(_COMPLETED_AT.format("%(completed)s"))
    if not fields.keys().isdisjoint(("due_date", "due_time")):
        day = "CAST(%(due_date)s AS DATE)" if "due_date" in fields else "tasks.due_date"
        clock = "CAST(%(due_time)s AS TIME)" if "due_time" in fields else "tasks.due_time"
        assignments.append(f"due_order=coalesce({day} + coalesce({clock}, time '24:00'), 'infinity')")
    statement = f"{PREFIX}UPDATE tasks SET {', '.join(assignments)}, {_NEW_VERSION}{_BY_ID}{_RETURNING}"
    return one(statement, {**owner, **fields})


def represent(row: tuple[Any, ...]) -> dict[str, Any]:
    """Return a task as JSON values."""
    task = dict(zip(FIELDS, row, strict=False))
    task["priority"] = PRIORITIES[task["priority"]]
    return task


def list_tasks(environ: dict[str, Any], owner: dict[str, Any]) -> dict[str, Any]:
    """Return a page of tasks, newest first."""
    query = dict(part.partition("=")[::2] for part in environ.get("QUERY_STRING", "").split("&") if part)
    try:
        limit, after = int(query.get("limit", MAXIMUM)), int(query["cursor"]) if "cursor" in query else None
    except ValueError:
        raise HTTPError(422) from None
    rows = execute(LIST if after is None else LIST_AFTER, {**owner, "page_size": limit + 1, "after": after})
    cursor = str(rows[limit - 1][0]) if len(rows) > limit else None
    data = [represent(row) for row in rows[:limit]]
    return {"data": data, "pagination": {"limit": limit, "next_cursor": cursor}}


def handle(environ: dict[str, Any]) -> tuple[int, Any]:
    """Return the status, and the body or a task as a tuple."""
    parts = environ["PATH_INFO"].split("/")
    if len(parts) not in {4, 5, 6} or parts[1] != "api" or parts[3] != "tasks":
        raise HTTPError(404)
    check_token(environ, parts[2])
    if len(parts) == 4:
        return handle_collection(environ, {"owner": parts[2]})
    if not (parts[4].isascii() and parts[4].isdigit() and len(parts[4]) < 19):
        raise HTTPError(404)
    return 200, handle_task(environ, {"owner": parts[2], "task_id": int(parts[4])}, parts[5:])


def handle_collection(environ: dict[str, Any], owner: dict[str, Any]) -> tuple[int, Any]:
    """List tasks, or create one."""
    if environ["REQUEST_METHOD"] == "GET":
        return 200, list_tasks(environ, owner)
    if environ["REQUEST_METHOD"] != "POST":
        raise HTTPError(405)
    fields = read_body(environ)
    if "title" not in fields:
        raise HTTPError(422)
    return 201, one(CREATE, {**DEFAULTS, **fields, **owner})


def handle_task(environ: dict[str, Any], parameters: dict[str, Any], rest: list[str]) -> Any:
    """Get, update, complete or delete a task."""
    route = environ["REQUEST_METHOD"], *rest
    if route == ("GET",):
        return one(GET, parameters)
    if route == ("PUT",):
        return update(parameters, read_body(environ))
    if route == ("PATCH", "complete"):
        sent = environ.get("CONTENT_LENGTH", "0") != "0"
        return update(parameters, read_body(environ)) if sent else one(TOGGLE, parameters)
    if route == ("DELETE",):
        one(DELETE, parameters)
        return {"data": {"success": True, "message": "Task deleted successfully"}}
    raise HTTPError(404 if rest else 405)


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Handle a request (PEP 3333)."""
    headers = [("Content-Type", "application/json")]
    try:
        status, value = handle(environ)
    except HTTPError as error:
        status, value = error.args[0], {"error": {"code": error.args[0]}}
    if isinstance(value, tuple):
        headers.append(("ETag", f'"{value[-1]}"'))
        value = {"data": represent(value)}
    body = orjson.dumps(value, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)
    headers.append(("Content-Length", str(len(body))))
    start_response(REASONS[status], headers)
    return [body]
