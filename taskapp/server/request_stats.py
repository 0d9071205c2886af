"""How long requests take, and how much of it the database does: measured once, for all who want to know.

Logs, metrics and the header ``Server-Timing`` are told of each answer, so that they all say the same.
"""

import re
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, wraps
from http import HTTPMethod
from typing import Any, ParamSpec, TypeVar

from flask import Flask, Response
from werkzeug.routing import Rule

from taskapp.http.context import this_app, this_request
from taskapp.http.errors import DatabaseUnavailable

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

# In place of what is no route or method of ours: clients could make up any number of names.
UNMATCHED = "unmatched"
OTHER = "OTHER"
_METHODS = frozenset(method.value for method in HTTPMethod)


@dataclass(slots=True)
class Exchange:
    """A request and its answer, without anything that a user wrote.

    Attributes:
        started: when the request came to the application, on the clock of ``time.perf_counter``.
        database: seconds that the request waited for the database, those for a connection among them.
        statements: how many statements it ran.
        queued: seconds that the request waited for a thread before it came to the application.
        give_up_at: when the database must have answered, on the clock of ``time.monotonic``; None before it is asked.
        seconds: how long it took until its answer was ready to be sent.
        method: its method, or ``OTHER``.
        route: the template of its address, or ``unmatched``.
        status: the status of its answer.
    """

    started: float = field(default_factory=time.perf_counter)
    database: float = 0.0
    statements: int = 0
    queued: float = 0.0
    give_up_at: float | None = None
    seconds: float = 0.0
    method: str = OTHER
    route: str = UNMATCHED
    status: int = 0


# How long the request that a thread handles has waited for the thread. The worker sets it; other servers do not.
seconds_in_queue: ContextVar[float] = ContextVar("seconds_in_queue", default=0.0)
# What is being answered; None outside of a request.
current_exchange: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@dataclass(frozen=True)
class Watchers:
    """Those who are told.

    Attributes:
        answers: called with each exchange and its response, before that is sent.
        statements: called with the seconds and the outcome of each statement: ``ok``, ``unavailable`` or ``failed``.
    """

    answers: list[Callable[[Exchange, Response], None]] = field(default_factory=list)
    statements: list[Callable[[float, str], None]] = field(default_factory=list)


def watchers(app: Flask) -> Watchers:
    """Return those who are told what an application does, to add to them."""
    known: Watchers = app.extensions["watchers"]
    return known


@cache
def _template(rule: str) -> str:
    return re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule)


def route_of(rule: Rule | None) -> str:
    """Return the template of a route, as documents write it: ``/api/{user_id}/tasks``."""
    return UNMATCHED if rule is None else _template(rule.rule)


def timed(run: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Measure a function that runs a statement, as part of the request that it is called in."""

    @wraps(run)
    def measured(*args: Arguments.args, **options: Arguments.kwargs) -> Result:
        started = time.perf_counter()
        outcome = "failed"
        try:
            result = run(*args, **options)
            outcome = "ok"
        except DatabaseUnavailable:
            outcome = "unavailable"
            raise
        finally:
            _tell_of_statement(time.perf_counter() - started, outcome)
        return result

    return measured


def give_up_at(seconds: float) -> float:
    """Return when to give up on the database, on the clock of ``time.monotonic``.

    Args:
        seconds: how long it may take for a request: for all statements of the request together, from the first one on,
            the time included that the request waited for a thread. What is no part of a request has it from now on.
    """
    exchange = current_exchange.get()
    if exchange is None:
        return time.monotonic() + seconds
    if exchange.give_up_at is None:
        exchange.give_up_at = time.monotonic() + seconds - exchange.queued
    return exchange.give_up_at


def _tell_of_statement(seconds: float, outcome: str) -> None:
    exchange = current_exchange.get()
    if exchange is not None:
        exchange.database += seconds
        exchange.statements += 1
    for tell in watchers(this_app()).statements:
        tell(seconds, outcome)


def _tell_of_answer(response: Response) -> Response:
    listening, exchange = watchers(this_app()).answers, current_exchange.get()
    if not listening or exchange is None:
        return response
    exchange.seconds = time.perf_counter() - exchange.started
    request = this_request()
    exchange.method = request.method if request.method in _METHODS else OTHER
    exchange.route = route_of(request.url_rule)
    exchange.status = response.status_code
    for tell in listening:
        tell(exchange, response)
    return response


def _add_header(exchange: Exchange, response: Response) -> None:
    """Say in the answer how long it took (https://www.w3.org/TR/server-timing/)."""
    total, database = exchange.seconds * 1000, exchange.database * 1000
    response.headers["Server-Timing"] = f"db;dur={database:.2f}, app;dur={total - database:.2f}, total;dur={total:.2f}"


def init_app(app: Flask) -> None:
    """Measure every request from its first moment. To be called early: what is registered first is told last."""
    app.extensions["watchers"] = Watchers()
    inner = app.wsgi_app

    def begin(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        token = current_exchange.set(Exchange(queued=seconds_in_queue.get()))
        try:
            return inner(environ, start_response)
        finally:
            current_exchange.reset(token)

    app.wsgi_app = begin  # type: ignore[method-assign] # The way that Flask documents.
    app.after_request(_tell_of_answer)
    if app.config["SERVER_TIMING"]:
        watchers(app).answers.append(_add_header)
