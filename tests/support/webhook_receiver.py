"""The receiver of docs/webhooks.md, run as the page says, and messages for it signed by the library."""

import http.client
import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from tests.support.documents import code, read
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_until


def sign(secret, body, *, age=0, message_id="wh_1_1_1"):
    """The headers of a message of some seconds ago."""
    at = datetime.now(UTC) - timedelta(seconds=age)
    return {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, at, body.decode()),
    }


class PageReceiver:
    """The receiver, until the end of the context.

    Args:
        folder: an empty one, for its code, its data and its log.
        secret: the secret of the webhook.
        port: where it listens; a free port if None.

    Attributes:
        url: the URL for the webhook.
    """

    def __init__(self, folder, secret, port=None):
        self._folder, self._secret = folder, secret
        self._port = port or free_port()
        self._log = folder / "log"
        self.url = f"http://127.0.0.1:{self._port}/taskapp"

    def __enter__(self):
        (self._folder / "receiver.py").write_text(code(read("webhooks"), "python"))
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "flask", "--app", "receiver", "run", "--port", str(self._port)],
                cwd=self._folder,
                env={**os.environ, "WEBHOOK_SECRET": self._secret, "PYTHONPATH": ""},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: listens(self._port) or self._process.poll() is not None, "it does not start", 60)
        assert self._process.poll() is None, self._log.read_text()
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def send(self, body, headers):
        """Send a message, and return the status of the response."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("POST", "/taskapp", body, headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def handled(self):
        """What it has printed, without the lines of Flask."""
        starts = ("changes ", "reminder.due ", "read everything again: ")
        return [line for line in self._log.read_text().splitlines() if line.startswith(starts)]


def message(kind, *numbers, **data):
    """The body of a message with changes of these numbers."""
    changes = [{"number": number, "type": "updated", "task_id": 7} for number in numbers]
    event = {"type": kind, "data": {"user_id": "u", **({"changes": changes} if changes else {}), **data}}
    return json.dumps(event).encode()
