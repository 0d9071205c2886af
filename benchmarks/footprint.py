"""What taskapp takes: the memory of a worker, and the time from `make run` to the first answer."""

import http.client
import os
import signal
import subprocess
import time
from typing import Any

from benchmarks.compare import Field
from benchmarks.contract import Client
from benchmarks.load import run_wrk
from benchmarks.servers import Server, family
from benchmarks.services import SECRET, TASKAPP
from benchmarks.settings import ROOT, WORK, Settings
from tests.support.commands import environment
from tests.support.ports import free_port
from tests.support.waiting import wait_until

CONNECTIONS = 32
MIXED = ("get", "list", "create", "update", "complete")
STARTS = 3


def measure_memory(field: Field, settings: Settings) -> dict[str, Any]:
    """Return the memory of taskapp's larger worker when it starts, when warm, and after many requests of all kinds."""
    database = field.databases["taskapp"]
    with Server(TASKAPP, database.url) as server:
        start = server.worker_bytes()
        field.warm_up(server, CONNECTIONS)
        warm = server.worker_bytes()
        requests = 0
        while requests < settings.requests:
            for operation in MIXED:
                result = run_wrk(server.port, operation, CONNECTIONS, settings.seconds, field.tasks(operation))
                requests += result["requests"]
        end = server.worker_bytes()
    database.reset()
    return {"start": start, "warm": warm, "end": end, "requests": requests}


def measure_starts() -> dict[str, Any]:
    """Return the seconds from `make run` to the first answer: on nothing, and where there is a database from before."""
    first = _seconds_to_first_response()
    again = [_seconds_to_first_response() for _ in range(STARTS)]
    return {"first": first, "again": again}


def _seconds_to_first_response() -> float:
    port = free_port()
    settings = {"INSTANCE_PATH": WORK / "instance", "JWT_SECRET": SECRET, "WORKERS": 2, "PORT": port}
    started = time.monotonic()
    with (WORK / "make-run.log").open("w") as log:
        process = subprocess.Popen(
            ["make", "run"],  # noqa: S607 # The make of the one who measures.
            cwd=ROOT,
            env=environment(**settings),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_until(lambda: process.poll() is not None or _responds(port), "`make run` does not answer", 60)
        return time.monotonic() - started
    finally:
        for pid in family(process.pid)[1:2]:  # What make has started: gunicorn's master, or the shell before it.
            os.kill(pid, signal.SIGTERM)
        process.wait(60)


def _responds(port: int) -> bool:
    try:
        with Client(port) as client:
            return client.send("GET")[0] == 200
    except (OSError, http.client.HTTPException):
        return False
