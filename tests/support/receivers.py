"""Receivers of webhooks on loopback, in this process."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple

from standardwebhooks import Webhook

from tests.support.http_server import HttpServer, Quiet


class Received(NamedTuple):
    """A request that a receiver got."""

    headers: dict
    body: bytes
    at: float

    @property
    def id(self):
        return self.headers["webhook-id"]

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def numbers(self):
        """The numbers of the changes in it."""
        return [change["number"] for change in self.json["data"].get("changes", [])]

    def is_signed_by(self, secret):
        """Whether the library of the specification accepts the signature."""
        try:
            return Webhook(secret).verify(self.body, self.headers) == self.json
        except Exception:  # noqa: BLE001 # Several, none of which is exported.
            return False


class Receiver(HttpServer):
    """Accepts deliveries, and keeps them.

    Attributes:
        received: all requests, in the order of their arrival.
        responses: what the next requests are responded with: a status, or a function of the handler. Then 204.
        delay: seconds that each response takes.
    """

    def __init__(self):
        self.received, self.responses, self.delay = [], [], 0
        self._lock = threading.Lock()
        receiver = self

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.respond(self, Received(headers, body, time.monotonic()))

        self.handler = Handler

    def respond(self, handler, received):
        with self._lock:
            self.received.append(received)
            response = self.responses.pop(0) if self.responses else 204
        time.sleep(self.delay)
        if callable(response):
            response(handler)
            return
        handler.send_response(response)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    @property
    def numbers(self):
        """The numbers of all changes received, in order."""
        return [number for received in self.received for number in received.numbers]

    @property
    def ids(self):
        return [received.id for received in self.received]


def answer(status, **headers):
    """A response with headers, whose names have underscores for hyphens."""

    def respond(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return respond
