"""A distant database: a proxy on loopback delays all data in each direction."""

import asyncio
import contextlib
import itertools
import selectors
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.compare import Testbed, print_measurement
from benchmarks.load import run_wrk
from benchmarks.servers import Server
from benchmarks.services import SERVICES, THREADS, Service
from benchmarks.settings import OPERATIONS, Settings
from taskapp.db.embedded import EmbeddedPostgres
from tests.support.postgres import postmaster
from tests.support.urls import at_port

DELAY = 0.020
CONNECTIONS = 16


async def _delay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward all data after the delay. Any number of chunks may be in flight."""
    loop = asyncio.get_running_loop()
    in_flight: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            due, data = await in_flight.get()
            await asyncio.sleep(due - loop.time())
            if not data:
                return
            writer.write(data)

    delivery = asyncio.create_task(deliver())
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            in_flight.put_nowait((loop.time() + DELAY, data))
    in_flight.put_nowait((loop.time() + DELAY, b""))
    await delivery
    writer.close()


@contextlib.contextmanager
def slow_link(socket_path: Path) -> Iterator[int]:
    """Forward a port of loopback to a PostgreSQL on a Unix socket, with the delay. Yield the port."""

    async def serve(client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(socket_path)
        await asyncio.gather(_delay(client_reader, server_writer), _delay(server_reader, client_writer))

    # epoll, the default of asyncio, waits for whole milliseconds, which would add up to 1 ms in each direction.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        server.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def measure_slow_link(
    postgres: EmbeddedPostgres, testbed: Testbed, settings: Settings, services: tuple[Service, ...] = SERVICES
) -> list[dict[str, Any]]:
    """Measure each service with a database that is 20 ms away.

    Uses the number of threads of `make run`, and one thread per connection. A thread waits for each database response,
    and other requests wait for the thread. FastAPI always has 40 threads per worker.
    """
    measurements = []
    with slow_link(postgres.socket) as port, contextlib.ExitStack() as stack:
        servers = []
        for service in services:
            url = at_port(port, testbed.databases[service.name].url, sslmode="disable")
            for threads in sorted({THREADS, CONNECTIONS} if service.name != "fastapi" else {THREADS}):
                server = stack.enter_context(Server(service, url, threads))
                run_wrk(server.port, "get", CONNECTIONS * 2, 3, testbed.tasks("get"))  # Connects every thread.
                servers.append((threads, server))
        time.sleep(1)  # The servers finish the requests that wrk left open.
        how = {"connections": CONNECTIONS, "seconds": settings.seconds, "postgres": postmaster(postgres)}
        for number, operation in itertools.product(range(settings.rounds), OPERATIONS):
            for threads, server in servers:
                result = testbed.measure(server, operation, **how)
                print_measurement(result)
                measurements.append({"round": number, "threads": threads, **result})
    return measurements
