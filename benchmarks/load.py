"""Load generation with wrk, and its measurements."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.databases import Database
from benchmarks.servers import Server, cpu_seconds
from benchmarks.settings import FOLDER

# In seconds. A slower response counts as an error.
TIMEOUT = 10
# Tasks to delete per second. If a server deletes more, the number is doubled.
DELETIONS = 4000


@dataclass(frozen=True)
class Tasks:
    """The tasks that requests target. They belong to the users in turn.

    Attributes:
        users: a file of users and their tokens.
        ids: the ids of the tasks.
        query: the query string of a list.
    """

    users: Path
    ids: range = range(1, 2)
    query: str = ""


def run_wrk(port: int, operation: str, connections: int, seconds: int, tasks: Tasks) -> dict[str, Any]:
    """Send one operation repeatedly on a number of persistent connections.

    Returns:
        The number of completed ``requests``; the duration in ``seconds``; ``p50``, ``p95`` and ``p99`` in milliseconds;
        and the number of ``errors``: connection errors, timeouts, and statuses of 400 or above.
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
    """Load a server and return the rate, latencies, errors and CPU time per request.

    Args:
        server: the server.
        operation: an operation of load.lua.
        tasks: the tasks to target.
        connections: the number of connections.
        seconds: the duration.
        postgres: the process id of the postmaster.
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
    """Like :func:`measure`, but restore the database afterwards.

    Args:
        server: the server.
        database: its database.
        operation: an operation of load.lua.
        tasks: the tasks to target. Deletions use ``to_delete`` instead.
        to_delete: creates a number of tasks to delete and returns their ids.
        how: the other arguments of :func:`measure`.
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
        count *= 2  # The server ran out of tasks to delete.
