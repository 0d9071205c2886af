"""Health checks and the index of routes. They require no token."""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Response, current_app
from marshmallow import Schema, fields
from marshmallow.validate import Equal
from sqlalchemy import text

from taskapp.auth.jwks import KeySet
from taskapp.db import cluster
from taskapp.db.errors import DatabaseNotSetUp, DatabaseReadOnly, DatabaseUnavailable, UnsuitableDatabase
from taskapp.db.execute import execute_as_login_role, execute_as_nobody
from taskapp.db.migrations import head_revisions
from taskapp.db.prefix import ACTING_ROLE
from taskapp.http.errors import RETRY_SHORTLY, ErrorResponse, respond
from taskapp.http.json_provider import json_response
from taskapp.http.openapi import HTTP_ERRORS, DocumentedBlueprint, ErrorEnvelope, describe_error, headers
from taskapp.http.request import current_request
from taskapp.http.version import VERSION
from taskapp.server.cluster_health import CANNOT, READ_ONLY, check_cluster
from taskapp.settings import StartupError

bp = DocumentedBlueprint(
    "service", __name__, description="Health checks and index. No token is required.", errors=HTTP_ERRORS
)

_BEHIND = "The database is not at the newest migration. Run 'flask db upgrade'."
_BRANCHED = "The migrations end in several revisions"
_MERGE = "Run 'flask db merge heads', and then 'flask db upgrade'."
_REVISION = text("SELECT version_num FROM alembic_version")
_RLS_CHECK = text("SELECT current_user = :acting_role AND row_security_active('tasks')")
# Everything that requests of users do with the tables, but to no row. PostgreSQL checks privileges and whether it is
# read-only when it starts a statement, so this fails if a request would. It writes nothing, not even to the log of the
# database, and takes no number of a sequence.
_READ_AND_WRITE = text("""
    WITH inserted AS (INSERT INTO tasks (user_id, title, description, completed, completed_at, priority, tags,
                                         due_date, due_time, time_zone, due_order, recurrence, reminder,
                                         remind_at, reminded_at, uid, id, version, created_at, updated_at)
                      OVERRIDING SYSTEM VALUE
                      SELECT user_id, title, description, completed, completed_at, priority, tags,
                             due_date, due_time, time_zone, due_order, recurrence, reminder,
                             remind_at, reminded_at, uid, id, version, created_at, updated_at
                      FROM tasks WHERE false RETURNING id),
         updated AS (UPDATE tasks SET title = title, description = description, completed = completed,
                     completed_at = completed_at, priority = priority, tags = tags, due_date = due_date,
                     due_time = due_time, time_zone = time_zone, due_order = due_order, recurrence = recurrence,
                     reminder = reminder, remind_at = remind_at, reminded_at = reminded_at,
                     version = version, updated_at = updated_at WHERE false RETURNING id),
         deleted AS (DELETE FROM tasks WHERE false RETURNING id),
         stored AS (INSERT INTO idempotency_keys (user_id, key, fingerprint, result)
                    SELECT user_id, key, fingerprint, result FROM idempotency_keys WHERE false RETURNING key),
         logged AS (INSERT INTO changes (user_id, number, operation, task_id, previous, previous_at, undoes, at,
                                         before, after)
                    SELECT user_id, number, operation, task_id, previous, previous_at, undoes, at, before, after
                    FROM changes WHERE false RETURNING number),
         added AS (INSERT INTO calendars (user_id, secret_hash, name, time_zone, "as", alarm_minutes)
                   SELECT user_id, secret_hash, name, time_zone, "as", alarm_minutes FROM calendars
                   WHERE false RETURNING id),
         renamed AS (UPDATE calendars SET name = name, time_zone = time_zone, "as" = "as",
                     alarm_minutes = alarm_minutes WHERE false RETURNING id),
         removed AS (DELETE FROM calendars WHERE false RETURNING id),
         called AS (INSERT INTO webhooks (user_id, url, secret, enabled, number)
                    SELECT user_id, url, secret, enabled, number FROM webhooks WHERE false RETURNING id),
         moved AS (UPDATE webhooks SET url = url, secret = secret, previous_secret = previous_secret,
                   rotated_at = rotated_at, enabled = enabled, number = number, upto = upto, due_at = due_at,
                   attempts = attempts, failing_since = failing_since, last_status = last_status,
                   disabled_at = disabled_at WHERE false RETURNING id),
         dropped AS (DELETE FROM webhooks WHERE false RETURNING id)
    SELECT count(*) FROM (SELECT * FROM tasks WHERE user_id = '' LIMIT 1) AS task
""")


def _check_migrations() -> str | None:
    try:
        found = {revision for (revision,) in execute_as_login_role(_REVISION)}
    except DatabaseNotSetUp:
        return "Cannot read the migration of the database. Run 'flask db upgrade'."
    try:
        newest = head_revisions(Path(current_app.extensions["migrate"].directory))
    except StartupError as error:
        return error.message
    if found == newest:
        return None
    return _BEHIND if len(newest) == 1 else f"{_BRANCHED}: {', '.join(sorted(newest))}. {_MERGE}"


def _check_row_level_security() -> str | None:
    try:
        enforced = execute_as_nobody(_RLS_CHECK, {"acting_role": ACTING_ROLE})[0][0]
    except DatabaseNotSetUp:
        return f"The service cannot switch to the role {ACTING_ROLE}, or the tables are missing."
    return None if enforced else f"Row-level security is not enforced for the role {ACTING_ROLE}."


def _check_signing_keys() -> str | None:
    """Fail only while no token at all can be verified. An outage of the issuer leaves the known keys."""
    key_set: KeySet | None = current_app.extensions["key_set"]
    if key_set is None or key_set.is_available():
        return None
    return "The token issuer's public keys cannot be fetched. See the log."


def _check_read_and_write() -> str | None:
    try:
        if cluster.uses_citus() and (state := cluster.read_state()).is_distributed:
            return check_cluster(state)
        execute_as_nobody(_READ_AND_WRITE, {})
    except DatabaseReadOnly:
        return READ_ONLY
    except DatabaseNotSetUp:
        return CANNOT
    return None


_CHECKS: dict[str, Callable[[], str | None]] = {
    "signing_keys": _check_signing_keys,
    "migrations": _check_migrations,
    "row_level_security": _check_row_level_security,
    "read_and_write": _check_read_and_write,
}


class Index(Schema):
    """The name, version and routes of the service."""

    name = fields.String(required=True)
    version = fields.String(required=True)
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class Life(Schema):
    """The process responds."""

    status = fields.String(required=True, validate=Equal("ok"))


class Readiness(Life):
    """The service is ready."""

    checks = fields.Dict(keys=fields.String(), values=fields.String(validate=Equal("ok")), required=True)


_LINKS = {
    "docs": "/docs",
    "openapi": "/openapi.json",
    "health": "/health",
    "live": "/health/live",
    "ready": "/health/ready",
}
_READY = {"status": "ok", "checks": dict.fromkeys(["database", *_CHECKS], "ok")}
_NOT_READY = ErrorResponse(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "DATABASE_ERROR",
    "The service is not ready. See details.",
    headers=RETRY_SHORTLY,
)
_NOT_READY_EXAMPLE = describe_error(
    503,
    {"NotReady": _NOT_READY._replace(details={"migrations": [_BEHIND]})},
    "The service is not ready. `details` contains the failed checks.",
)


def _open(view: Any) -> Any:
    """Document that no token is required."""
    return bp.doc(security=[])(view)


@bp.get("/")
@bp.response(200, Index, description="The name, version and links.", headers=headers())
@_open
def get_index() -> Response:
    """Get the index.

    Returns the name and version of the service and links to its other routes.
    """
    prefix = current_request().prefix
    links = {name: prefix + path for name, path in _LINKS.items()}
    return json_response({"name": "taskapp", "version": VERSION, "links": links})


@bp.get("/health/live")
@bp.response(200, Life, description="The process responds.", headers=headers())
@_open
def check_live() -> Response:
    """Check liveness.

    Returns 200 if the process responds. Does not query the database.
    """
    return json_response({"status": "ok"})


@bp.get("/health/ready")
@bp.response(200, Readiness, description="The service is ready.", example=_READY, headers=headers())
@bp.alt_response(503, schema=ErrorEnvelope, **_NOT_READY_EXAMPLE)
@_open
def check_ready() -> Response:
    """Check readiness.

    Returns 200 if the database responds, is at the newest migration, enforces row-level security, and lets users read
    and write, and if the keys that verify tokens are known. Otherwise returns 503 with the failed checks in `details`.
    """
    failed: dict[str, list[str]] = {}
    try:
        for name, check in _CHECKS.items():
            if problem := check():
                failed[name] = [problem]
    except UnsuitableDatabase as error:
        failed["database"] = [f"The service cannot use the database: {error}."]
    except DatabaseUnavailable:
        failed["database"] = ["The database is unreachable or does not respond."]
    if failed:
        code = "SERVICE_UNAVAILABLE" if failed.keys() == {"signing_keys"} else "DATABASE_ERROR"
        return respond(_NOT_READY._replace(code=code, details=failed))
    return json_response(_READY)


@bp.get("/health")
@bp.response(200, Readiness, description="The service is ready.", example=_READY, headers=headers())
@bp.alt_response(503, schema=ErrorEnvelope, **_NOT_READY_EXAMPLE)
@_open
def check_health() -> Response:
    """Check health.

    An alias of `/health/ready`.
    """
    ready: Response = check_ready()
    return ready
