"""The limit of concurrent requests per user. The server sets it; without such a server, there is none."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, TypeVar

from flask import Flask, current_app, g

from taskapp.http.errors import RETRY_SHORTLY, ErrorResponse, map_error
from taskapp.http.request import Request, current_request

_TOO_MANY = ErrorResponse(
    HTTPStatus.TOO_MANY_REQUESTS,
    "RATE_LIMITED",
    "Too many of your requests are in progress at the same time. Send fewer at once.",
    headers=RETRY_SHORTLY,
)
View = TypeVar("View", bound=Callable[..., Any])

# Called for the current request with its user and with ``costly``. Returns if the request may keep its thread. Set by
# servers that divide their threads among users.
claim_thread: ContextVar[Callable[..., None] | None] = ContextVar("claim_thread", default=None)


class TooManyConcurrentRequests(Exception):
    """The user has too many requests in progress."""


def costly_if(is_costly: Callable[[Mapping[str, str]], Any]) -> Callable[[View], View]:
    """Declare that a view is costly with some query parameters: its work grows with all data of the user.

    Args:
        is_costly: called with the parameters of a request before they are validated.
    """

    def decorator(view: View) -> View:
        view.is_costly = is_costly  # type: ignore[attr-defined] # Read by limit_concurrency.
        return view

    return decorator


def costly(view: View) -> View:
    """Declare that a view is costly in any case."""
    return costly_if(lambda _parameters: True)(view)


def _is_costly(request: Request) -> bool:
    view = current_app.view_functions[request.endpoint or ""]
    return hasattr(view, "is_costly") and bool(view.is_costly(request.args.to_dict()))


def limit_concurrency() -> None:
    """Claim the thread of the current request for its user. A ``before_request`` hook that follows the guard.

    If a route has no guard, an earlier hook sets ``g.thread_owner`` to whom its requests count for.

    Raises:
        TooManyConcurrentRequests: the user has too many requests in progress.
        SystemExit: the server will handle the request again later. It has not had any effect so far.
    """
    claim = claim_thread.get()
    if claim is not None:
        claim(g.get("thread_owner") or g.user_id, costly=_is_costly(current_request()))


def init_app(app: Flask) -> None:
    """Map the error to its response."""
    map_error(app, TooManyConcurrentRequests, _TOO_MANY)
