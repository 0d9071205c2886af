"""One log line for each request: its route, its user, its status and its duration.

A line never contains a path, a query, a header or a body: paths and queries contain what users search for.
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
        # No user has a longer id, but a token may contain any.
        "user": user_id and user_id[:USER_ID_LENGTH],
        "remote_address": request.remote_addr,
    }
    _log.info("request", extra=fields)


def log_rejected(status: int, request_id: str, remote_address: str | None, *, bug: bool) -> None:
    """Write the line of a request that the server rejected before the application saw it.

    Args:
        status: the status of the response.
        request_id: the id in the response.
        remote_address: the address of the client.
        bug: whether the current exception is a bug, whose traceback belongs to the line.
    """
    fields = {"route": UNMATCHED, "status": status, "request_id": request_id, "remote_address": remote_address}
    _log.log(logging.ERROR if bug else logging.WARNING, "refused request", exc_info=bug, extra=fields)


def init_app(app: Flask) -> None:
    """Write the lines if ACCESS_LOG is set, whatever LOG_LEVEL is."""
    if app.config["ACCESS_LOG"]:
        _log.setLevel(logging.INFO)
        observe(app, _log_request)
