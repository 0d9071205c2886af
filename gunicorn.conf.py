"""How the service is served: ``gunicorn wsgi:app`` reads this file. The settings come from the environment."""

import gc
import math
import signal
from collections.abc import Mapping
from functools import partial
from typing import Any

from flask import Flask
from gunicorn import util

from config import load_config
from taskapp import create_app
from taskapp.server import hooks as serving
from taskapp.server import logs, metrics
from taskapp.server.worker import Worker


def make_master_app(config: Mapping[str, Any]) -> Flask:
    """Make the master's own application, which prepares the database and greets; each worker makes its own."""
    return create_app({**config, "METRICS_TOKEN": None})  # It answers nobody, so there is nothing to count.


accepted = serving.accept(load_config, make_master_app)
settings, master_app = accepted.settings, accepted.app

host = f"[{settings['HOST']}]" if ":" in settings["HOST"] else settings["HOST"]
bind = f"{host}:{settings['PORT']}"
workers = settings["WORKERS"]
# libpq lets go of the interpreter while it waits, so threads overlap.
worker_class = "taskapp.server.worker.Worker"
Worker.exchange_timeout = settings["CLIENT_TIMEOUT"] + settings["REQUEST_TIMEOUT"]
threads = settings["THREADS"]
worker_connections = serving.maximum_connections(threads)
# Without it one worker takes all connections that stay open, and the others idle.
reuse_port = True
keepalive = 5
# Files are sent as any other response is, so that the same deadlines hold.
sendfile = False
# A worker that stops waits for its requests: for as long as a client and the database may take together, and a little.
graceful_timeout = math.ceil(settings["REQUEST_TIMEOUT"] + settings["CLIENT_TIMEOUT"]) + 1
# This does not watch requests, whose deadlines are their own, but the worker's main loop, which never waits.
timeout = 30
# Room for a user's id of 255 characters in the path, a search and a cursor; the most that gunicorn takes.
limit_request_line = 8190
# Room for a token, and an end for a header that never ends.
limit_request_field_size = 16380
limit_request_fields = 64
control_socket_disable = True
# No header of a client decides where the application is mounted.
forwarder_headers = ""
forwarded_allow_ips = settings["FORWARDED_ALLOW_IPS"]

pre_request = serving.close_after_large_body
logger_class = serving.ServerLog
loglevel = settings["LOG_LEVEL"]

util.write_error = partial(serving.write_error, origins=settings["CORS_ORIGINS"])


def on_starting(_server: object) -> None:
    """Before anything is bound or forked: the port is free, and the database is ready."""
    serving.refuse_taken_port(settings["HOST"], settings["PORT"])
    serving.prepare_database(master_app)
    serving.warn_of_separate_counts(master_app)


def pre_fork(server: Any, _worker: object) -> None:
    """Have the workers count together."""
    if settings["METRICS_TOKEN"]:
        metrics.share(server.cfg.uid, server.cfg.gid)


def post_worker_init(worker: Any) -> None:
    """Leave Ctrl-C to the master, which ends the workers; the first one listens: whoever started this can begin.

    A terminal sends it to every process, and a worker that ends twice at once may wait for itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # What has been imported stays: to look for garbage in it takes time from requests.
    # Where log lines are JSON for a program, they are all there is; `make run` greets in any case.
    if worker.age == 1 and (settings["DATABASE_URL"] is None or not logs.in_json(settings)):
        print(serving.greeting(master_app), flush=True)


def child_exit(_server: object, worker: Any) -> None:
    """Count the connections of a worker no longer, even of one that was killed."""
    metrics.forget(worker.pid)


def on_exit(_server: object) -> None:
    """Leave nothing behind."""
    metrics.end_sharing()
