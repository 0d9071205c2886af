"""Log lines that name the request they belong to."""

import logging

from flask import Flask
from flask.logging import default_handler

from taskapp.request_id import RequestIdFilter

FORMAT = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"


def init_app(app: Flask) -> None:
    """Write the log lines of this package, at the level set, with the id of their request.

    They go through Flask's own handler, so to standard error, or to where gunicorn writes its errors.
    """
    if not any(isinstance(known, RequestIdFilter) for known in default_handler.filters):
        default_handler.addFilter(RequestIdFilter())
    default_handler.setFormatter(logging.Formatter(FORMAT))
    app.logger.addHandler(default_handler)
    app.logger.propagate = False
    app.logger.setLevel(app.config["LOG_LEVEL"].upper())
