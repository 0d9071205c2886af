"""The worker: clients that hang take no thread, and those it has accepted are served when it stops."""

import os
import re
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from tests.support.client import Client, make_token
from tests.support.gunicorn import Gunicorn
from tests.support.waiting import timed, wait_until

pytestmark = pytest.mark.slow

CLIENT_TIMEOUT = 2


@pytest.fixture
def gunicorn(settings, tmp_path):
    # Requests may wait for a thread as long as slow clients can keep them all.
    own = {**settings, "THREADS": 2, "CLIENT_TIMEOUT": CLIENT_TIMEOUT, "REQUEST_TIMEOUT": 8 * CLIENT_TIMEOUT}
    with Gunicorn(tmp_path / "log", **own) as gunicorn:
        yield gunicorn
    assert "Traceback" not in gunicorn.log.read_text()


@pytest.fixture
def user(gunicorn):
    return gunicorn.client()


def connect(gunicorn):
    return socket.create_connection(("127.0.0.1", gunicorn.port), timeout=30)


def request_of(user, path="", body=b"", method="GET", *, close=False):
    return (
        f"{method} {user.tasks}{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"{'Connection: close' if close else 'X: y'}\r\n\r\n"
    ).encode() + body


def assert_served_within(user, limit):
    """In spite of the others, who have taken what they can by now."""
    time.sleep(0.5)
    answer, seconds = timed(lambda: user.get("?limit=1"))
    assert answer.status == 200
    assert seconds < limit


class Trickle:
    """A client that sends something at once and the rest a byte at a time, until it is sent away."""

    def __init__(self, gunicorn, at_once, rest):
        self.connection = connect(gunicorn)
        self.connection.sendall(at_once)
        self.answer = b""
        self.seconds = None
        self._thread = threading.Thread(target=self._send, args=(rest,))
        self._thread.start()

    def _send(self, rest):
        start = time.monotonic()
        self.connection.settimeout(0.2)
        for byte in rest:
            try:
                self.connection.sendall(bytes([byte]))
                if not (received := self.connection.recv(65536)):
                    break
                self.answer += received
            except TimeoutError:
                continue
            except OSError:
                break
        self.seconds = time.monotonic() - start

    def finish(self):
        self._thread.join()
        self.connection.close()


@pytest.mark.parametrize("part", ["headers", "body"])
def test_client_that_sends_a_byte_at_a_time_is_sent_away(gunicorn, user, part):
    request = request_of(user, method="POST", body=b'{"title": "' + b"x" * 200 + b'"}')
    at_once = 0 if part == "headers" else request.index(b"{")
    # Three times as many as there are threads in two workers.
    trickles = [Trickle(gunicorn, request[:at_once], request[at_once:]) for _ in range(12)]
    # They have the threads one after the other, each for no longer than that: 6 times, if one worker has got them all.
    assert_served_within(user, 6 * CLIENT_TIMEOUT + 1)
    for trickle in trickles:
        trickle.finish()
        assert trickle.seconds < 6 * CLIENT_TIMEOUT + 5  # And a while to close.
        assert trickle.answer == b"" if part == "headers" else b" 400 " in trickle.answer
    assert user.get().data == []


def test_connections_without_a_request_take_no_thread(gunicorn, user):
    silent = [connect(gunicorn) for _ in range(50)]
    answer, seconds = timed(lambda: user.get("?limit=1"))
    assert (answer.status, seconds < 1) == (200, True)
    for connection in silent:
        connection.settimeout(15)
        assert connection.recv(1) == b""  # They are closed after a while.
        connection.close()


def test_client_that_does_not_take_its_answer_is_sent_away(gunicorn, user):
    for _ in range(300):
        user.create(title="x" * 255, description="😀" * 1000)
    stalled = []
    for _ in range(6):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", gunicorn.port))
        connection.sendall(request_of(user))
        stalled.append(connection)
    assert_served_within(user, 3 * CLIENT_TIMEOUT + 1)
    for connection in stalled:
        connection.close()


def test_client_that_does_not_close_holds_up_nobody(gunicorn, user):
    """Where a connection ends with its answer, gunicorn lets the client close first; that is not to stop the others."""
    open_ends = []
    for _ in range(4):
        connection = connect(gunicorn)
        connection.sendall(request_of(user, close=True))
        assert connection.recv(65536)
        open_ends.append(connection)
        answer, seconds = timed(lambda: user.request("GET", "/health/live"))
        assert (answer.status, seconds < 1) == (200, True)
    for connection in open_ends:
        connection.close()


def test_requests_that_come_at_once_are_answered_in_turn(gunicorn, user):
    """HTTP pipelining (RFC 9112, section 9.3.2): the next request may be there before the last one is answered."""
    titles = [f"number {number}" for number in range(20)]
    bodies = [f'{{"title": "{title}"}}'.encode() for title in titles]
    requests = [request_of(user, method="POST", body=body, close=body == bodies[-1]) for body in bodies]
    with connect(gunicorn) as connection:
        connection.sendall(b"".join(requests))
        answers = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    assert answers.count("HTTP/1.1 201 ") == len(titles)
    assert [task["title"] for task in user.get("?sort=id").data] == titles
    assert re.findall(r"number \d+", answers) == titles


def test_connection_that_stays_is_closed_when_no_request_comes(gunicorn, user):
    with connect(gunicorn) as connection:
        connection.settimeout(15)
        for _ in range(2):
            connection.sendall(request_of(user))
            time.sleep(3)  # Less than gunicorn.conf.py allows, but not twice.
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        rest, seconds = timed(lambda: connection.recv(1))
    assert rest == b""
    assert 1 < seconds < 5


class Load:
    """Clients that send one request after the other, half of them on a new connection each, until they are stopped."""

    def __init__(self, port, token, clients=8):
        self.answers, self.failures, self.refused = [], [], 0
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(clients)
        self._token = token
        self._running = [self._pool.submit(self._run, port, number % 2 == 0) for number in range(clients)]

    def _run(self, port, keep_alive):
        client = Client(port, token=self._token, user_id="load")
        while not self._stop.is_set():
            try:
                self.answers.append(client.post(json={"title": "t"}).status)
            except ConnectionRefusedError:
                self.refused += 1
                client.close()
                time.sleep(0.01)
            except (OSError, HTTPException) as error:
                self.failures.append(repr(error))
                client.close()
            if not keep_alive:
                client.close()
        client.close()

    def stop(self):
        self._stop.set()
        for running in self._running:
            running.result()
        self._pool.shutdown()


@pytest.fixture
def load(gunicorn, secret):
    load = Load(gunicorn.port, make_token(secret, user_id="load"))
    wait_until(lambda: len(load.answers) > 20, "there is no load")
    yield load
    load.stop()


def test_stop_completes_what_it_has_accepted(gunicorn, load):
    gunicorn.process.send_signal(signal.SIGTERM)
    gunicorn.process.wait(30)
    load.stop()
    assert len(load.failures) <= 2  # As below: one for each worker.
    assert set(load.answers) == {201}
    assert load.refused > 0  # It does not serve any more.


def test_reload_costs_no_request(gunicorn, load):
    for _ in range(3):
        before = gunicorn.workers()
        gunicorn.process.send_signal(signal.SIGHUP)
        wait_until(lambda old=before: not set(old) & set(gunicorn.workers()), "old workers go on", 60)
    load.stop()
    assert load.refused == 0
    assert set(load.answers) == {201}
    # What the kernel accepts between a worker's last look and its close is reset, unless net.ipv4.tcp_migrate_req is
    # set: some microseconds, which a busy machine may stretch.
    assert len(load.failures) <= 3
    assert all("reset" in failure for failure in load.failures)


def test_killed_worker_harms_only_what_it_had_in_flight(gunicorn, load):
    victim = gunicorn.workers()[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in gunicorn.workers() and len(gunicorn.workers()) == 2, "none takes its place")
    answered = len(load.answers)
    wait_until(lambda: len(load.answers) > answered + 50, "it does not go on")
    load.stop()
    assert set(load.answers) == {201}
    # At most what each of its 2 threads did, and what waited for them, of 8 clients.
    assert len(load.failures) + load.refused <= 8
