"""Health checks and the index. They need no token."""

from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psycopg2
from alembic.script import ScriptDirectory
from flask import Response, current_app
from marshmallow import Schema, fields
from marshmallow.validate import Equal
from sqlalchemy import text

from taskapp.db.errors import DatabaseUnavailable
from taskapp.db.execute import ACTING_ROLE, execute_as_login_role, execute_as_nobody
from taskapp.http.errors import RETRY_SHORTLY, ErrorResponse, respond
from taskapp.http.json_provider import json_response
from taskapp.http.openapi import HTTP_ERRORS, DocumentedBlueprint, ErrorEnvelope, describe_error, headers
from taskapp.http.version import VERSION

bp = DocumentedBlueprint(
    "service", __name__, description="Whether the service works. No token is needed.", errors=HTTP_ERRORS
)

_BEHIND = "The database is not at the newest migration. Run 'flask db upgrade'."
_REVISION = text("SELECT version_num FROM alembic_version")
_RLS_CHECK = text("SELECT current_user = :acting_role AND row_security_active('tasks')")


@cache
def head_revision(migrations: Path) -> str | None:
    """Return the newest revision in the folder of migrations."""
    return ScriptDirectory(str(migrations)).get_current_head()


def _check_migrations() -> str | None:
    try:
        found = {revision for (revision,) in execute_as_login_role(_REVISION)}
    except psycopg2.Error:
        current_app.logger.exception("Cannot read the migration of the database")
        return "Cannot read the migration of the database. Run 'flask db upgrade'."
    if found != {head_revision(Path(current_app.extensions["migrate"].directory))}:
        return _BEHIND
    return None


def _check_row_level_security() -> str | None:
    try:
        enforced = execute_as_nobody(_RLS_CHECK, {"acting_role": ACTING_ROLE})[0][0]
    except psycopg2.Error:
        current_app.logger.exception("Cannot check row-level security")
        return f"The service cannot switch to the role {ACTING_ROLE}."
    return None if enforced else f"Row-level security is not enforced for the role {ACTING_ROLE}."


_CHECKS: dict[str, Callable[[], str | None]] = {
    "migrations": _check_migrations,
    "row_level_security": _check_row_level_security,
}


class Index(Schema):
    """What this is, and where its parts are."""

    name = fields.String(required=True)
    version = fields.String(required=True)
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class Life(Schema):
    """The process answers."""

    status = fields.String(required=True, validate=Equal("ok"))


class Readiness(Life):
    """Requests can be served."""

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
    "A check failed; `details` says which and why.",
)


def _open(view: Any) -> Any:
    """Document that a view needs no token."""
    return bp.doc(security=[])(view)


@bp.get("/")
@bp.response(200, Index, description="The index.", headers=headers())
@_open
def get_index() -> Response:
    """Say what this is.

    Its name, its version, and where its parts are.
    """
    return json_response({"name": "taskapp", "version": VERSION, "links": _LINKS})


@bp.get("/health/live")
@bp.response(200, Life, description="The process answers.", headers=headers())
@_open
def check_live() -> Response:
    """Tell whether the process lives.

    It answers as long as it can; the database is not asked.
    """
    return json_response({"status": "ok"})


@bp.get("/health/ready")
@bp.response(200, Readiness, description="Requests can be served.", example=_READY, headers=headers())
@bp.alt_response(503, schema=ErrorEnvelope, **_NOT_READY_EXAMPLE)
@_open
def check_ready() -> Response:
    """Tell whether requests can be served.

    The database answers, is migrated, and confines its users. Otherwise a 503 says in `details` what failed.
    """
    failed: dict[str, list[str]] = {}
    try:
        for name, check in _CHECKS.items():
            if problem := check():
                failed[name] = [problem]
    except DatabaseUnavailable:
        failed["database"] = ["The database is unreachable or does not respond."]
    if failed:
        return respond(_NOT_READY._replace(details=failed))
    return json_response(_READY)


@bp.get("/health")
@bp.response(200, Readiness, description="Requests can be served.", example=_READY, headers=headers())
@bp.alt_response(503, schema=ErrorEnvelope, **_NOT_READY_EXAMPLE)
@_open
def check_health() -> Response:
    """Tell whether requests can be served.

    Another name of `/health/ready`.
    """
    ready: Response = check_ready()
    return ready
