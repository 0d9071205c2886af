"""``/metrics`` for Prometheus. Enabled if ``METRICS_TOKEN`` is set; a request must send that token.

Each gunicorn worker writes its metrics to files in a shared folder. The master creates the folder before it forks the
first worker and removes it on exit. The worker that serves ``/metrics`` aggregates the files of all workers. Without
gunicorn, the single process keeps its metrics in memory.
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
    description="Prometheus metrics.",
    errors=[*HTTP_ERRORS, HTTPStatus.UNAUTHORIZED],
)

_EXAMPLE = 'http_request_duration_seconds_count{method="GET",route="/api/{user_id}/tasks",status="200"} 42.0\n'
# The same response as for any URL that does not exist.
_OFF = describe_error(404, {}, "The service has no `METRICS_TOKEN`.")


@bp.get("/metrics")
@bp.response(
    200,
    {"type": "string"},
    content_type=CONTENT_TYPE,
    description="All metrics in the Prometheus text format.",
    example=_EXAMPLE,
    headers=headers(),
)
@bp.alt_response(404, schema=ErrorEnvelope, **_OFF)
@bp.doc(security=[{"metrics": []}])
def get_metrics() -> Response:
    """Get metrics.

    Returns the metrics of all workers. Requires the `METRICS_TOKEN` of the service. Without one, `/metrics` is a 404.
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
    """Make a worker that is about to be forked use the shared folder, which the first call creates.

    Args:
        uid: the user id that the workers run as.
        gid: their group id.
    """
    os.environ[FOLDER] = _folder()
    os.chown(_folder(), uid, gid)


def forget(pid: int) -> None:
    """Drop the gauges of a worker that has exited. Its counters remain."""
    if _folder.cache_info().currsize:
        from prometheus_client import multiprocess  # noqa: PLC0415 # See taskapp.server.instruments.

        multiprocess.mark_process_dead(pid, _folder())


def end_sharing() -> None:
    """Remove the shared folder when the master exits."""
    if _folder.cache_info().currsize:
        shutil.rmtree(_folder(), ignore_errors=True)


def init_app(app: Flask) -> None:
    """Collect metrics of the application if ``METRICS_TOKEN`` is set."""
    if app.config["METRICS_TOKEN"]:
        from taskapp.server.instruments import Instruments  # noqa: PLC0415 # Import order matters; see there.

        app.extensions["instruments"] = instruments = Instruments()
        with app.app_context():
            instruments.watch(app, db.engine, app.config["THREADS"])
