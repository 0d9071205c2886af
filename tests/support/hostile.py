"""Receivers on loopback that do everything to occupy or to fill the process that delivers."""

import contextlib
import gzip
import socketserver
import threading
import time

HEAD = b"HTTP/1.1 200 OK\r\n"
# Longer than any call; so that a thread of a test ends all the same.
LONG = 120
_ZEROS = bytes(64 * 1024)
_BOMB = gzip.compress(bytes(100 * 1024 * 1024))


def _trickle(connection, data=b"x", pause=0.2):
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        connection.sendall(data)
        time.sleep(pause)


def _flood(connection, data):
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        connection.sendall(data)


def _moved(connection):
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\n\r\n")
    _flood(connection, _ZEROS)


def _sleep(connection):
    connection.settimeout(LONG)
    while connection.recv(65536):
        pass


def _send(*parts):
    return lambda connection: [connection.sendall(part) for part in parts]


# From a name to what a receiver does once it has the beginning of a request.
WITHOUT_STATUS = {
    "sleeps": _sleep,
    "closes": lambda _: None,
    "sends garbage": _send(b"\0\xff" * 1000 + b"\r\n\r\n"),
    "trickles a status line": _trickle,
    "trickles headers": lambda connection: (connection.sendall(HEAD), _trickle(connection, b"X-A: b\r\n", 0.5)),
    "floods with headers": lambda connection: (connection.sendall(HEAD), _flood(connection, b"X-A: b\r\n" * 1000)),
    "sends an endless header": lambda connection: (connection.sendall(HEAD + b"X: "), _flood(connection, b"a" * 65536)),
    "continues endlessly": lambda connection: _flood(connection, b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
}
SUCCESSES = {
    "floods with a body": lambda connection: (connection.sendall(HEAD + b"\r\n"), _flood(connection, _ZEROS)),
    "trickles a body": lambda connection: (connection.sendall(HEAD + b"\r\n"), _trickle(connection)),
    "sends a bomb": _send(
        HEAD + b"Content-Encoding: gzip\r\nContent-Length: " + str(len(_BOMB)).encode() + b"\r\n\r\n", _BOMB
    ),
    "sends wrong chunks": _send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n\xff\xff"),
    "sends less than it says": _send(HEAD + b"Content-Length: 1000\r\n\r\n", b"a"),
}
REDIRECTS = {"redirects with an endless body": _moved}


class HostileReceiver:
    """Listens, and does one of the above with each connection.

    Attributes:
        url: where it is, with the scheme that it was given.
        connections: how many there were.
    """

    def __init__(self, act, scheme="http"):
        receiver = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                receiver.connections += 1
                with contextlib.suppress(OSError):
                    self.request.recv(65536)
                    act(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False

        self.connections = 0
        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
