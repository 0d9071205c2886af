"""Statistics of requests: their duration, and the part of it spent on the database.

They are measured once. The access log, the metrics and the header ``Server-Timing`` use the same numbers.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from http import HTTPMethod
from typing import Any

from flask import Flask, Response
from werkzeug.routing import Rule

from taskapp.db.execute import statement_executed
from taskapp.http.app import App
from taskapp.http.request import current_request

# Used for unknown routes and methods, because clients can invent any number of them.
UNMATCHED = "unmatched"
OTHER = "OTHER"
_METHODS = frozenset(method.value for method in HTTPMethod)


@dataclass(slots=True)
class RequestStats:
    """The statistics of a request and its response. They contain no data of users.

    Attributes:
        started: when the request arrived in the application, on the clock of ``time.perf_counter``.
        database: seconds spent on the database, including the wait for a connection.
        statements: the number of statements.
        seconds: the duration until the response was ready to send.
        method: the method, or ``OTHER`` if HTTP does not define it.
        route: the route template, or ``unmatched``.
        status: the status of the response.
    """

    started: float = field(default_factory=time.perf_counter)
    database: float = 0.0
    statements: int = 0
    seconds: float = 0.0
    method: str = OTHER
    route: str = UNMATCHED
    status: int = 0


Observer = Callable[[RequestStats, Response], None]

# The statistics of the current request, or None outside of a request.
_current: ContextVar[RequestStats | None] = ContextVar("request_stats", default=None)


def observe(app: Flask, observer: Observer) -> None:
    """Call an observer with the statistics and the response of each request, before the response is sent."""
    app.extensions["request_observers"].append(observer)


@cache
def _template(rule: str) -> str:
    return re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule)


def route_of(rule: Rule | None) -> str:
    """Return the template of a route in the notation of OpenAPI: ``/api/{user_id}/tasks``."""
    return UNMATCHED if rule is None else _template(rule.rule)


def _add_statement(_engine: object, *, seconds: float, **_: Any) -> None:
    stats = _current.get()
    if stats is not None:
        stats.database += seconds
        stats.statements += 1


statement_executed.connect(_add_statement)


def _notify(observers: Iterable[Observer], response: Response) -> Response:
    stats = _current.get()
    if not observers or stats is None:
        return response
    stats.seconds = time.perf_counter() - stats.started
    request = current_request()
    stats.method = request.method if request.method in _METHODS else OTHER
    stats.route = route_of(request.url_rule)
    stats.status = response.status_code
    for observer in observers:
        observer(stats, response)
    return response


def _add_header(stats: RequestStats, response: Response) -> None:
    """Add the header Server-Timing (https://www.w3.org/TR/server-timing/)."""
    total, database = stats.seconds * 1000, stats.database * 1000
    response.headers["Server-Timing"] = f"db;dur={database:.2f}, app;dur={total - database:.2f}, total;dur={total:.2f}"


@contextmanager
def _measure(_environ: object) -> Iterator[None]:
    token = _current.set(RequestStats())
    try:
        yield
    finally:
        _current.reset(token)


def init_app(app: App) -> None:
    """Measure every request. To be called early, because the hook registered first runs last for a response."""
    observers: list[Observer] = []
    app.extensions["request_observers"] = observers
    app.add_context(_measure)
    app.after_request(lambda response: _notify(observers, response))
    if app.config["SERVER_TIMING"]:
        observe(app, _add_header)
