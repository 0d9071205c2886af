"""A client that sends exactly what a test says, and checks every response against the common rules of the contract."""

import base64
import http.client
import json
import re
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import jwt
from prometheus_client.parser import text_string_to_metric_families

from taskapp.server.metrics import CONTENT_TYPE
from tests.support.contract import assert_documented

JSON = {"Content-Type": "application/json"}
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass
class Response:
    """A response, read to its end."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    reason: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        return self.json["data"]

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]


def assert_canonical_error(response: Response) -> None:
    """An error has exactly the shape of the contract."""
    assert response.headers["Content-Type"] == "application/json"
    assert response.json.keys() == {"error"}
    assert {"code", "message", "request_id"} <= response.error.keys() <= {"code", "message", "details", "request_id"}
    assert re.fullmatch(r"[A-Z_]+", response.error["code"])
    assert response.error["message"].strip()
    assert response.error["request_id"] == response.headers["X-Request-ID"]
    assert response.error.get("details") != {}


class UnixConnection(http.client.HTTPConnection):
    """A connection to a Unix socket."""

    def __init__(self, path: Path, *, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Client:
    """Sends requests to one server on one connection that stays open, with one user's token unless told otherwise.

    The address is a port on loopback, or the path of a Unix socket.
    """

    def __init__(self, address: int | Path, *, token: str | None = None, user_id: str = ""):
        self.token = token
        self.user_id = user_id
        resources = ("tasks", "tags", "changes", "trash")
        self.tasks, self.tags, self.changes, self.trash = (f"/api/{quote(user_id, safe='')}/{it}" for it in resources)
        if isinstance(address, Path):
            self._connection: http.client.HTTPConnection = UnixConnection(address, timeout=30)
        else:
            self._connection = http.client.HTTPConnection("127.0.0.1", address, timeout=30)

    def request(self, method, path, *, json=..., body=None, headers=(), token=...) -> Response:
        """Send a request; ``json`` is written as JSON, ``body`` goes out as it is."""
        sent = dict(headers)
        token = self.token if token is ... else token
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        if json is not ...:
            body = globals()["json"].dumps(json).encode()
            sent.setdefault("Content-Type", "application/json")
        received = self._send(method, path, body, sent)
        response = Response(received.status, received.headers, received.read())
        if received.will_close:
            self.close()
        assert REQUEST_ID.fullmatch(response.headers["X-Request-ID"])
        if response.status >= HTTPStatus.BAD_REQUEST and method != "HEAD":
            assert_canonical_error(response)
        assert_documented(method, path, response)
        return response

    def _send(self, method, path, body, headers):
        stayed_open = self._connection.sock is not None
        try:
            self._connection.request(method, path, body=body, headers=headers)
            return self._connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            if not stayed_open:
                raise
            # The server may close a connection that stayed open: once more, on a new one.
            self.close()
            self._connection.request(method, path, body=body, headers=headers)
            return self._connection.getresponse()

    def get(self, path="", **options) -> Response:
        return self.request("GET", self.tasks + str(path), **options)

    def post(self, path="", **options) -> Response:
        return self.request("POST", self.tasks + str(path), **options)

    def put(self, path, **options) -> Response:
        return self.request("PUT", self.tasks + str(path), **options)

    def patch(self, path, **options) -> Response:
        return self.request("PATCH", self.tasks + str(path), **options)

    def delete(self, path, **options) -> Response:
        return self.request("DELETE", self.tasks + str(path), **options)

    def create(self, **fields) -> dict[str, Any]:
        """Create a task and return it."""
        response = self.post(json={"title": "a task", **fields})
        assert response.status == 201, response.body
        return response.data

    def undo(self, number, query="", **options) -> Response:
        """Undo a write."""
        return self.request("POST", f"{self.changes}/{number}/undo{query}", **options)

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()


def writes(task):
    """Every route that reads a body."""
    return [("POST", ""), ("PUT", f"/{task['id']}"), ("PATCH", f"/{task['id']}"), ("PATCH", f"/{task['id']}/complete")]


def make_token(secret: Any, claims: dict[str, Any] | None = None, *, user_id="", algorithm="HS256", **options) -> str:
    """Sign claims; without any, make a good token of the user."""
    now = datetime.now(UTC)
    claims = {"sub": user_id, "iat": now, "exp": now + timedelta(hours=1)} if claims is None else claims
    return jwt.encode(claims, secret, algorithm, **options)


def unsigned(header, claims):
    """A token without a signature, but with the dot before it."""
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims))
    return ".".join(parts) + "."


def raw(port, request, *, finish=False):
    """Send bytes as they are, close the sending side if asked to, and return the response."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        if finish:
            connection.shutdown(socket.SHUT_WR)
        received = http.client.HTTPResponse(connection)
        received.begin()
        return Response(received.status, received.headers, received.read(), received.reason)


def scrape(port: int, token: str) -> dict[tuple[str, ...], float]:
    """The samples of /metrics as Prometheus reads them: from a name and its labels to the value."""
    with Client(port, token=token) as client:
        response = client.request("GET", "/metrics")
    assert (response.status, response.headers["Content-Type"]) == (200, CONTENT_TYPE)
    samples: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(response.body.decode()):
        for sample in family.samples:
            key = (sample.name, *sample.labels.values())
            assert key not in samples
            samples[key] = sample.value
    return samples
