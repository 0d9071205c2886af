"""A proxy on loopback between the service and PostgreSQL that fails as networks and hosts do."""

import contextlib
import socket
import struct
import threading
import time

# A linger of zero seconds: closing resets the connection.
RESET = struct.pack("ii", 1, 0)


class FaultProxy:
    """Forwards connections from a port to a PostgreSQL on a Unix socket.

    Attributes:
        port: where the service finds it.
        latency: seconds that each message takes in each direction.
        cold_start: seconds before a new connection is passed on.
    """

    def __init__(self, socket_path):
        self._target = str(socket_path)
        self._listener = None
        self._sockets = set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._forgotten = set()
        self._wanted = None
        self.latency = 0.0
        self.cold_start = 0.0
        self.port = 0
        self.accept()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.refuse()
        self._flowing.set()
        self.cut()

    def accept(self):
        """Listen, on the same port as before."""
        if self._listener:
            return
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def refuse(self):
        """Refuse new connections, as a host where nothing listens."""
        if self._listener:
            # Wakes the thread that accepts; closing would not.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None

    def cut(self, *, reset=False):
        """End all connections, by closing them, or by resetting them."""
        for end in list(self._sockets):
            with contextlib.suppress(OSError):
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                # Wakes the threads that read from it, which close it.
                end.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)

    def black_hole(self, *, after=b""):
        """Drop everything in both directions; if bytes are given, from a statement with these bytes on."""
        if after:
            self._wanted = after
        else:
            self._flowing.clear()

    def forget(self):
        """Drop everything on the current connections, as a firewall that forgot them."""
        self._forgotten |= self._sockets

    def restore(self):
        """Pass everything on again; dropped messages are lost, and their connections end."""
        self._wanted = None
        self.cut()
        self._flowing.set()

    def _serve(self, listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        with client, socket.socket(socket.AF_UNIX) as server, contextlib.suppress(OSError):
            self._sockets |= {client, server}
            time.sleep(self.cold_start)
            server.connect(self._target)  # The host may be up while PostgreSQL is not.
            back = threading.Thread(target=self._forward, args=(server, client), daemon=True)
            back.start()
            self._forward(client, server, from_client=True)
            back.join()
        self._sockets -= {client, server}
        self._forgotten -= {client, server}

    def _forward(self, source, target, *, from_client=False):
        with contextlib.suppress(OSError, ValueError):
            while data := source.recv(65536):
                dropped = not self._flowing.is_set() or source in self._forgotten
                if from_client and self._wanted and self._wanted in data:
                    self._flowing.clear()  # This statement still goes on; its response is the first to be lost.
                if not dropped:
                    time.sleep(self.latency)
                    target.sendall(data)
        with contextlib.suppress(OSError):
            if self._flowing.is_set() and source not in self._forgotten:
                target.shutdown(socket.SHUT_WR)
