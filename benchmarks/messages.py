"""How many messages a service sends to the database for a request, each a round trip that it waits for."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.compare import Field
from benchmarks.contract import Client
from benchmarks.servers import Server
from benchmarks.services import SERVICES, Service
from benchmarks.settings import OPERATIONS
from taskapp.db.embedded import EmbeddedPostgres
from tests.support.proxy import MessageProxy
from tests.support.urls import at_port

REPEATED = 10


def round_trips(counts: Counter) -> int:
    """Return how often the service waited: for each simple query, and each Sync of the extended protocol."""
    return counts["Q"] + counts["S"]


def count_messages(postgres: EmbeddedPostgres, field: Field) -> dict[str, dict[str, float]]:
    """Return the messages of one request, by service and operation."""
    with MessageProxy(postgres.socket) as proxy:
        return {service.name: _count(service, field, proxy) for service in SERVICES}


def _repeat(act: Callable[[int], Any], proxy: MessageProxy) -> None:
    for number in range(REPEATED):
        act(number)
    proxy.wait_until_quiet()  # What ends a transaction may come in after the answer.


def _count(service: Service, field: Field, proxy: MessageProxy) -> dict[str, float]:
    database = field.databases[service.name]
    url = at_port(proxy.port, database.url, sslmode="disable")
    with Server(service, url, threads=1, workers=1) as server, Client(server.port) as client:

        def create() -> int:
            return client.expect(201, "POST", "", {"title": "a task"})["data"]["id"]

        task_id = create()
        for _ in range(REPEATED):  # A driver may ask more of a connection at first.
            client.expect(200, "GET", f"/{task_id}")
        to_delete = [create() for _ in range(REPEATED)]
        acts = {
            "get": lambda _: client.expect(200, "GET", f"/{task_id}"),
            "list": lambda _: client.expect(200, "GET"),
            "create": lambda _: create(),
            "update": lambda number: client.expect(200, "PUT", f"/{task_id}", {"title": f"changed {number}"}),
            "complete": lambda _: client.expect(200, "PATCH", f"/{task_id}/complete"),
            "delete": lambda number: client.expect(200, "DELETE", f"/{to_delete[number]}"),
        }
        counted = {}
        for operation in OPERATIONS:
            counted[operation] = round_trips(proxy.during(partial(_repeat, acts[operation], proxy))) / REPEATED
    database.reset()
    return counted
