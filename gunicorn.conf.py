"""gunicorn's configuration, which ``gunicorn wsgi:app`` reads. The settings come from the environment."""

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
from taskapp.server import binding, error_responses, hooks, http_rules, logs, metrics, webhook_process
from taskapp.server.worker import Worker


def make_master_app(config: Mapping[str, Any]) -> Flask:
    """Make the master's own application, which prepares the database; each worker makes its own."""
    return create_app({**config, "METRICS_TOKEN": None})  # It serves no requests, so there is nothing to count.


settings, master_app = hooks.load_settings(load_config, make_master_app)

host = f"[{settings['HOST']}]" if ":" in settings["HOST"] else settings["HOST"]
bind = f"{host}:{settings['PORT']}"
workers = settings["WORKERS"]
# libpq releases the interpreter while it waits, so threads overlap.
worker_class = "taskapp.server.worker.Worker"
Worker.exchange_timeout = settings["CLIENT_TIMEOUT"] + settings["REQUEST_TIMEOUT"]
Worker.patience = settings["REQUEST_TIMEOUT"] / 4
threads = settings["THREADS"]
worker_connections = hooks.maximum_connections(threads)
# Without it one worker takes all connections that stay open, and the others are idle.
reuse_port = True  # Unless an address does not allow it; see on_starting.
keepalive = 5
# Files are sent like any other response, so that the same deadlines hold.
sendfile = False
# How long a stopping worker waits for its requests: the time limits of the client and the database, and a second.
graceful_timeout = math.ceil(settings["REQUEST_TIMEOUT"] + settings["CLIENT_TIMEOUT"]) + 1
# It watches the worker's main loop, which never waits. Requests have deadlines of their own.
timeout = 30
# Enough for a user id of 255 characters, a search and a cursor; the maximum of gunicorn.
limit_request_line = 8190
# Enough for a token. It also limits endless headers.
limit_request_field_size = 16380
limit_request_fields = 64
control_socket_disable = True
# Clients cannot set SCRIPT_NAME and PATH_INFO with headers.
forwarder_headers = ""
forwarded_allow_ips = settings["FORWARDED_ALLOW_IPS"]

pre_request = http_rules.enforce
logger_class = hooks.ServerLog
loglevel = settings["LOG_LEVEL"]

util.write_error = partial(error_responses.write_error, origins=settings["CORS_ORIGINS"])


def on_starting(server: Any) -> None:
    """Before anything is bound or forked: check addresses and the temporary folder, and prepare the database."""
    from_settings = server.cfg.bind == [bind]
    binding.check(server.cfg, "Set HOST or PORT to another." if from_settings else "Pass another address with -b.")
    server.cfg.set("reuse_port", binding.can_share_ports(server.cfg))
    hooks.check_temporary_folder()
    hooks.prepare_database(master_app)
    hooks.warn_of_separate_counts(master_app)


def when_ready(server: Any) -> None:
    """Before the first worker is forked: look after the process that delivers webhooks from now on."""
    webhook_process.supervise(server, settings)


def on_reload(server: Any) -> None:
    """Keep the master's sockets if it has any. gunicorn has just read this file again."""
    server.cfg.set("reuse_port", not server.LISTENERS)
    webhook_process.reload(settings)


def pre_fork(server: Any, _worker: object) -> None:
    """Let the workers share their metrics."""
    if settings["METRICS_TOKEN"]:
        metrics.share(server.cfg.uid, server.cfg.gid)


def post_worker_init(worker: Any) -> None:
    """Leave Ctrl-C to the master, which ends the workers, and print the banner once the first worker listens.

    A terminal sends Ctrl-C to every process, and a worker that is ended twice at once may wait for itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()  # Imported modules stay: searching them for garbage takes time from requests.
    # No banner between JSON log lines, which are for programs; `make run` always prints it.
    if worker.age == 1 and (settings["DATABASE_URL"] is None or not logs.in_json(settings)):
        print(hooks.banner(master_app, binding.endpoints(worker.sockets, worker.cfg)), flush=True)


def child_exit(_server: object, worker: Any) -> None:
    """Drop the gauges of a worker that has exited or was killed."""
    metrics.forget(worker.pid)


def on_exit(_server: object) -> None:
    """Wait for the process that delivers webhooks, and remove the shared metrics."""
    webhook_process.wait_until_ended()
    metrics.end_sharing()
