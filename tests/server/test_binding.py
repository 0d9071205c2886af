"""Where the service can be bound: it serves there and its banner says so, or it refuses with a sentence."""

import re
import shlex
import signal
import socket
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.certificates import make_certificate
from tests.support.client import Client, make_token
from tests.support.load import Load
from tests.support.ports import free_port, listening_sockets
from tests.support.postgres import locked_tasks
from tests.support.servers import Server, own_worker
from tests.support.waiting import wait_until

GUNICORN = "{python} -m gunicorn wsgi:app"
# Binds sockets to the addresses in its arguments, and passes them on as systemd does:
# https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
ACTIVATE = """
import os, socket, sys
path, port, *command = sys.argv[1:]
sockets = socket.socket(), socket.socket(socket.AF_UNIX)
for passed, address in zip(sockets, (("127.0.0.1", int(port)), path)):
    passed.bind(address)
    passed.listen()
for number, passed in enumerate(sockets, 3):
    os.dup2(passed.fileno(), number + 10)
for number in 3, 4:
    os.dup2(number + 10, number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2")
os.execv(command[0], command)
"""


class Bound(Server):
    """A server that is up when it has printed its banner."""

    def banner(self):
        """What it printed: API, Docs, Data and Try."""
        return dict(re.findall(r"^(API|Docs|Data|Try) +(.*)$", self.log.read_text(), re.MULTILINE))

    def _is_up(self):
        assert self.process.poll() is None, f"gunicorn ended: {self.log.read_text()}"
        return "Data" in self.banner()


@pytest.fixture
def start(settings, tmp_path):
    servers = []

    def start(*options, command=GUNICORN, **changes):
        log = tmp_path / f"log-{len(servers)}"
        server = Bound(log, *command.split(), *options, **{**settings, "LOG_FORMAT": "text", **changes})
        server.__enter__()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.__exit__()
        assert "Traceback" not in server.log.read_text()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "socket of a test"


@pytest.fixture
def user(secret):
    """Makes clients of a user, each of another address."""
    clients = []

    def make(address):
        clients.append(Client(address, token=make_token(secret, user_id="binding"), user_id="binding"))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.mark.slow
@pytest.mark.parametrize("worker", ["taskapp.server.worker.Worker", "gthread"])
def test_unix_socket_serves(start, path, user, worker):
    path.touch()
    path.unlink()
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()  # The file stays, as after a power cut.
    server = start("-b", f"unix:{path}", "-k", worker, "--umask", "0o007")
    assert server.banner()["API"] == f"http://localhost/api/{{user_id}}/tasks on '{path}'"
    assert stat.S_IMODE(path.stat().st_mode) == 0o770
    client = user(path)
    assert client.create()["id"] == client.get().data[0]["id"]
    assert client.request("GET", "/nothing", headers={"Host": "[::1]:80"}).status == 404
    # Whoever can open the socket is a proxy on this machine.
    response = client.request("GET", "/health/live", headers={"X-Forwarded-Proto": "https"})
    assert "Strict-Transport-Security" in response.headers
    server.stop()
    assert not path.exists()


@pytest.mark.slow
def test_banner_has_a_command_for_a_unix_socket(start, path, tmp_path):
    server = start("-b", f"unix:{path}", DATABASE_URL=None, INSTANCE_PATH=tmp_path / "instance")
    command = server.banner()["Try"]
    assert "--unix-socket" in command
    result = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True)
    assert '"data"' in result.stdout


@pytest.mark.slow
def test_log_has_no_address_for_a_unix_socket(start, path, user):
    server = start("-b", f"unix:{path}", ACCESS_LOG="true")
    user(path).request("GET", "/health/live")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.sendall(b"nonsense\r\n\r\n")
        assert client.recv(9) == b"HTTP/1.1 "
    lines = [line for line in server.log.read_text().splitlines() if "taskapp.requests" in line]
    assert len(lines) == 2
    assert not any("remote_address" in line for line in lines)


@pytest.mark.slow
def test_unix_socket_of_a_running_server_is_taken(start, path, user):
    start("-b", f"unix:{path}")
    with pytest.raises(AssertionError, match="another server listens on it"):
        start("-b", f"unix:{path}")
    assert user(path).get().status == 200


@pytest.mark.slow
def test_workers_share_a_port_of_the_kernels_choice(start, user):
    """Each worker would otherwise choose its own. PORT is not used, so that it may be taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = start("-b", "127.0.0.1:0", PORT=taken.getsockname()[1])
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", server.banner()["API"])[1])
        assert listening_sockets(port) == 1
        assert user(port).get().status == 200


@pytest.mark.slow
def test_several_addresses_and_options_in_the_environment(start, path, user, monkeypatch):
    port = free_port()
    monkeypatch.setenv("GUNICORN_CMD_ARGS", f"-b 127.0.0.1:{port} -b 'unix:{path}' -b [::1]:{port}")
    server = start()
    assert user(port).get().status == user(path).get().status == 200
    assert server.banner()["Docs"] == f"http://127.0.0.1:{port}/docs"
    assert f"http://[::1]:{port}/api/" in server.log.read_text()


@pytest.mark.slow
def test_sockets_of_systemd_are_used(start, path, user):
    server = start("-c", ACTIVATE, str(path), "{port}", *GUNICORN.split(), command="{python}")
    assert user(path).get().status == user(server.port).get().status == 200
    assert f"http://127.0.0.1:{server.port}/docs" == server.banner()["Docs"]
    old = server.workers()
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: not set(old) & set(server.workers()), "old workers go on")
    assert user(path).get().status == user(server.port).get().status == 200
    server.stop()
    assert path.exists()  # It belongs to systemd.


@pytest.mark.slow
def test_banner_with_a_certificate_has_https(start, tmp_path):
    certificate, key = make_certificate(tmp_path)
    server = start("--certfile", str(certificate), "--keyfile", str(key))
    assert server.banner()["Docs"] == f"https://127.0.0.1:{server.port}/docs"


@own_worker
@pytest.mark.slow
def test_reload_and_stop_of_a_shared_socket_lose_no_request(start, path, secret):
    server = start("-b", f"unix:{path}")
    wait_until(lambda: len(server.workers()) == 2, "a worker is missing")
    load = Load(path, make_token(secret, user_id="load"))
    wait_until(lambda: len(load.responses) > 20, "there is no load")
    for _ in range(2):
        before = server.workers()
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda old=before: not set(old) & set(server.workers()), "old workers go on", 60)
    assert load.refused == 0
    server.process.send_signal(signal.SIGTERM)
    server.process.wait(30)
    load.stop()
    assert load.refused > 0
    assert set(load.responses) == {201}
    assert len(load.failures) <= 2, load.failures  # One for each worker, as with SO_REUSEPORT.


@own_worker
@pytest.mark.slow
def test_shared_port_is_closed_before_the_last_requests_finish(start, user, database_url):
    server = start("-b", "127.0.0.1:0", REQUEST_TIMEOUT=30)
    port = int(re.search(r":(\d+)/", server.banner()["API"])[1])
    with ThreadPoolExecutor(1) as pool:
        with locked_tasks(database_url):
            response = pool.submit(user(port).get)
            time.sleep(0.5)
            server.process.send_signal(signal.SIGTERM)
            wait_until(lambda: listening_sockets(port) == 0, "a worker listens", 5)
            assert not response.done()
        assert response.result().status == 200
