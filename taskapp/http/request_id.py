"""Request ids, which connect responses, error bodies and log lines."""

import logging
import random
import re
from typing import Any

from flask import has_request_context

from taskapp.http.app import App
from taskapp.http.request import current_request
from taskapp.http.trace_context import trace_id_of

HEADER = "X-Request-ID"
# The keys in the WSGI environment for the id that the client sent, and for the id of the request.
_VARIABLE = "HTTP_X_REQUEST_ID"
_KEY = "taskapp.request_id"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,128}", re.ASCII)


def new_request_id() -> str:
    """Return a new random id of 128 bits."""
    return f"{random.getrandbits(128):032x}"  # It is not a secret. uuid4 would make a system call for each.


def _id_of(environ: dict[str, Any]) -> str:
    if _KEY not in environ:
        sent = environ.get(_VARIABLE, "")
        environ[_KEY] = sent if _ACCEPTED.fullmatch(sent) else new_request_id()
    request_id: str = environ[_KEY]
    return request_id


def current_request_id() -> str:
    """Return the id of the current request: the client's if it is valid, otherwise a generated one."""
    return _id_of(current_request().environ)


class RequestIdFilter(logging.Filter):
    """Adds the ids of the current request and of its trace to log records."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add ``request_id``, and ``trace_id`` if the client sent one, unless it has an id. Always return True."""
        if has_request_context() and not hasattr(record, "request_id"):
            environ = current_request().environ
            record.request_id = _id_of(environ)
            if trace_id := trace_id_of(environ):
                record.trace_id = trace_id
        return True


def init_app(app: App) -> None:
    """Add the id to every response."""
    app.add_headers(lambda environ, *_: [(HEADER, _id_of(environ))])
