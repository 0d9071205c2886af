"""The comparison: every service, operation and number of connections, in turn."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import contract
from benchmarks.databases import (
    READER,
    READER_TASKS,
    TASKS_PER_USER,
    Database,
    user_name,
    write_users,
)
from benchmarks.load import Tasks, measure_and_reset, run_wrk
from benchmarks.servers import Server
from benchmarks.services import SERVICES, Service
from benchmarks.settings import OPERATIONS, WORK, Settings
from taskapp.db.embedded import EmbeddedPostgres
from tests.support.postgres import postmaster


class Field:
    """The same data for every service: users with 100 tasks each, and one reader with 50.

    Args:
        postgres: where the databases are made.
        users: how many users.
    """

    def __init__(self, postgres: EmbeddedPostgres, users: int) -> None:
        self.users = users
        self.databases: dict[str, Database] = {}
        for service in SERVICES:
            database = Database(postgres, service, service.name)
            database.fill(users, TASKS_PER_USER)
            database.fill_one(READER, READER_TASKS)
            self.databases[service.name] = database
        names = [user_name(number) for number in range(1, users + 1)]
        self._all = write_users(WORK / "users", names)
        self._reader = write_users(WORK / "reader", [READER])

    def tasks(self, operation: str) -> Tasks:
        """Return what an operation is to name."""
        if operation == "list":
            return Tasks(self._reader)
        return Tasks(self._all, range(1, self.users * TASKS_PER_USER + 1))

    def measure(
        self, server: Server, operation: str, *, connections: int, seconds: int, postgres: int
    ) -> dict[str, Any]:
        """Measure an operation of a server, and leave its database as it was found."""
        database = self.databases[server.service.name]
        result = measure_and_reset(
            server,
            database,
            operation,
            self.tasks(operation),
            to_delete=lambda count: database.add_for_deletion(self.users, -(-count // self.users)),
            connections=connections,
            seconds=seconds,
            postgres=postgres,
        )
        return {"service": server.service.name, "operation": operation, **result}

    def warm_up(self, server: Server, connections: int) -> None:
        """Have every thread of a server connected, and every statement seen once."""
        for operation in OPERATIONS[:-1]:
            run_wrk(server.port, operation, connections, 1, self.tasks(operation))
        self.databases[server.service.name].reset()


def compare(
    postgres: EmbeddedPostgres, field: Field, settings: Settings, services: Sequence[Service] = SERVICES
) -> dict[str, Any]:
    """Start all services, try them out, and measure them in turn, so that a noise of the machine hits all alike."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server(service, field.databases[service.name].url)) for service in services]
        for server in servers:
            contract.check(server)
        memory = {server.service.name: {"start": server.worker_bytes()} for server in servers}
        for server in servers:
            field.warm_up(server, max(settings.connections))
        measurements = _measure_rounds(servers, field, settings, postmaster(postgres))
        for server in servers:
            memory[server.service.name]["end"] = server.worker_bytes()
    commands = {server.service.name: _shown(server) for server in servers}
    return {"load": measurements, "service_memory": memory, "commands": commands}


def _measure_rounds(servers: Sequence[Server], field: Field, settings: Settings, postgres: int) -> list[dict[str, Any]]:
    measurements = []
    for number in range(settings.rounds):
        print(f"Round {number + 1} of {settings.rounds}", flush=True)
        for connections in settings.connections:
            for operation in OPERATIONS:
                # Another one begins each time.
                for server in [*servers[number % len(servers) :], *servers[: number % len(servers)]]:
                    how = {"connections": connections, "seconds": settings.seconds, "postgres": postgres}
                    result = field.measure(server, operation, **how)
                    measurements.append({"round": number + 1, **result})
                    say(result)
    return measurements


def say(result: dict[str, Any]) -> None:
    """Print a measurement as it comes in."""
    print(
        f"  {result['service']:8} {result['operation']:9} {result['connections']:4} connections"
        f" {result['rate']:8.0f}/s  p50 {result['p50']:7.2f}  p95 {result['p95']:7.2f}  p99 {result['p99']:7.2f} ms"
        f"  {result['cpu']:6.0f} µs  {result['errors']} errors",
        flush=True,
    )


def _shown(server: Server) -> str:
    """Return the command of a server as a person would type it."""
    python, *words = server.service.command_line(8000, server.threads)
    shown = " ".join([Path(python).name, *words])
    if server.service.name == "taskapp":
        return f"WORKERS={server.workers} MIGRATE_ON_START=true {shown}"
    return shown
