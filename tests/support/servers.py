"""Servers started by other commands than the usual one, and clients that misbehave."""

import argparse
import os
import shlex
import socket
import statistics
import sys
import time

import pytest

from tests.support.gunicorn import Gunicorn
from tests.support.waiting import timed

_arguments = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
_arguments.add_argument("-k", "--worker-class")
_worker_class = _arguments.parse_known_args(shlex.split(os.environ.get("GUNICORN_CMD_ARGS", "")))[0].worker_class

# For tests of what other worker classes do not have.
own_worker = pytest.mark.skipif(
    _worker_class is not None, reason=f"tests taskapp's worker, but GUNICORN_CMD_ARGS asks for {_worker_class}"
)


class Server(Gunicorn):
    """A server started by a command of its own, in which ``{python}`` and ``{port}`` are replaced."""

    def __init__(self, log, *command, **settings):
        super().__init__(log, **settings)
        self._command = command

    def command(self):
        return [argument.format(python=sys.executable, port=self.port) for argument in self._command]


def connection_to(server, receive_buffer=None):
    """Open a connection, if needed with a small receive buffer."""
    client = socket.socket()
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.settimeout(30)
    client.connect(("127.0.0.1", server.port))
    return client


def request_of(user, path="", body=b"", method="GET", *, close=False):
    """Write a request of a user."""
    return (
        f"{method} {user.tasks}{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"{'Connection: close' if close else 'X: y'}\r\n\r\n"
    ).encode() + body


def read_to_end(client):
    """Read until the server closes the connection; a reset is an error."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def health_seconds(client, count=20):
    """The median and the maximum response time of /health/live, each time on a new connection."""
    seconds = []
    for _ in range(count):
        response, duration = timed(lambda: client.request("GET", "/health/live"))
        assert response.status == 200
        client.close()
        seconds.append(duration)
        time.sleep(0.01)
    return statistics.median(seconds), max(seconds)
