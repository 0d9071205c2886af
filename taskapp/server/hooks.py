"""What gunicorn is told and asked, for gunicorn.conf.py; all that knows gunicorn is in these two, and in worker.py."""

import contextlib
import logging
import resource
import socket
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Any

import flask_migrate
from flask import Flask
from gunicorn.glogging import Logger
from gunicorn.http.errors import ParseException

from config import MEMORY, StartupError
from taskapp.auth.tokens import sign_token
from taskapp.db import embedded
from taskapp.http import cors
from taskapp.http.errors import MalformedRequest, status_error_body
from taskapp.http.request import MAXIMUM_BODY
from taskapp.http.request_id import HEADER, new_request_id
from taskapp.http.security_headers import FOR_ERRORS
from taskapp.server import logs
from taskapp.server.access_log import log_rejected

# The maximum number of connections of a worker, idle ones included, and of files that are no connection.
MAXIMUM_CONNECTIONS = 1000
OTHER_FILES = 64
GREETING_USER = "demo"

_log = logging.getLogger("gunicorn.error")


@dataclass(frozen=True)
class Accepted:
    """What gunicorn's master serves with, until a reload finds something else that is right.

    Attributes:
        settings: those of the workers too, whenever they begin.
        app: the master's own application.
    """

    settings: Mapping[str, Any]
    app: Flask


# None where it is not gunicorn that serves.
accepted: Accepted | None = None


def accept(read: Callable[[], Mapping[str, Any]], make_app: Callable[[Mapping[str, Any]], Flask]) -> Accepted:
    """Read the settings to serve with; where those of a reload are wrong, keep those from before, and log that.

    Args:
        read: reads the settings.
        make_app: makes the master's application with them.

    Raises:
        SystemExit: they are wrong at the start.
    """
    global accepted  # noqa: PLW0603 # It outlives gunicorn.conf.py, which each reload runs anew.
    try:
        settings = _with_address_from_before(read())
        accepted = Accepted(settings, make_app(settings))
    except StartupError as error:
        if accepted is None:
            sys.exit(f"taskapp: {error}")
        _log.error("The settings are wrong, those from before are kept: %s", error)
    return accepted


def _with_address_from_before(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave the sockets alone on a reload: gunicorn closes the old ones before it knows that it can open others."""
    before = accepted.settings if accepted else settings
    address = {name: before[name] for name in ("HOST", "PORT")}
    if address != {name: settings[name] for name in address}:
        _log.warning("A new HOST or PORT needs a restart; those from before are kept")
    return {**settings, **address}


class ServerLog(Logger):  # type: ignore[misc] # gunicorn has no types.
    """gunicorn's own log lines, in the form of ours, and none for each request: the application writes that."""

    def setup(self, cfg: Any) -> None:
        """Log as gunicorn is configured, Python's warnings too."""
        super().setup(cfg)
        logging.captureWarnings(capture=True)
        self.error_log.addFilter(logs.without_requests)
        for handler in self.error_log.handlers:
            handler.setFormatter(logs.HANDLER.formatter)

    def access(self, *_: Any) -> None:
        """Write nothing: gunicorn would write the address as it was sent, and what was searched for in it."""


def write_error(
    client: socket.socket, status: int, _reason: str, _message: str, *, origins: Collection[str] = ()
) -> None:
    """Answer a request that gunicorn refuses before the application sees it, in the service's own shape.

    Takes the place of ``gunicorn.util.write_error``, which writes HTML with the parser's exception in it, and says
    "Bad Request" also where the status is another.

    Args:
        client: where the answer is written to.
        status: its status.
        origins: those whose pages may read answers.
    """
    request_id = new_request_id()
    log_rejected(status, request_id, _address_of(client), bug=status == HTTPStatus.INTERNAL_SERVER_ERROR)
    body = status_error_body(status, request_id)
    headers = {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": len(body),
        HEADER: request_id,
        **FOR_ERRORS,
        **cors.headers_for_errors(origins),
    }
    head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {headers[name]}" for name in headers)]
    client.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + body)


def _address_of(client: socket.socket) -> str | None:
    with contextlib.suppress(OSError):
        address = client.getpeername()
        return str(address[0]) if isinstance(address, tuple) else None  # A Unix socket has no address.
    return None


def close_after_large_body(_worker: object, request: Any) -> None:
    """Announce the end of the connection if the body is too large: no view reads such a body.

    Args:
        request: a request as gunicorn has parsed it.
    """
    length = next((value for name, value in request.headers if name == "CONTENT-LENGTH"), "0")
    if int(length) > MAXIMUM_BODY:
        request.force_close()


def maximum_connections(threads: int) -> int:
    """Return how many connections fit into a worker, after raising the limit of open files as far as allowed.

    Args:
        threads: of a worker; each may have a database connection and one more file open.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft == resource.RLIM_INFINITY:
        return MAXIMUM_CONNECTIONS
    return max(1, min(MAXIMUM_CONNECTIONS, soft - 2 * threads - OTHER_FILES))


def refuse_taken_port(host: str, port: int) -> None:
    """End with a sentence where something else listens: with SO_REUSEPORT a second server would share the port.

    Raises:
        SystemExit: the port is taken, or the address is not one of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        sys.exit(f"taskapp: cannot listen on {host} port {port}: {error.strerror}. Set HOST or PORT to another.")


def prepare_database(app: Flask) -> None:
    """Start the embedded server, where the application has one, and migrate what is to be migrated.

    Raises:
        SystemExit: it does not start, or cannot be migrated.
    """
    try:
        with app.app_context():
            embedded.prepare(app)
            if app.config["DATABASE_URL"] and app.config["MIGRATE_ON_START"]:
                flask_migrate.upgrade()
    except StartupError as error:
        sys.exit(f"taskapp: {error}")
    except KeyboardInterrupt:
        sys.exit("taskapp: interrupted before it served.")


def warn_of_separate_counts(app: Flask) -> None:
    """Log it where a rate limit is not what it seems, because several workers count in memory, each for itself."""
    workers = app.config["WORKERS"]
    if app.config["RATE_LIMIT"] and app.config["RATE_LIMIT_STORAGE"] == MEMORY and workers > 1:
        app.logger.warning(
            "RATE_LIMIT is counted by each of %d workers for itself, so a user may send up to %d times as much; "
            "set RATE_LIMIT_STORAGE to a Redis, or WORKERS to 1",
            workers,
            workers,
        )


def greeting(app: Flask) -> str:
    """Say where everything is and, on the embedded default, how to make the first request.

    A server on a database of its own prints no token: its output is kept in logs.
    """
    config: Mapping[str, Any] = app.config
    host = "127.0.0.1" if config["HOST"] in ("0.0.0.0", "::") else config["HOST"]  # noqa: S104 # Compared, not bound.
    base = f"http://{f'[{host}]' if ':' in host else host}:{config['PORT']}"
    server = embedded.of_app(app)
    data = server.data if server else f"the database {config['DATABASE_URL'].database} of DATABASE_URL"
    lines = [f"API   {base}/api/{{user_id}}/tasks", f"Docs  {base}/docs", f"Data  {data}"]
    if server and config["JWT_SECRET"]:
        token = sign_token(app.config, GREETING_USER, timedelta(days=1))
        lines += ["Try   " + f"curl -H 'Authorization: Bearer {token}' {base}/api/{GREETING_USER}/tasks"]
    return "\n" + "\n".join(lines) + "\n"


def init_app(app: Flask) -> None:
    """Respond to a body that gunicorn cannot decode as to a malformed one."""

    def answer(_error: ParseException) -> Any:
        return app.handle_user_exception(MalformedRequest("The body is not encoded as its headers say."))

    app.register_error_handler(ParseException, answer)
