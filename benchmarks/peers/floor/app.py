"""The floor: what the same work costs in Python with no framework at all.

A WSGI callable on taskapp's own tables: the same gunicorn, the same token check, the same statements behind the same
prefix, and nothing else. It is no example to follow: it documents nothing and checks the least.
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
COLUMNS = ("id", "user_id", "title", "description", "completed", "created_at", "updated_at")
WRITABLE = {"title": str, "description": (str, type(None)), "completed": bool}
MAXIMUM = 1000

PREFIX = (
    "SELECT set_config('role', 'taskapp_user', true), set_config('app.user_id', %(owner)s, true),"
    " set_config('statement_timeout', '9000', true), set_config('TimeZone', 'UTC', true);\n"
)
_NAMES = ", ".join(f"tasks.{name}" for name in COLUMNS)
_RETURNING = f" RETURNING {_NAMES}, tasks.version"
_THIS = " WHERE tasks.user_id = %(owner)s AND tasks.id = %(task_id)s"
_CHANGED = "version=(tasks.version + 1), updated_at=now()"
GET = f"{PREFIX}SELECT {_NAMES}, tasks.version FROM tasks{_THIS}"  # The names are our own, here and below.
_ORDER = " ORDER BY tasks.id DESC LIMIT %(page_size)s"
LIST = f"{PREFIX}SELECT {_NAMES} FROM tasks WHERE tasks.user_id = %(owner)s AND true{_ORDER}"
LIST_AFTER = f"{PREFIX}SELECT {_NAMES} FROM tasks WHERE tasks.user_id = %(owner)s AND tasks.id < %(after)s{_ORDER}"
CREATE = (
    f"{PREFIX}INSERT INTO tasks (user_id, title, description, completed)"
    f" VALUES (%(owner)s, %(title)s, %(description)s, %(completed)s){_RETURNING}"
)
TOGGLE = f"{PREFIX}UPDATE tasks SET completed=NOT tasks.completed, {_CHANGED}{_THIS}{_RETURNING}"
DELETE = f"{PREFIX}DELETE FROM tasks{_THIS}{_RETURNING}"

REASONS = {200: "200 OK", 201: "201 Created", 401: "401 Unauthorized", 403: "403 Forbidden", 404: "404 Not Found"}
REASONS |= {405: "405 Method Not Allowed", 422: "422 Unprocessable Content"}
_thread = threading.local()
# Tokens found good in the last minute, as taskapp has them.
_cache: dict[str, tuple[str, float]] = {}


class Rejected(Exception):
    """The request is answered with this status."""


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
        raise Rejected(404)
    return rows[0]


def check_token(environ: dict[str, Any], user_id: str) -> None:
    """Refuse whoever is not the user of the path."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer":
        raise Rejected(401)
    known, until = _cache.get(token, ("", 0.0))
    if time.monotonic() >= until:
        known = _verify(token)
    if known != user_id:
        raise Rejected(403)


def _verify(token: str) -> str:
    try:
        options = {"require": ["exp", "sub"], "verify_aud": False}
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], leeway=30, options=options)
    except jwt.PyJWTError:
        raise Rejected(401) from None
    _cache[token] = claims["sub"], time.monotonic() + 60
    return str(claims["sub"])


def read_body(environ: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that were sent, checked."""
    try:
        fields = orjson.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    except orjson.JSONDecodeError:
        raise Rejected(422) from None
    if not isinstance(fields, dict) or not fields or not fields.keys() <= WRITABLE.keys():
        raise Rejected(422)
    if not all(isinstance(value, WRITABLE[name]) for name, value in fields.items()):
        raise Rejected(422)
    if "title" in fields:
        fields["title"] = fields["title"].strip()
        if not 1 <= len(fields["title"]) <= 255:
            raise Rejected(422)
    if len(fields.get("description") or "") > MAXIMUM:
        raise Rejected(422)
    return fields


def change(owner: dict[str, Any], fields: dict[str, Any]) -> tuple[Any, ...]:
    """Change the fields that were sent."""
    assignments = ", ".join(f"{name}=%({name})s" for name in sorted(fields))
    return one(f"{PREFIX}UPDATE tasks SET {assignments}, {_CHANGED}{_THIS}{_RETURNING}", {**owner, **fields})


def list_tasks(environ: dict[str, Any], owner: dict[str, Any]) -> dict[str, Any]:
    """Return a page of tasks, newest first."""
    query = dict(part.partition("=")[::2] for part in environ.get("QUERY_STRING", "").split("&") if part)
    try:
        limit, after = int(query.get("limit", MAXIMUM)), int(query["cursor"]) if "cursor" in query else None
    except ValueError:
        raise Rejected(422) from None
    rows = execute(LIST if after is None else LIST_AFTER, {**owner, "page_size": limit + 1, "after": after})
    cursor = str(rows[limit - 1][0]) if len(rows) > limit else None
    data = [dict(zip(COLUMNS, row, strict=True)) for row in rows[:limit]]
    return {"data": data, "pagination": {"limit": limit, "next_cursor": cursor}}


def respond(environ: dict[str, Any]) -> tuple[int, Any]:
    """Return the status and the body of the answer, or a task in a tuple."""
    parts = environ["PATH_INFO"].split("/")
    if len(parts) not in {4, 5, 6} or parts[1] != "api" or parts[3] != "tasks":
        raise Rejected(404)
    check_token(environ, parts[2])
    if len(parts) == 4:
        return respond_to_collection(environ, {"owner": parts[2]})
    if not (parts[4].isascii() and parts[4].isdigit() and len(parts[4]) < 19):
        raise Rejected(404)
    return 200, respond_to_task(environ, {"owner": parts[2], "task_id": int(parts[4])}, parts[5:])


def respond_to_collection(environ: dict[str, Any], owner: dict[str, Any]) -> tuple[int, Any]:
    """List tasks, or create one."""
    if environ["REQUEST_METHOD"] == "GET":
        return 200, list_tasks(environ, owner)
    if environ["REQUEST_METHOD"] != "POST":
        raise Rejected(405)
    fields = read_body(environ)
    if "title" not in fields:
        raise Rejected(422)
    return 201, one(CREATE, {**owner, "description": None, "completed": False, **fields})


def respond_to_task(environ: dict[str, Any], this: dict[str, Any], rest: list[str]) -> Any:
    """Read, change, complete or delete a task."""
    what = environ["REQUEST_METHOD"], *rest
    if what == ("GET",):
        return one(GET, this)
    if what == ("PUT",):
        return change(this, read_body(environ))
    if what == ("PATCH", "complete"):
        sent = environ.get("CONTENT_LENGTH", "0") != "0"
        return change(this, read_body(environ)) if sent else one(TOGGLE, this)
    if what == ("DELETE",):
        one(DELETE, this)
        return {"data": {"success": True, "message": "Task deleted successfully"}}
    raise Rejected(404 if rest else 405)


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer a request (PEP 3333)."""
    headers = [("Content-Type", "application/json")]
    try:
        status, value = respond(environ)
    except Rejected as rejected:
        status, value = rejected.args[0], {"error": {"code": rejected.args[0]}}
    if isinstance(value, tuple):
        headers.append(("ETag", f'"{value[-1]}"'))
        value = {"data": dict(zip(COLUMNS, value, strict=False))}
    body = orjson.dumps(value, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)
    headers.append(("Content-Length", str(len(body))))
    start_response(REASONS[status], headers)
    return [body]
