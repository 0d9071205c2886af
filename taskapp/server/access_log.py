"""One line for each request: what was asked, by whom, how it ended, and how long it took.

It never holds a path, a query, a header or a body: paths and queries hold what users search for.
"""

import logging

from flask import Flask, Response, g

from taskapp.http.context import this_request
from taskapp.server.request_stats import UNMATCHED, Exchange, watchers
from taskapp.tasks.models import USER_ID_LENGTH

_log = logging.getLogger("taskapp.requests")


def _write(exchange: Exchange, response: Response) -> None:
    user_id: str | None = g.get("user_id")
    request = this_request()
    fields = {
        "method": exchange.method,
        "route": exchange.route,
        "status": exchange.status,
        "duration_ms": round(exchange.seconds * 1000, 2),
        "database_ms": round(exchange.database * 1000, 2),
        "database_statements": exchange.statements,
        "response_bytes": 0 if request.method == "HEAD" else response.content_length,
        # Nobody's tasks belong to a longer id, and a token may hold any.
        "user": user_id and user_id[:USER_ID_LENGTH],
        "remote_address": request.remote_addr,
    }
    _log.info("request", extra=fields)


def write_refusal(status: int, request_id: str, remote_address: str | None, *, defect: bool) -> None:
    """Write the line of a request that the server answered before the application saw it.

    Args:
        status: what it was answered with.
        request_id: the id in the answer.
        remote_address: who sent it.
        defect: whether the exception being handled is a defect, whose traceback belongs to the line.
    """
    fields = {"route": UNMATCHED, "status": status, "request_id": request_id, "remote_address": remote_address}
    _log.log(logging.ERROR if defect else logging.WARNING, "refused request", exc_info=defect, extra=fields)


def init_app(app: Flask) -> None:
    """Write the lines, where they are asked for, whatever else the level lets through."""
    if app.config["ACCESS_LOG"]:
        _log.setLevel(logging.INFO)
        watchers(app).answers.append(_write)
