"""``/metrics`` for Prometheus: only where a token for it is configured, and only for who sends that token.

gunicorn's workers count in files of a folder that the master makes, empty, before the first of them, and removes when
it ends; whichever of them is asked adds up the files of all. Without gunicorn the one process counts in its memory.
"""

import hmac
import os
import shutil
import tempfile
from functools import cache
from http import HTTPStatus

from flask import Flask, Response, abort, current_app

from taskapp.auth.errors import InvalidToken
from taskapp.auth.guard import bearer_token
from taskapp.db import db
from taskapp.http.openapi import HTTP_ERRORS, DocumentedBlueprint, ErrorEnvelope, describe_error, headers
from taskapp.http.request import current_request

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

bp = DocumentedBlueprint(
    "metrics",
    __name__,
    description="What the service counts, for Prometheus.",
    errors=[*HTTP_ERRORS, HTTPStatus.UNAUTHORIZED],
)

_EXAMPLE = 'http_request_duration_seconds_count{method="GET",route="/api/{user_id}/tasks",status="200"} 42.0\n'
# It is no error of ours, but what any address answers where nothing is.
_OFF = describe_error(404, {}, "Metrics are off.")


@bp.get("/metrics")
@bp.response(
    200,
    {"type": "string"},
    content_type=CONTENT_TYPE,
    description="All metrics, in Prometheus' text format.",
    example=_EXAMPLE,
    headers=headers(),
)
@bp.alt_response(404, schema=ErrorEnvelope, **_OFF)
@bp.doc(security=[{"metrics": []}])
def get_metrics() -> Response:
    """Tell Prometheus what was counted.

    Over all workers. It is there where the service is given a token for it, and wants just that token.
    """
    instruments = current_app.extensions.get("instruments")
    if instruments is None:
        abort(404)
    if not hmac.compare_digest(bearer_token(current_request()).encode(), current_app.config["METRICS_TOKEN"].encode()):
        raise InvalidToken
    return Response(instruments.exposition(), content_type=CONTENT_TYPE)


@cache
def _folder() -> str:
    return tempfile.mkdtemp(prefix="taskapp-metrics-")


def share(uid: int, gid: int) -> None:
    """Before a worker is forked: have it count in the folder of all, which is made for the first one.

    Args:
        uid: the user that the worker runs as.
        gid: its group.
    """
    os.environ[FOLDER] = _folder()
    os.chown(_folder(), uid, gid)


def forget(pid: int) -> None:
    """After a worker ended, in whatever way: its connections are gone. What it counted stays."""
    if _folder.cache_info().currsize:
        from prometheus_client import multiprocess  # noqa: PLC0415 # See taskapp.server.instruments.

        multiprocess.mark_process_dead(pid, _folder())


def end_sharing() -> None:
    """When the master ends: remove the folder."""
    if _folder.cache_info().currsize:
        shutil.rmtree(_folder(), ignore_errors=True)


def init_app(app: Flask) -> None:
    """Count what the application does, where metrics are on."""
    if app.config["METRICS_TOKEN"]:
        from taskapp.server.instruments import Instruments  # noqa: PLC0415 # See there: when it is imported decides.

        app.extensions["instruments"] = instruments = Instruments()
        with app.app_context():
            instruments.watch(app, db.engine, app.config["THREADS"])
