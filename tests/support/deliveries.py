"""Webhooks in a database, and the process that delivers to them."""

import os
import secrets
import signal
import subprocess
import sys
from urllib.request import urlopen

from config import ROOT
from taskapp.tasks.webhooks.delivery.loop import Loop
from tests.support.commands import environment
from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql
from tests.support.waiting import wait_until


class Webhooks:
    """The webhooks of a database.

    Args:
        app: the application on this database.
        url: the URL of the database, for a superuser.
        secret: the secret of the tokens of the application.
    """

    def __init__(self, app, url, secret):
        self.app, self.url, self._secret = app, url, secret

    def user(self, user_id=None):
        return LocalUser(self.app, self._secret, user_id)

    def add(self, user_id, target, *, number=0, **columns):
        """Add a webhook, and return its id and its secret."""
        key = secrets.token_bytes(32)
        columns = {"user_id": user_id, "url": target, "secret": key, "number": number, **columns}
        statement = (
            f"INSERT INTO webhooks ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))}) RETURNING id"
        )
        return run_sql(self.url, statement, list(columns.values()))[0][0], key

    def row(self, webhook_id):
        """The columns of a webhook."""
        return run_sql(self.url, "SELECT to_jsonb(w) FROM webhooks w WHERE id = %s", [webhook_id])[0][0]

    def seconds_left(self, webhook_id):
        """The seconds until a webhook is due."""
        statement = "SELECT extract(epoch FROM due_at - now())::float FROM webhooks WHERE id = %s"
        return run_sql(self.url, statement, [webhook_id])[0][0]

    def set(self, webhook_id, **columns):
        """Change columns of a webhook."""
        assignments = ", ".join(f"{name} = %s" for name in columns)
        run_sql(self.url, f"UPDATE webhooks SET {assignments} WHERE id = %s", [*columns.values(), webhook_id])

    def make_due(self):
        """Let the time until the next tries and the end of all leases pass."""
        run_sql(self.url, "UPDATE webhooks SET due_at = now()")

    def deliver(self):
        """Deliver everything that is due, in this process."""
        Loop(self.app, idle_seconds=60).run_once()

    def remove_all(self):
        run_sql(self.url, "DELETE FROM webhooks")

    def fill(self, users, changes):
        """Write changes of tasks into the log of users, without tasks."""
        run_sql(
            self.url,
            "INSERT INTO changes (user_id, number, task_id, at, before, after)"
            " SELECT u, n, n, now(), NULL, jsonb_build_object('title', 'task ' || n)"
            " FROM unnest(%s) u, generate_series(1, %s) n",
            [list(users), changes],
        )


class Deliverer:
    """The process ``flask webhooks deliver``.

    Args:
        log: the file of everything that it prints.
        options: further words of its command line.
        settings: its settings.
    """

    def __init__(self, log, *options, pass_fds=(), **settings):
        self.log, self._options, self._pass_fds = log, options, pass_fds
        self._settings = {"WEBHOOK_ALLOW_PRIVATE": "true", "LOG_FORMAT": "json", "ACCESS_LOG": "true", **settings}

    def start(self):
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flask", "webhooks", "deliver", *self._options],
                cwd=ROOT,
                env=environment(**self._settings),
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=self._pass_fds,
            )

    def wait_until_it_delivers(self):
        wait_until(lambda: "Delivering webhooks" in self.log.read_text(), self.log.read_text, 60)

    def stop(self, seconds=40):
        """Stop it as a supervisor does, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self):
        self.start()
        self.wait_until_it_delivers()
        return self

    def __exit__(self, *_):
        self.stop()


def wait_for(receiver, count, seconds=60):
    """Wait until a receiver has so many requests, and return them."""
    wait_until(lambda: len(receiver.received) >= count, lambda: f"only {receiver.ids}", seconds)
    return receiver.received


def metric(port, name):
    """The value of a metric on a port of loopback; None if it has none."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as response:
        lines = response.read().decode().splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), None)
