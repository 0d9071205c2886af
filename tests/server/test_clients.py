"""Clients that are slow, silent or never finish do not hold up other clients."""

import contextlib
import resource
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.gunicorn import Gunicorn
from tests.support.servers import Server, connection_to, health_seconds, own_worker, read_to_end, request_of
from tests.support.waiting import timed

pytestmark = [pytest.mark.slow, pytest.mark.alone, own_worker]

HEAD_TIMEOUT = 10
# Of two workers.
THREADS = 4
# How long an exchange may last: CLIENT_TIMEOUT and REQUEST_TIMEOUT.
EXCHANGE = 3
# What a busy machine adds.
DELAY = 3


@pytest.fixture
def start(settings, tmp_path):
    """Start a server with two threads in each of two workers."""
    servers = []

    def start(**more):
        server = Gunicorn(tmp_path / "log", **{**settings, "WORKERS": 2, "THREADS": 2, **more})
        servers.append(server.__enter__())
        server.wait_for_workers()
        return server

    yield start
    for server in servers:
        server.__exit__()
        assert "Traceback" not in server.log.read_text()


@pytest.fixture
def gunicorn(start):
    return start(CLIENT_TIMEOUT=1, REQUEST_TIMEOUT=EXCHANGE - 1)


@pytest.fixture
def user(gunicorn):
    return gunicorn.client()


@pytest.fixture
def connect():
    """Open connections, which the test may leave open."""
    with contextlib.ExitStack() as stack:
        yield lambda *options: stack.enter_context(connection_to(*options))


class Trickle:
    """A client that sends a part of its request at once, and the rest one byte at a time."""

    def __init__(self, server, at_once, rest):
        self.connection = connection_to(server)
        self.connection.sendall(at_once)
        self.seconds = None
        self._thread = threading.Thread(target=self._send, args=(rest,))
        self._thread.start()

    def _send(self, rest):
        start = time.monotonic()
        self.connection.settimeout(0.2)
        for byte in rest:
            try:
                self.connection.sendall(bytes([byte]))
                if not self.connection.recv(65536):
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.seconds = time.monotonic() - start

    def finish(self):
        self._thread.join()
        self.connection.close()


@pytest.mark.parametrize(("part", "limit"), [("head", HEAD_TIMEOUT + 1), ("body", 2 * EXCHANGE)])
def test_client_that_sends_one_byte_at_a_time_loses_its_connection(gunicorn, user, part, limit):
    request = request_of(user, method="POST", body=b'{"title": "' + b"x" * 200 + b'"}')
    # One worker may get all of them, two at a time.
    at_once = 1 if part == "head" else request.index(b"{")
    trickles = [Trickle(gunicorn, request[:at_once], request[at_once:]) for _ in range(THREADS)]
    time.sleep(0.5)
    _, seconds = timed(lambda: health_seconds(user, 1))
    assert seconds < limit + DELAY
    for trickle in trickles:
        trickle.finish()
        assert trickle.seconds < limit + DELAY
    assert user.get().data == []


def test_half_requests_delay_others_by_one_head_timeout(start, connect):
    server = start(THREADS=8)
    user = server.client()
    halves = [connect(server) for _ in range(80)]
    for half in halves:
        half.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-")
    time.sleep(0.5)
    _, seconds = timed(lambda: health_seconds(user, 1))
    assert seconds < HEAD_TIMEOUT + 4 + DELAY  # 80 of them in 16 threads: 10 s once, then 0.5 s or a little more each.
    assert all(read_to_end(half) == b"" for half in halves)
    assert user.get().status == 200


def test_connections_without_a_request_take_no_thread(gunicorn, user, connect):
    silent = [connect(gunicorn) for _ in range(50)]
    time.sleep(0.5)
    assert health_seconds(user)[1] < 1
    ends, seconds = timed(lambda: [connection.recv(1) for connection in silent])
    assert (set(ends), seconds < HEAD_TIMEOUT + DELAY) == ({b""}, True)


def test_clients_that_do_not_read_a_file_lose_their_connection(gunicorn, user, connect):
    request = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n"
    stalled = [connect(gunicorn, 4096) for _ in range(12)]
    for connection in stalled:
        connection.sendall(request * 3)
    time.sleep(0.5)
    # They have all threads three times, if one worker does not get more of them than the other.
    _, seconds = timed(lambda: health_seconds(user, 1))
    assert seconds < 6 * EXCHANGE + DELAY


def test_client_that_does_not_read_its_response_loses_its_connection(gunicorn, user, connect):
    for _ in range(300):
        user.create(title="x" * 255, description="😀" * 1000)
    stalled = [connect(gunicorn, 4096) for _ in range(6)]
    for connection in stalled:
        connection.sendall(request_of(user))
    time.sleep(0.5)
    _, seconds = timed(lambda: health_seconds(user, 1))
    assert seconds < 3 * EXCHANGE + DELAY


def send_refused(client, number):
    """Send a request without a token, and only a part of its body: every other body is too large for any view."""
    length = (60_000, 1_000_000)[number % 2]
    client.sendall(f"POST /api/x/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode() + b"x" * 5000)


@pytest.mark.parametrize("count", [8, 40])
def test_unread_bodies_do_not_delay_others(gunicorn, user, count, connect):
    clients = [connect(gunicorn) for _ in range(count)]
    for number, client in enumerate(clients):
        send_refused(client, number)
    median, maximum = health_seconds(user)
    assert (median < 0.1, maximum < 1) == (True, True), (median, maximum)
    for client in clients:
        client.sendall(b"x" * 1000)
        assert read_to_end(client).startswith(b"HTTP/1.1 401 ")


def test_clients_that_send_unread_bodies_as_fast_as_they_can_do_not_delay_others(gunicorn, user):
    """And each receives its response, because nothing resets the connection."""
    head = b"POST /api/x/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"

    def send(_):
        with connection_to(gunicorn) as client:
            client.sendall(head + b"x" * 4_000_000)
            return read_to_end(client)

    with ThreadPoolExecutor(8) as pool:
        responses = pool.map(send, range(40))
        median, maximum = health_seconds(user)
        assert all(b" 401 " in response and b"Connection: close" in response for response in responses)
    assert (median < 0.2, maximum < 1) == (True, True), (median, maximum)


def test_clients_that_do_not_close_delay_nobody(gunicorn, user, connect):
    open_ends = [connect(gunicorn) for _ in range(20)]
    for number, connection in enumerate(open_ends):
        with gunicorn.client(f"user-{number}") as client:
            connection.sendall(request_of(client, close=True))
    assert health_seconds(user)[1] < 1
    for connection in open_ends:
        assert read_to_end(connection).startswith(b"HTTP/1.1 200 ")


def test_connections_beyond_the_limit_of_open_files_wait(settings, tmp_path, connect):
    """The server keeps as many connections as it may have open, and goes on to serve those."""
    command = ["prlimit", "--nofile=100:160", "{python}", "-m", "gunicorn", "wsgi:app"]
    with Server(tmp_path / "log", *command, **settings, THREADS=4) as server:
        server.wait_for_workers()
        user, workers = server.client(), server.workers()
        # The soft limit was raised to the hard one. So 88 connections fit into each of the two workers.
        assert {resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in workers} == {(160, 160)}
        assert user.get().status == 200
        lingering = [connect(server) for _ in range(100)]
        for connection in lingering:
            connection.sendall(request_of(user, close=True))
        idle = [connect(server) for _ in range(400)]
        for _ in range(10):
            assert user.get().status == 200
            time.sleep(0.2)
        for connection in [*idle, *lingering]:
            connection.close()
        assert health_seconds(user)[1] < 2
        assert server.workers() == workers
        assert "Traceback" not in server.log.read_text()


def test_idle_connection_is_closed_after_the_keep_alive_time(gunicorn, user, connect):
    connection = connect(gunicorn)
    for _ in range(2):
        connection.sendall(request_of(user))
        time.sleep(3)  # Less than gunicorn.conf.py allows, but not twice.
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    rest, seconds = timed(lambda: connection.recv(1))
    assert rest == b""
    assert 1 < seconds < 5
