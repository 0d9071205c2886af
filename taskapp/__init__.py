"""taskapp: a multi-user task service."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from taskapp.auth import cli as auth_cli
from taskapp.auth import guard
from taskapp.db import cli as db_cli
from taskapp.db import database, embedded
from taskapp.http import concurrency, cors, cursors, errors, not_found, openapi, prefix, request_id, security_headers
from taskapp.http.app import App
from taskapp.http.openapi import docs_page
from taskapp.mcp.cli import mcp
from taskapp.server import access_log, error_responses, health, jobs, logs, metrics, request_stats, webhook_process
from taskapp.tasks.bulk.views import bp as bulk_bp
from taskapp.tasks.calendars.feed_views import bp as feeds_bp
from taskapp.tasks.calendars.views import bp as calendars_bp
from taskapp.tasks.changes import cli as changes_cli
from taskapp.tasks.changes import retention
from taskapp.tasks.changes.views import bp as changes_bp
from taskapp.tasks.erasure.views import bp as erasure_bp
from taskapp.tasks.history.views import bp as history_bp
from taskapp.tasks.openapi import USER_ID
from taskapp.tasks.stats.views import bp as statistics_bp
from taskapp.tasks.tags.views import bp as tags_bp
from taskapp.tasks.transfer.import_command import import_file
from taskapp.tasks.transfer.importers.cli import convert_file
from taskapp.tasks.transfer.views import bp as transfer_bp
from taskapp.tasks.trash.views import bp as trash_bp
from taskapp.tasks.undo.views import bp as undo_bp
from taskapp.tasks.users.cli import user_commands
from taskapp.tasks.views import bp as tasks_bp
from taskapp.tasks.webhooks.delivery.cli import webhook_commands
from taskapp.tasks.webhooks.signals import delivery_due
from taskapp.tasks.webhooks.views import bp as webhooks_bp

delivery_due.connect(webhook_process.wake)

# The hooks registered first run first for a request, and last for its response.
_PARTS_WITH_HOOKS = (logs, request_stats, access_log, request_id, security_headers, cors)
_OTHER_PARTS = (
    prefix,
    embedded,
    database,
    metrics,
    jobs,
    concurrency,
    cursors,
    guard,
    errors,
    not_found,
    error_responses,
    openapi,
)

_OF_USERS = (
    tasks_bp,
    bulk_bp,
    transfer_bp,
    tags_bp,
    statistics_bp,
    changes_bp,
    history_bp,
    trash_bp,
    undo_bp,
    calendars_bp,
    webhooks_bp,
    erasure_bp,
)


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """Create the application, without connecting to a database.

    Without DATABASE_URL, this creates the folder and the secret of the embedded PostgreSQL.

    Args:
        config: the value of every setting of ``config.Settings``; read from the environment if None.

    Raises:
        ConfigError: a setting is invalid.
        EmbeddedError: the folder or the secret cannot be used.
    """
    if config is None:
        from config import load_config  # noqa: PLC0415 # It imports taskapp.settings, and thereby this module.

        config = load_config()
    app = App(__name__, static_folder=None, instance_path=str(config["INSTANCE_PATH"]))
    app.config.from_mapping(config, **openapi.SETTINGS)
    for part in (*_PARTS_WITH_HOOKS, *_OTHER_PARTS):
        part.init_app(app)
    for bp in _OF_USERS:
        openapi.api.register_blueprint(bp, parameters=[USER_ID])
    openapi.api.register_blueprint(feeds_bp)
    openapi.api.register_blueprint(health.bp)
    openapi.api.register_blueprint(metrics.bp)
    app.register_blueprint(docs_page.bp)
    app.cli.add_command(auth_cli.token)
    app.cli.add_command(db_cli.idempotency_commands)
    app.cli.add_command(db_cli.shard)
    app.cli.add_command(user_commands)
    user_commands.add_command(import_file)
    app.cli.add_command(changes_cli.history_commands)
    app.cli.add_command(convert_file)
    app.cli.add_command(mcp)
    app.cli.add_command(webhook_commands)
    jobs.add_purge(app, jobs.Purge("changes", "flask history purge", retention.purge))
    if config["RATE_LIMIT"]:
        from taskapp.http import rate_limit  # noqa: PLC0415 # Loads Flask-Limiter and redis-py only if they are used.

        rate_limit.init_app(app)
    return app
