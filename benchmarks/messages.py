"""The number of messages that a service sends to the database per request. Each one is a round trip."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.compare import Testbed
from benchmarks.contract import CHANGES, TASK, Client
from benchmarks.servers import Server
from benchmarks.services import SERVICES, Service
from benchmarks.settings import OPERATIONS
from taskapp.db.embedded import EmbeddedPostgres
from tests.support.proxy import MessageProxy
from tests.support.urls import at_port

REPEATED = 10


def round_trips(counts: Counter) -> int:
    """Return the number of round trips: one per simple query and one per Sync of the extended protocol."""
    return counts["Q"] + counts["S"]


def count_messages(postgres: EmbeddedPostgres, testbed: Testbed) -> dict[str, dict[str, float]]:
    """Return the messages per request, by service and operation."""
    with MessageProxy(postgres.socket) as proxy:
        return {service.name: _count(service, testbed, proxy) for service in SERVICES}


def _repeat(act: Callable[[int], Any], proxy: MessageProxy) -> None:
    for number in range(REPEATED):
        act(number)
    proxy.wait_until_quiet()  # The end of a transaction may arrive after the response.


def _count(service: Service, testbed: Testbed, proxy: MessageProxy) -> dict[str, float]:
    database = testbed.databases[service.name]
    url = at_port(proxy.port, database.url, sslmode="disable")
    with Server(service, url, threads=1, workers=1) as server, Client(server.port) as client:

        def create() -> int:
            return client.expect(201, "POST", "", TASK)["data"]["id"]

        task_id = create()
        for _ in range(REPEATED):  # A driver may send more messages on a new connection.
            client.expect(200, "GET", f"/{task_id}")
        to_delete = [create() for _ in range(REPEATED)]
        acts = {
            "get": lambda _: client.expect(200, "GET", f"/{task_id}"),
            "list": lambda _: client.expect(200, "GET"),
            "create": lambda _: create(),
            "update": lambda number: client.expect(
                200, "PUT", f"/{task_id}", {**CHANGES, "title": f"changed {number}"}
            ),
            "complete": lambda _: client.expect(200, "PATCH", f"/{task_id}/complete"),
            "delete": lambda number: client.expect(200, "DELETE", f"/{to_delete[number]}"),
        }
        counted = {}
        for operation in OPERATIONS:
            counted[operation] = round_trips(proxy.during(partial(_repeat, acts[operation], proxy))) / REPEATED
    database.reset()
    return counted
