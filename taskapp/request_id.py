"""The id that ties an answer, its error and its log lines together."""

import logging
import random
import re

from flask import Flask, Response, g, has_request_context, request

HEADER = "X-Request-ID"
_VARIABLE = "HTTP_X_REQUEST_ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)


def new_request_id() -> str:
    """Make an id for a request that brought none of its own."""
    return f"{random.getrandbits(128):032x}"  # Nobody's secret; uuid4 asks the kernel for each.


def current_request_id() -> str:
    """Return the id of the request being answered: the client's own where it is well formed, else a new one."""
    if "request_id" not in g:
        sent = request.environ.get(_VARIABLE, "")
        g.request_id = sent if _ACCEPTED.fullmatch(sent) else new_request_id()
    request_id: str = g.request_id
    return request_id


class RequestIdFilter(logging.Filter):
    """Gives a log record the id of the request that it is written in."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add ``request_id`` to the record, unless it has one; no record is dropped."""
        if has_request_context() and not hasattr(record, "request_id"):
            record.request_id = current_request_id()
        return True


def _announce(response: Response) -> Response:
    response.headers[HEADER] = current_request_id()
    return response


def init_app(app: Flask) -> None:
    """Return the id on every answer."""
    app.after_request(_announce)
