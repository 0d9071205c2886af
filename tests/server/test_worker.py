"""The worker: it serves what it has accepted, in order, whatever happens to it and to its file descriptors."""

import os
import re
import resource
import signal
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from tests.support.certificates import make_certificate
from tests.support.client import make_token
from tests.support.gunicorn import Gunicorn
from tests.support.load import Load
from tests.support.ports import listening_sockets
from tests.support.postgres import locked_tasks
from tests.support.servers import Server, connection_to, own_worker, read_to_end, request_of
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def gunicorn(settings, tmp_path):
    with Gunicorn(tmp_path / "log", **{**settings, "THREADS": 2, "REQUEST_TIMEOUT": 30}) as gunicorn:
        yield gunicorn
    assert "Traceback" not in gunicorn.log.read_text()


@pytest.fixture
def user(gunicorn):
    return gunicorn.client()


def test_pipelined_requests_are_answered_in_order(gunicorn, user):
    """HTTP pipelining (RFC 9112, section 9.3.2)."""
    titles = [f"number {number}" for number in range(20)]
    bodies = [f'{{"title": "{title}"}}'.encode() for title in titles]
    requests = [request_of(user, method="POST", body=body, close=body == bodies[-1]) for body in bodies]
    with connection_to(gunicorn) as connection:
        connection.sendall(b"".join(requests))
        responses = read_to_end(connection).decode()
    assert responses.count("HTTP/1.1 201 ") == len(titles)
    assert [task["title"] for task in user.get("?sort=id").data] == titles
    assert re.findall(r"number \d+", responses) == titles


def test_request_that_waits_for_the_database_keeps_its_connection(user, database_url):
    """Its head arrived in time, so that its only deadline is the one of the exchange."""
    with ThreadPoolExecutor(1) as pool:
        with locked_tasks(database_url):
            response = pool.submit(user.get)
            time.sleep(12)
            assert not response.done()
        assert response.result().status == 200


@own_worker
def test_small_unread_body_keeps_the_connection(gunicorn):
    """A body that has arrived is discarded; only one that would have to be waited for closes the connection."""
    head = b"POST /api/x/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n"
    with connection_to(gunicorn) as connection:
        connection.sendall((head + b"\r\n" + b"x" * 5000) * 2 + head + b"Connection: close\r\n\r\n" + b"x" * 5000)
        responses = read_to_end(connection)
    assert responses.count(b"HTTP/1.1 401 ") == 3
    assert responses.count(b"\r\nConnection: keep-alive\r\n") == 2


@own_worker
@pytest.mark.parametrize("sent", [0, 5000])
def test_response_says_that_an_unread_body_that_is_late_closes_the_connection(gunicorn, sent):
    head = b"POST /api/x/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 6000\r\n\r\n"
    with connection_to(gunicorn) as connection:
        connection.sendall(head + b"x" * sent)
        response = read_to_end(connection)
    assert response.startswith(b"HTTP/1.1 401 ")
    assert b"\r\nConnection: close\r\n" in response


@own_worker
def test_accept_goes_on_after_it_ran_out_of_file_descriptors(gunicorn, user):
    gunicorn.wait_for_workers()
    assert user.get().status == 200
    workers = gunicorn.workers()
    limits = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in workers}
    for pid in workers:
        descriptors = max(int(descriptor.name) for descriptor in Path(f"/proc/{pid}/fd").iterdir()) + 1
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors, limits[pid][1]))
    before = [processor_seconds(pid) for pid in workers]
    waiting = [connection_to(gunicorn) for _ in range(20)]
    time.sleep(3)
    assert sum(map(processor_seconds, workers)) - sum(before) < 1  # No busy loop.
    assert user.get().status == 200
    for pid in workers:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits[pid])
    for connection in waiting:
        connection.sendall(request_of(user, close=True))
        assert read_to_end(connection).startswith(b"HTTP/1.1 200 ")
        connection.close()
    assert gunicorn.workers() == workers
    assert 1 <= gunicorn.log.read_text().count("Cannot accept connections") <= 2  # Once in each worker.


def processor_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@own_worker
def test_port_is_closed_when_the_master_was_killed(gunicorn, user, database_url):
    """A request in progress is answered first; nobody else waits in vain meanwhile."""
    gunicorn.wait_for_workers()
    with ThreadPoolExecutor(1) as pool:
        with locked_tasks(database_url):
            response = pool.submit(user.get)
            time.sleep(0.5)
            gunicorn.process.kill()
            wait_until(lambda: listening_sockets(gunicorn.port) == 0, "the workers listen", 5)
        assert response.result().status == 200


def test_keep_alive_can_be_turned_off(settings, tmp_path):
    command = ["{python}", "-m", "gunicorn", "wsgi:app", "--keep-alive", "0"]
    with Server(tmp_path / "log", *command, **settings) as server:
        user = server.client()
        for _ in range(5):
            assert user.get().headers["Connection"] == "close"


def test_application_may_be_wrapped_in_a_function(settings, tmp_path):
    command = ["{python}", "-m", "gunicorn", "tests.support.wrapped:app"]
    with Server(tmp_path / "log", *command, **settings) as server:
        response = server.client().get()
    assert (response.status, response.headers["X-Wrapped"]) == (200, "yes")


def test_https_connections_stay_open(settings, tmp_path, secret):
    certificate, key = make_certificate(tmp_path)
    command = ["{python}", "-m", "gunicorn", "wsgi:app", "--certfile", str(certificate), "--keyfile", str(key)]
    token = make_token(secret, user_id="tls")
    with Server(tmp_path / "log", *command, **settings) as server:
        context = ssl.create_default_context(cafile=certificate)
        connection = HTTPSConnection("localhost", server.port, context=context, timeout=30)
        for _ in range(3):
            connection.request("GET", "/api/tls/tasks", headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            assert (response.status, response.read() != b"") == (200, True)
            assert connection.sock is not None
        connection.close()
    log = server.log.read_text()
    assert '"level": "ERROR"' not in log
    assert "Traceback" not in log


@pytest.fixture
def load(gunicorn, secret):
    gunicorn.wait_for_workers()
    load = Load(gunicorn.port, make_token(secret, user_id="load"))
    wait_until(lambda: len(load.responses) > 20, "there is no load")
    yield load
    load.stop()


@own_worker
def test_stop_completes_what_it_has_accepted(gunicorn, load):
    gunicorn.process.send_signal(signal.SIGTERM)
    gunicorn.process.wait(30)
    load.stop()
    assert len(load.failures) <= 2  # As below: one for each worker.
    assert set(load.responses) == {201}
    assert load.refused > 0  # It does not serve any more.


@own_worker
def test_reload_costs_no_request(gunicorn, load):
    for _ in range(3):
        before = gunicorn.workers()
        gunicorn.process.send_signal(signal.SIGHUP)
        wait_until(lambda old=before: not set(old) & set(gunicorn.workers()), "old workers go on", 60)
    load.stop()
    assert load.refused == 0
    assert set(load.responses) == {201}
    # What the kernel accepts between a worker's last look and its close is reset, unless net.ipv4.tcp_migrate_req is
    # set: some microseconds, which a busy machine may stretch.
    assert len(load.failures) <= 3
    assert all("reset" in failure for failure in load.failures)


def test_killed_worker_harms_only_what_it_had_in_flight(gunicorn, load):
    victim = gunicorn.workers()[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: victim not in gunicorn.workers() and len(gunicorn.workers()) == 2, "none takes its place")
    answered = len(load.responses)
    wait_until(lambda: len(load.responses) > answered + 50, "it does not go on")
    load.stop()
    assert set(load.responses) == {201}
    # At most one for each of the 8 clients.
    assert len(load.failures) + load.refused <= 8
