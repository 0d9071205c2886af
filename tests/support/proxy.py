"""A proxy between the service and PostgreSQL that counts what the service says."""

import contextlib
import socket
import socketserver
import struct
import threading
from collections import Counter

from tests.support.processes import wait_until


class MessageProxy:
    """Listens on loopback, forwards to a PostgreSQL on a Unix socket, and counts the messages of clients by type.

    https://www.postgresql.org/docs/current/protocol-message-formats.html: after the first, each message of a client is
    a byte for its type, then its length, which counts itself, then its content.
    """

    def __init__(self, socket_path):
        self.counts = Counter()
        self.held = False
        self._may_answer = threading.Event()
        self._may_answer.set()
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
                    server.connect(str(socket_path))
                    threading.Thread(target=proxy.forward_answers, args=(server, self.request), daemon=True).start()
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
            # A request for encryption comes before the startup message, and is answered with a single byte.
            started = started or struct.unpack("!I", content[:4])[0] >> 16 == 3

    def forward_answers(self, server, client):
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                self.held = not self._may_answer.is_set()
                self._may_answer.wait()
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)

    def hold_answers(self):
        """Keep what the database answers from here on; ``held`` tells that it has answered."""
        self._may_answer.clear()

    def release_answers(self):
        """Pass on what was held, and all that follows."""
        self._may_answer.set()

    def during(self, act):
        """Return the messages that came in while something was done."""
        before = self.counts.copy()
        act()
        return self.counts - before

    def wait_until_quiet(self):
        """Wait until what was started has come in."""
        seen = Counter()

        def quiet():
            nonlocal seen
            seen, before = self.counts.copy(), seen
            return seen == before

        wait_until(quiet, "the proxy is never quiet")
