"""The format of log lines: JSON objects or readable text, with the id of their request.

Both formats escape everything that a client sent, so that it cannot forge a line. Log lines never contain data of
requests. Messages of servers and of Flask that quote a request are dropped or rewritten.
"""

import json
import logging
import re
import sys
import time
from collections.abc import Mapping
from typing import Any

from flask import Flask
from pythonjsonlogger.core import RESERVED_ATTRS, merge_record_extra
from pythonjsonlogger.json import JsonFormatter
from werkzeug.local import LocalProxy

from taskapp.http.request import current_request
from taskapp.http.request_id import RequestIdFilter
from taskapp.server.request_stats import route_of

_FIELDS = ("asctime", "levelname", "name", "process", "message")
_NAMES = {"asctime": "time", "levelname": "level", "name": "logger", "process": "pid", "exc_info": "exception"}
# Values that need no quotes in the text format.
_PLAIN = re.compile(r"[\w./{}:@+-]+", re.ASCII)
# The messages of gunicorn that quote a request: its path at level debug, a rejected request (which
# ``error_responses.write_error`` logs instead), a bug, and a client that disconnects.
_QUOTING = ("%s %s", "Invalid request from ip=", "Error handling request ", "Ignored premature client disconnection")


class JsonLines(JsonFormatter):
    """Formats a record as a JSON object in ASCII, which is always a single line."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__(_FIELDS, rename_fields=_NAMES)


class TextLines(logging.Formatter):
    """Formats a record for people: time, level, logger, request id, message, and other fields as ``name=value``.

    The lines of a traceback are indented, so that none of them looks like another record.
    """

    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text."""
        fields = merge_record_extra(record, {}, RESERVED_ATTRS)
        request_id = fields.pop("request_id", "-")
        head = f"{self.formatTime(record)} {record.levelname} {record.name} [{request_id}] "
        pairs = [f"{name}={_quoted(value)}" for name, value in fields.items() if value is not None]
        line = head + " ".join([_visible(record.getMessage()), *pairs])
        below = [self.formatException(record.exc_info)] if record.exc_info else []
        below += [record.stack_info] if record.stack_info else []
        return "\n    ".join([line, *(_visible(each) for text in below for each in text.splitlines())])


def _visible(text: str) -> str:
    """Escape characters that affect a terminal: line ends, control characters, and changes of text direction."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _quoted(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else _visible(json.dumps(text, ensure_ascii=False))


def without_requests(record: logging.LogRecord) -> bool:
    """Drop or rewrite records of servers and of Flask that quote a request. A filter for loggers and handlers."""
    message = str(record.msg)
    if record.name == "werkzeug":
        return " - - [" not in message  # The start of the request lines of `flask run`.
    if record.name == "gunicorn.error":
        return not message.startswith(_QUOTING)
    if record.exc_info and message.startswith("Exception on /"):  # Flask's message for a bug.
        request = current_request()
        record.msg = f"Exception on {request.method} {route_of(request.url_rule)}"
    return True


# On the root logger, so that libraries use the same format. A proxy looks up standard error for each line, because
# tests replace it.
_stderr: Any = LocalProxy(lambda: sys.stderr)
HANDLER = logging.StreamHandler(_stderr)
HANDLER.addFilter(RequestIdFilter())
HANDLER.addFilter(without_requests)


def in_json(config: Mapping[str, Any]) -> bool:
    """Return whether log lines are JSON. By default they are, unless standard error is a terminal."""
    chosen: str = config["LOG_FORMAT"]
    return chosen == "json" or (chosen == "auto" and not sys.stderr.isatty())


def init_app(app: Flask) -> None:
    """Log to standard error: the service's records from LOG_LEVEL on, those of libraries from warnings on."""
    HANDLER.setFormatter(JsonLines() if in_json(app.config) else TextLines())
    logging.getLogger().addHandler(HANDLER)
    app.logger.setLevel(app.config["LOG_LEVEL"].upper())
