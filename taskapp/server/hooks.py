"""Hooks for gunicorn.conf.py: settings, checks before the start, and gunicorn's own log."""

import contextlib
import logging
import resource
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import flask_migrate
import psycopg2
from flask import Flask
from gunicorn.glogging import Logger

from taskapp.auth.tokens import sign_token
from taskapp.db import embedded
from taskapp.db.engine import check_database
from taskapp.db.errors import UnsuitableDatabase, describe
from taskapp.server import logs
from taskapp.server.binding import Endpoint
from taskapp.settings import MEMORY, StartupError

# The maximum number of connections of a worker, idle ones included, and of open files that are not connections.
MAXIMUM_CONNECTIONS = 1000
OTHER_FILES = 64
BANNER_USER = "demo"
# How long the start waits for a database that does not respond. The service then starts without it.
CHECK_SECONDS = 5

_log = logging.getLogger("gunicorn.error")


class Loaded(NamedTuple):
    """The settings in force, until a reload reads other valid ones.

    Attributes:
        settings: the settings of the master and of new workers.
        app: the master's own application.
    """

    settings: Mapping[str, Any]
    app: Flask


# None under any other server.
loaded: Loaded | None = None


def load_settings(read: Callable[[], Mapping[str, Any]], make_app: Callable[[Mapping[str, Any]], Flask]) -> Loaded:
    """Read the settings. If those of a reload are invalid, log the reason and keep the previous ones.

    Args:
        read: reads the settings.
        make_app: makes the master's application with them.

    Raises:
        SystemExit: the settings are invalid when the service starts.
    """
    global loaded  # noqa: PLW0603 # It outlives gunicorn.conf.py, which each reload runs again.
    try:
        settings = _with_previous_address(read())
        loaded = Loaded(settings, make_app(settings))
    except StartupError as error:
        if loaded is None:
            sys.exit(f"taskapp: {error}")
        _log.error("Invalid settings, keeping the previous ones: %s", error)
    return loaded


def _with_previous_address(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep HOST and PORT on a reload. gunicorn closes the old sockets before it opens new ones, which may fail."""
    previous = loaded.settings if loaded else settings
    address = {name: previous[name] for name in ("HOST", "PORT")}
    if address != {name: settings[name] for name in address}:
        _log.warning("A new HOST or PORT takes effect after a restart, keeping the previous ones")
    return {**settings, **address}


class ServerLog(Logger):  # type: ignore[misc] # gunicorn has no types.
    """gunicorn's log in the service's format, without request lines, which the application writes."""

    def setup(self, cfg: Any) -> None:
        """Set up gunicorn's loggers, and log Python's warnings too."""
        super().setup(cfg)
        logging.captureWarnings(capture=True)
        self.error_log.addFilter(logs.without_requests)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.HANDLER.formatter)

    def access(self, *_: Any) -> None:
        """Write nothing. gunicorn's line would contain the URL with its query string."""


def maximum_connections(threads: int) -> int:
    """Return how many connections fit into a worker, after raising the limit of open files as far as allowed.

    Args:
        threads: the number of threads of a worker. Each may have a database connection and one more open file.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft == resource.RLIM_INFINITY:
        return MAXIMUM_CONNECTIONS
    return max(1, min(MAXIMUM_CONNECTIONS, soft - 2 * threads - OTHER_FILES))


def check_temporary_folder() -> None:
    """Check that there is a folder for temporary files: gunicorn's heartbeats, and metrics that workers share.

    Raises:
        SystemExit: no folder is writable, as in a container that is read-only as a whole.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        sys.exit(
            "taskapp: cannot write temporary files. Make /tmp writable (in a container: --tmpfs /tmp), or set TMPDIR."
        )


def prepare_database(app: Flask) -> None:
    """Start and migrate the embedded server, or check DATABASE_URL and migrate it if MIGRATE_ON_START is set.

    Raises:
        SystemExit: the database cannot be started, migrated or used.
    """
    try:
        with app.app_context():
            embedded.prepare(app)
            if app.config["DATABASE_URL"]:
                _check_database(app)
                if app.config["MIGRATE_ON_START"]:
                    flask_migrate.upgrade()
    except StartupError as error:
        sys.exit(f"taskapp: {error}")
    except KeyboardInterrupt:
        sys.exit("taskapp: interrupted during startup.")


def _check_database(app: Flask) -> None:
    """Check DATABASE_URL, and log the reason if it is unreachable, which may pass.

    Raises:
        StartupError: the service cannot use the database.
    """
    try:
        check_database(app.config["DATABASE_URL"], min(CHECK_SECONDS, app.config["REQUEST_TIMEOUT"]))
    except UnsuitableDatabase as error:
        raise StartupError(f"Cannot use the database of DATABASE_URL: {error}.") from None
    except psycopg2.Error as error:
        app.logger.warning("The database is unavailable: %s", describe(error))


def warn_of_separate_counts(app: Flask) -> None:
    """Log a warning if several workers count requests in memory, so that users may send more than the limit says."""
    workers = app.config["WORKERS"]
    if app.config["RATE_LIMIT"] and app.config["RATE_LIMIT_STORAGE"] == MEMORY and workers > 1:
        app.logger.warning(
            "Each of %d workers counts RATE_LIMIT separately, so users may send up to %d times as many requests; "
            "set RATE_LIMIT_STORAGE to a Redis URL, or WORKERS to 1",
            workers,
            workers,
        )


def banner(app: Flask, endpoints: Sequence[Endpoint]) -> str:
    """Return the URLs of the service and, on the embedded default, a command that makes the first request.

    With a DATABASE_URL there is no token in it, because the output is kept in logs.

    Args:
        app: the application.
        endpoints: where the service listens.
    """
    config: Mapping[str, Any] = app.config
    server = embedded.of_app(app)
    data = server.data if server else f"the database {config['DATABASE_URL'].database} of DATABASE_URL"
    prefix = config["SCRIPT_NAME"]
    lines = [f"API   {url}{prefix}/api/{{user_id}}/tasks{note and f' on {note}'}" for url, _, note in endpoints]
    url, options = endpoints[0].url + prefix, endpoints[0].curl
    lines += [f"Docs  {url}/docs", f"Data  {data}"]
    if server and config["JWT_SECRET"]:
        token = sign_token(app.config, BANNER_USER, timedelta(days=1))
        lines += [f"Try   curl {options}-H 'Authorization: Bearer {token}' {url}/api/{BANNER_USER}/tasks"]
    return "\n" + "\n".join(lines) + "\n"
