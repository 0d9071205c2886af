"""MCP servers over HTTP: in this process, and as the command starts them."""

import contextlib
import threading
from pathlib import Path

import httpx2
import psycopg2
import uvicorn

from config import ROOT
from taskapp.mcp.http import Options, make_asgi_app
from tests.support.agents import settings_for, token_for
from tests.support.ports import free_port, listens
from tests.support.servers import Server
from tests.support.urls import text_url
from tests.support.waiting import wait_until

MODERN = {"MCP-Protocol-Version": "2026-07-28", "Accept": "application/json, text/event-stream"}


class LocalMcp:
    """A server in this process.

    Attributes:
        url: where agents reach it.
        secret: the secret of its tokens.
    """

    def __init__(self, make_app, *, read_only=False, **settings):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/mcp"
        self.app = make_app(**{**settings_for(self.url), **settings})
        options = Options(None, "127.0.0.1", self.port, None, read_only)
        self._server = uvicorn.Server(
            uvicorn.Config(make_asgi_app(self.app, options), "127.0.0.1", self.port, log_config=None, ws="none")
        )

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        wait_until(lambda: self._server.started, "it does not start")
        return self

    def __exit__(self, *_):
        self._server.should_exit = True
        self._thread.join(20)

    def post(self, token=None, body=None, **headers):
        """Send a request as it is."""
        sent = {**MODERN, **({"Authorization": f"Bearer {token}"} if token else {}), **headers}
        return httpx2.post(self.url, json=body or {}, headers=sent)


class McpWorkers(Server):
    """The command with several workers."""

    folder = Path("/")
    # Each worker imports the SDK by itself.
    seconds_to_start = 120

    def __init__(self, log, workers, **settings):
        command = ["{python}", "-m", "flask", "--app", str(ROOT / "wsgi.py"), "mcp", "--http", "127.0.0.1:{port}"]
        super().__init__(log, *command, "--workers", str(workers), **settings)
        self.address = f"{self.url}/mcp"
        self._settings |= settings_for(self.address)
        self._number = workers

    def workers(self):
        """The process ids of its workers, without the process that cleans up after them."""
        return [pid for pid in super().workers() if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def _is_up(self):
        """Whether all workers serve. The socket listens before."""
        if self.process.poll() is not None:
            raise AssertionError(f"it ended: {self.log.read_text()}")
        return listens(self.port) and len(self.workers()) >= self._number and self._responds()

    def _responds(self):
        try:
            return httpx2.post(self.address, timeout=30).status_code == 401
        except httpx2.TransportError:
            return False

    def token(self, user_id):
        return token_for(self.secret, user_id, self.address)


def _connect(url):
    return contextlib.closing(psycopg2.connect(text_url(url).replace("+psycopg2", "")))


@contextlib.contextmanager
def locked_tasks(url):
    """Nobody can write to the table of tasks meanwhile."""
    with _connect(url) as connection:
        connection.cursor().execute("LOCK TABLE tasks IN EXCLUSIVE MODE")
        yield


def waits_for_the_lock(url):
    """Whether somebody does."""
    with _connect(url) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'tasks'::regclass")
        return cursor.fetchone()[0] > 0
