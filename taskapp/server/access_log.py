"""The access log: one line per request with its route, user, status and duration.

A line never contains a path, a query string, a header or a body, because they contain the data of users.
"""

import logging

from flask import Flask, Response, g

from taskapp.db.columns import USER_ID_LENGTH
from taskapp.http.request import current_request
from taskapp.server.request_stats import UNMATCHED, RequestStats, observe

_log = logging.getLogger("taskapp.requests")


def _log_request(stats: RequestStats, response: Response) -> None:
    user_id: str | None = g.get("user_id")
    request = current_request()
    fields = {
        "method": stats.method,
        "route": stats.route,
        "status": stats.status,
        "duration_ms": round(stats.seconds * 1000, 2),
        "database_ms": round(stats.database * 1000, 2),
        "database_statements": stats.statements,
        "response_bytes": 0 if request.method == "HEAD" else response.content_length,
        # Valid ids are not longer, but a token may contain any string.
        "user": user_id and user_id[:USER_ID_LENGTH],
        "remote_address": request.remote_addr or None,  # A Unix socket has no address.
    }
    _log.info("request", extra=fields)


def log_rejected(status: int, request_id: str, remote_address: str | None, *, bug: bool) -> None:
    """Log a request that the server rejected before it reached the application.

    Args:
        status: the HTTP status of the response.
        request_id: the request id in the response.
        remote_address: the address of the client, if it is known.
        bug: whether the current exception is a bug of the service; its traceback is then logged too.
    """
    fields = {"route": UNMATCHED, "status": status, "request_id": request_id, "remote_address": remote_address}
    _log.log(logging.ERROR if bug else logging.WARNING, "rejected request", exc_info=bug, extra=fields)


def init_app(app: Flask) -> None:
    """Log requests if ACCESS_LOG is set, regardless of LOG_LEVEL."""
    if app.config["ACCESS_LOG"]:
        _log.setLevel(logging.INFO)
        observe(app, _log_request)
