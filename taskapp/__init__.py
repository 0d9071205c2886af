"""taskapp: a multi-user task service."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask

from config import load_config
from taskapp.auth import cli
from taskapp.auth import guard as auth
from taskapp.db import api, db, embedded, migrate
from taskapp.db import engine as connections
from taskapp.db import execute as database
from taskapp.http import cors, cursors, errors, openapi, request_id, security_headers
from taskapp.http.app import App
from taskapp.http.id_converter import TaskIdConverter, task_id_schema
from taskapp.http.input import MAXIMUM_BODY
from taskapp.http.json_provider import StrictJSONProvider
from taskapp.http.openapi import docs_page
from taskapp.server import access_log, health, logs, metrics
from taskapp.server import hooks as serving
from taskapp.server import request_stats as timing
from taskapp.tasks.openapi import USER_ID
from taskapp.tasks.views import bp as tasks_bp

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Make the application. It connects to nothing yet; the embedded default makes its folder and its secret.

    Args:
        config: every setting of ``config.Settings``; read from the environment where None.

    Raises:
        ConfigError: a setting is wrong.
    """
    config = load_config() if config is None else config
    app = App(__name__, static_folder=None, instance_path=str(config["INSTANCE_PATH"]))
    app.config.from_mapping(config)
    app.config.from_mapping(
        MAX_CONTENT_LENGTH=MAXIMUM_BODY + 1,
        SQLALCHEMY_DATABASE_URI=config["DATABASE_URL"],
        SQLALCHEMY_ENGINE_OPTIONS=connections.engine_options(config),
        **openapi.SETTINGS,
    )
    app.json = StrictJSONProvider(app)
    app.url_map.merge_slashes = False  # An address is right or it is a 404; none is mended by a redirect.
    app.url_map.converters["task_id"] = TaskIdConverter

    logs.init_app(app)
    timing.init_app(app)
    access_log.init_app(app)
    request_id.init_app(app)
    security_headers.init_app(app)
    cors.init_app(app)
    if config["DATABASE_URL"] is None:
        embedded.init_app(app)

    db.init_app(app)
    migrate.init_app(app, db, directory=str(MIGRATIONS))
    database.init_app(app)
    metrics.init_app(app)
    embedded.prepare_when_needed(app)
    auth.init_app(app)
    cursors.init_app(app)
    api.init_app(app)
    api.register_converter(TaskIdConverter, task_id_schema)
    errors.init_app(app)
    serving.init_app(app)

    api.register_blueprint(tasks_bp, parameters=[USER_ID])
    api.register_blueprint(health.bp)
    api.register_blueprint(metrics.bp)
    app.register_blueprint(docs_page.bp)
    cli.init_app(app)
    if config["RATE_LIMIT"]:
        from taskapp.http import rate_limit  # noqa: PLC0415 # Flask-Limiter and redis-py, for those alone who use them.

        rate_limit.init_app(app)
    return app
