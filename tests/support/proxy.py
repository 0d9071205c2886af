"""A proxy between the service and PostgreSQL that counts the messages of the service."""

import contextlib
import socket
import socketserver
import struct
import threading
from collections import Counter

from tests.support.waiting import wait_until


class MessageProxy:
    """Listens on loopback, forwards to a PostgreSQL on a Unix socket, and counts the messages of clients by type.

    https://www.postgresql.org/docs/current/protocol-message-formats.html: after the first, each message of a client is
    a byte for its type, then its length, which counts itself, then its content.
    """

    def __init__(self, socket_path):
        self.counts = Counter()
        self.held = False
        self._may_respond = threading.Event()
        self._may_respond.set()
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
                    server.connect(str(socket_path))
                    threading.Thread(target=proxy.forward_responses, args=(server, self.request), daemon=True).start()
                    proxy.forward_messages(self.request, server)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def forward_messages(self, client, server):
        reader = client.makefile("rb")
        started = False
        while length := reader.read(4 if not started else 5):
            kind, size = (length[:1].decode(), length[1:]) if started else ("startup", length)
            content = reader.read(struct.unpack("!I", size)[0] - 4)
            self.counts[kind] += 1
            server.sendall(length + content)
            # A request for encryption comes before the startup message, and gets a response of a single byte.
            started = started or struct.unpack("!I", content[:4])[0] >> 16 == 3

    def forward_responses(self, server, client):
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                self.held = not self._may_respond.is_set()
                self._may_respond.wait()
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)

    def hold_responses(self):
        """Hold back the responses of the database; ``held`` tells that there is one."""
        self._may_respond.clear()

    def release_responses(self):
        """Pass on the held responses, and all later ones."""
        self._may_respond.set()

    def during(self, act):
        """Do something, and return the messages of that time."""
        before = self.counts.copy()
        act()
        return self.counts - before

    def wait_until_quiet(self):
        """Wait until no more messages arrive."""
        seen = Counter()

        def quiet():
            nonlocal seen
            seen, before = self.counts.copy(), seen
            return seen == before

        wait_until(quiet, "the proxy is never quiet")
