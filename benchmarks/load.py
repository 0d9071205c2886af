"""A load of requests on a server, made by wrk, and what it took."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.databases import Database
from benchmarks.servers import Server, cpu_seconds
from benchmarks.settings import FOLDER

# In seconds; what takes longer counts as an error.
TIMEOUT = 10
# Tasks to be deleted in a second; where a server deletes more, it gets as many more.
DELETIONS = 4000


@dataclass(frozen=True)
class Tasks:
    """The tasks that requests name, and the users they belong to, in turn.

    Attributes:
        users: a file of users and their tokens.
        ids: of the tasks.
        query: what a list asks for.
    """

    users: Path
    ids: range = range(1, 2)
    query: str = ""


def run_wrk(port: int, operation: str, connections: int, seconds: int, tasks: Tasks) -> dict[str, Any]:
    """Send one operation again and again on each of some connections, which stay open.

    Returns:
        How many ``requests`` were answered in how many ``seconds``, ``p50``, ``p95`` and ``p99`` in milliseconds, and
        how many ``errors`` there were: of connections, answers that took too long, and statuses from 400 on.
    """
    ids = tasks.ids
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
    command += ["--timeout", f"{TIMEOUT}s", "--script", str(FOLDER / "load.lua"), f"http://127.0.0.1:{port}", "--"]
    command += [operation, str(tasks.users), str(ids.start), str(len(ids)), str(ids.step), tasks.query]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)
    return json.loads(result.stdout.splitlines()[-1])


def measure(
    server: Server, operation: str, tasks: Tasks, *, connections: int, seconds: int, postgres: int
) -> dict[str, Any]:
    """Load a server, and return rates, latencies, errors and the processor time of a request.

    Args:
        server: the server.
        operation: one of load.lua.
        tasks: what to name.
        connections: how many.
        seconds: how long.
        postgres: the first process of PostgreSQL.
    """
    before = server.cpu_seconds(), cpu_seconds(postgres)
    result = run_wrk(server.port, operation, connections, seconds, tasks)
    after = server.cpu_seconds(), cpu_seconds(postgres)
    own, database = ((b - a) / max(result["requests"], 1) * 1e6 for a, b in zip(before, after, strict=True))
    return {
        "connections": connections,
        "requests": result["requests"],
        "rate": result["requests"] / result["seconds"],
        **{name: result[name] for name in ("p50", "p95", "p99", "errors")},
        "cpu": own,
        "database_cpu": database,
    }


def measure_and_reset(
    server: Server,
    database: Database,
    operation: str,
    tasks: Tasks,
    *,
    to_delete: Callable[[int], range],
    **how: int,
) -> dict[str, Any]:
    """Do as :func:`measure` does, and leave the database as it was found.

    Args:
        server: the server.
        database: its database.
        operation: one of load.lua.
        tasks: what to name; deletions name others.
        to_delete: adds so many tasks to be deleted, and returns their ids.
        how: the rest of what :func:`measure` takes.
    """
    if operation != "delete":
        result = measure(server, operation, tasks, **how)
        if operation not in {"get", "list"}:
            database.reset()
        return result
    count = DELETIONS * how["seconds"]
    while True:
        tasks = replace(tasks, ids=to_delete(count))
        result = measure(server, operation, tasks, **how)
        database.reset()
        if result["requests"] + how["connections"] < len(tasks.ids):
            return result
        count *= 2  # It ran out of them.
