"""Whether the service lives and can work, and the index of its addresses. None of it needs a token."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from taskapp.database import ACTING_ROLE, execute, execute_as_login_role
from taskapp.errors import DatabaseUnavailable
from taskapp.strict_json import json_response
from taskapp.version import VERSION

bp = Blueprint("health", __name__)

_REVISION = text("SELECT version_num FROM alembic_version")
_WALL = text("SELECT current_user = :acting_role AND row_security_active('tasks')")


@cache
def head_revision(migrations: Path) -> str | None:
    """Return the newest revision among the migrations."""
    return ScriptDirectory(str(migrations)).get_current_head()


def _check_migrations() -> str | None:
    try:
        found = {row.version_num for row in execute_as_login_role(_REVISION)}
    except DBAPIError:
        current_app.logger.exception("The revision of the database cannot be read")
        return "The revision of the database cannot be read; run 'flask db upgrade'."
    if found != {head_revision(Path(current_app.extensions["migrate"].directory))}:
        return "The database is not at the newest revision; run 'flask db upgrade'."
    return None


def _check_row_level_security() -> str | None:
    try:
        holds = execute(_WALL, {"acting_role": ACTING_ROLE}, user_id="")[0][0]
    except DBAPIError:
        current_app.logger.exception("Row-level security cannot be checked")
        return f"The service cannot act as {ACTING_ROLE}."
    return None if holds else f"Row-level security does not hold for {ACTING_ROLE}."


_CHECKS: dict[str, Callable[[], str | None]] = {
    "migrations": _check_migrations,
    "row_level_security": _check_row_level_security,
}


@bp.get("/")
def index() -> Response:
    """Say what this is and where its parts are."""
    links = {"openapi": "/openapi.json", "health": "/health", "live": "/health/live", "ready": "/health/ready"}
    return json_response({"name": "taskapp", "version": VERSION, "links": links})


@bp.get("/health/live")
def live() -> Response:
    """Answer as long as the process can; the database is not asked."""
    return json_response({"status": "ok"})


@bp.get("/health")
@bp.get("/health/ready")
def ready() -> Response:
    """Answer whether requests can be served: the database answers, is at head, and confines its users.

    Raises:
        DatabaseUnavailable: it cannot; ``details`` says what failed.
    """
    failed: dict[str, list[str]] = {}
    try:
        for name, check in _CHECKS.items():
            if problem := check():
                failed[name] = [problem]
    except DatabaseUnavailable:
        failed["database"] = ["It cannot be reached, or does not answer."]
    if failed:
        raise DatabaseUnavailable("The service is not ready; details says why.", failed)
    return json_response({"status": "ok", "checks": dict.fromkeys(["database", *_CHECKS], "ok")})
