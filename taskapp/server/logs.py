"""Log lines: one JSON object each for programs, readable ones in a terminal, with the id of their request.

Nothing that a client sent can end a line or begin another: JSON escapes it, and so does the text format. What requests
hold is not logged at all, so messages of the servers that quote one are dropped, or told without it.
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
# Where a value in the text format needs no quotes.
_PLAIN = re.compile(r"[\w./{}:@+-]+", re.ASCII)
# What gunicorn logs of a request, with parts of it: on debug of each its path; of one that it refuses, which is told by
# ``error_responses.write_error``; of one that breaks off.
_QUOTING = ("%s %s", "Invalid request from ip=", "Error handling request ", "Ignored premature client disconnection")


class JsonLines(JsonFormatter):
    """A JSON object in ASCII: whatever is in it, it is one line."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__(_FIELDS, rename_fields=_NAMES)


class TextLines(logging.Formatter):
    """A line for a person: time, level, logger, request, message, and what else the record has as ``name=value``.

    The lines of a traceback are indented, so that none of them looks like a record of its own.
    """

    default_msec_format = "%s.%03d"

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        fields = merge_record_extra(record, {}, RESERVED_ATTRS)
        request_id = fields.pop("request_id", "-")
        head = f"{self.formatTime(record)} {record.levelname} {record.name} [{request_id}] "
        pairs = [f"{name}={_quoted(value)}" for name, value in fields.items() if value is not None]
        line = head + " ".join([_visible(record.getMessage()), *pairs])
        below = [self.formatException(record.exc_info)] if record.exc_info else []
        below += [record.stack_info] if record.stack_info else []
        return "\n    ".join([line, *(_visible(each) for text in below for each in text.splitlines())])


def _visible(text: str) -> str:
    """Escape what a terminal would act upon: ends of lines, control characters, changes of direction."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _quoted(value: object) -> str:
    text = str(value)
    return text if _PLAIN.fullmatch(text) else _visible(json.dumps(text, ensure_ascii=False))


def without_requests(record: logging.LogRecord) -> bool:
    """Keep requests out of what servers and Flask log by themselves: a filter for loggers and handlers."""
    message = str(record.msg)
    if record.name == "werkzeug":
        return " - - [" not in message  # `flask run` begins a line about a request so.
    if record.name == "gunicorn.error":
        return not message.startswith(_QUOTING)
    if record.exc_info and message.startswith("Exception on /"):  # Flask, of a defect.
        request = current_request()
        record.msg = f"Exception on {request.method} {route_of(request.url_rule)}"
    return True


# On the root logger, so that libraries write in the same form. Standard error is looked up for each line, because tests
# put another in its place.
_stderr: Any = LocalProxy(lambda: sys.stderr)
HANDLER = logging.StreamHandler(_stderr)
HANDLER.addFilter(RequestIdFilter())
HANDLER.addFilter(without_requests)


def in_json(config: Mapping[str, Any]) -> bool:
    """Tell whether lines are JSON: unless said otherwise, where nobody watches."""
    chosen: str = config["LOG_FORMAT"]
    return chosen == "json" or (chosen == "auto" and not sys.stderr.isatty())


def init_app(app: Flask) -> None:
    """Write log lines to standard error: ours from the level set on, those of libraries from warnings on."""
    HANDLER.setFormatter(JsonLines() if in_json(app.config) else TextLines())
    logging.getLogger().addHandler(HANDLER)
    app.logger.setLevel(app.config["LOG_LEVEL"].upper())
