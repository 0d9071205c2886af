"""The real server: gunicorn, as gunicorn.conf.py configures it."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from config import ROOT, Settings
from tests.support.client import Client, make_token
from tests.support.commands import environment
from tests.support.ports import free_port, listening_sockets, listens
from tests.support.waiting import wait_until


class Gunicorn:
    """A server with two workers, unless told otherwise, on a free port.

    Attributes:
        folder: where it is started.
        port: where it listens.
        url: the same as a URL, without a slash at its end.
        secret: what it checks tokens with, or None.
        log: the file of everything that it prints.
    """

    folder = ROOT
    seconds_to_start = 30

    def __init__(self, log, **settings):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self.secret = settings.get("JWT_SECRET")
        self._settings = {"WORKERS": 2, **settings, "PORT": self.port}
        self._clients = []

    def command(self):
        """The command that starts it."""
        return [sys.executable, "-m", "gunicorn", "wsgi:app"]

    def environment(self):
        """The environment that it is started with."""
        return environment(**self._settings)

    def start(self):
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=self.environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(self._is_up, lambda: f"it did not start: {self.log.read_text()}", self.seconds_to_start)
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """Close the clients and stop the server; after that its log is complete."""
        for client in self._clients:
            client.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def client(self, user_id=None):
        """A client of a user, a new one unless told which, with a token that this server accepts."""
        user_id = f"user-{secrets.token_hex(6)}" if user_id is None else user_id
        token = make_token(self.secret, user_id=user_id) if self.secret else None
        client = Client(self.port, token=token, user_id=user_id)
        self._clients.append(client)
        return client

    def workers(self):
        """The process ids of its workers, the oldest first."""
        master = self.process.pid
        return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]

    def wait_for_workers(self):
        """Wait until each worker listens: the first one may respond for a while before the others."""
        wait_until(lambda: listening_sockets(self.port) == self._settings["WORKERS"], "a worker does not listen")

    def kill(self):
        """Kill the master and its workers at once."""
        for pid in [self.process.pid, *self.workers()]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def _is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"gunicorn ended: {self.log.read_text()}")
        return listens(self.port)


class FromFile(Gunicorn):
    """A server in a folder of its own, whose settings are all in ``.env``."""

    def __init__(self, folder, **settings):
        super().__init__(folder / "log", **settings)
        self.folder = folder
        for name in ("taskapp", "migrations"):
            shutil.copytree(ROOT / name, folder / name)
        for name in ("wsgi.py", "config.py", "gunicorn.conf.py"):
            shutil.copy(ROOT / name, folder)
        self.write()

    def write(self, **changes):
        settings = {**self._settings, **changes}
        (self.folder / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()))

    def environment(self):
        return {name: value for name, value in os.environ.items() if name not in Settings().fields}
