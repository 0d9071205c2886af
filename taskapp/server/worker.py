"""gunicorn's threaded worker, whose threads no client can hold up, and which leaves nobody waiting when it stops."""

import contextlib
import math
import selectors
import socket
import time
from collections import deque
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from taskapp.server.client_socket import ClientSocket
from taskapp.server.turns import Threads
from taskapp.server.waiting import WaitingConnections

# Seconds that a client has to close its side of a connection that has ended.
LINGER = 2.0
# Seconds between the signal to stop and the end of accepting.
HANDOVER = 0.5
# Seconds after which, at the latest, is noted that a request came, where all threads are busy.
_LOOK = 0.1


class Connection(TConn):
    """A connection as gunicorn keeps it, whose end nobody has to wait for."""

    worker: "Worker"

    @property
    def has_more(self) -> bool:
        """Tell whether the next request, or a part of it, has been received already."""
        return self.parser is not None and bool(self.parser.unreader.buf.getvalue())

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 # gunicorn's own.
        """End the connection; gracefully is to let the client close first, so that no reset takes its answer away."""
        if graceful:
            self.worker.linger(self)
        else:
            util.close(self.sock)


class Worker(ThreadWorker):
    """gunicorn's worker, with these differences.

    A connection takes a thread when something comes in on it, not before; threads find it themselves, where gunicorn
    would wake its main thread to give it to one, and again to take it back. A request must be there, and its answer
    taken, within CLIENT_TIMEOUT each. Few threads compute at once, however many wait. Connections that end are watched
    in the main loop, where gunicorn would wait for the client and hold up everybody else. A worker that stops serves
    all that the kernel has accepted for it. How long a request waits for a thread is known to the application.
    """

    sockets: list[Any]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._lingering: deque[Connection] = deque()
        self._stop_at = math.inf

    def init_process(self) -> None:
        """Prepare to serve, in the process of the worker, and serve."""
        self._waiting = self.keepalived_conns = WaitingConnections[Connection]()
        super().init_process()

    def get_thread_pool(self) -> Threads[Connection]:
        """Make the threads that serve requests; they are started once the worker is ready, and handles signals."""
        return Threads(self.cfg.threads, self._waiting, self._serve)

    def run(self) -> None:
        """Serve until it is time to stop."""
        # gunicorn looks each setting up anew, some two dozen for a request. Those of a worker no longer change.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        self.tpool.start()
        try:
            super().run()
        finally:
            self.tpool.shutdown(wait=False)  # Or an error would leave a process that does nothing.

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for what the main thread does: accept and end connections."""
        super().wait_for_and_dispatch_events(min(timeout, _LOOK) if self.nr_conns else timeout)
        self._waiting.note_arrivals()

    def accept(self, listener: Any) -> None:
        """Accept a connection."""
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            self._accept_one(listener)

    def _accept_one(self, listener: Any) -> None:
        """Accept a connection, and have it wait for its first request."""
        client, address = listener.accept()
        connection = Connection(self.cfg, ClientSocket(fileno=client.detach()), address, listener.getsockname())
        connection.worker = self
        connection.data_ready = True  # Once a thread has it.
        connection.set_timeout()
        self.nr_conns += 1
        self._waiting.add(connection)

    def handle_exit(self, _sig: int, _frame: Any) -> None:
        """Stop in a moment: on a reload the worker that takes this one's place has to listen first.

        The main loop looks for it, once a second at least. A thread that waits could not be started here: a signal may
        come while the main thread itself starts one, and holds the lock for that.
        """
        self._stop_at = min(self._stop_at, time.monotonic() + HANDOVER)

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 # gunicorn's own.
        """Begin or cease to accept; where the worker stops, accept those who wait, and let others be refused.

        gunicorn keeps its listening socket until the last request is done. With SO_REUSEPORT the kernel would go on to
        give it connections, which nobody would ever answer.
        """
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        for listener in self.sockets:
            # From here on the kernel takes one more for this socket at most, and other clients ask again: then they
            # find another worker, or nobody. Closing alone would reset all that come until then.
            listener.listen(0)
            with contextlib.suppress(BlockingIOError):
                while True:
                    self._accept_one(listener)
            listener.close()
        self.sockets = []

    def _serve(self, connection: Connection) -> None:
        """Serve a request, in a thread, and have the connection wait for the next one, or end."""
        try:
            if self.handle(connection):
                self._wait_for_next(connection)
                return
        except BaseException:
            self.log.exception("A request broke off")  # gunicorn answers to all that is an Exception.
        self.method_queue.defer(self._end, connection)

    def _wait_for_next(self, connection: Connection) -> None:
        connection.set_timeout()
        if connection.has_more:  # It waits for the client to take what was answered.
            connection.timeout = time.monotonic() + self.wsgi.config["CLIENT_TIMEOUT"]
        self._waiting.add(connection)
        if not self.alive:  # Asked only now: where the worker stops later than that, this is one of those who wait.
            connection.timeout = min(connection.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)

    def handle(self, conn: Any) -> bool:
        """Serve a request, and return whether another may follow."""
        conn.sock.expect_request(self.wsgi.config["CLIENT_TIMEOUT"])
        return bool(super().handle(conn)) and not conn.sock.is_overdue

    def _end(self, connection: Connection) -> None:
        """End a connection, in the main thread, which alone counts them."""
        self.nr_conns -= 1
        connection.close(graceful=True)

    def murder_keepalived(self, force: bool = False) -> None:  # noqa: FBT001, FBT002 # gunicorn's own.
        """Close the connections that have waited for long enough, or all."""
        for connection in self._waiting.remove_overdue(math.inf if force else time.monotonic()):
            self.nr_conns -= 1
            connection.close()

    def linger(self, connection: Connection) -> None:
        """Say that there is nothing more to come, and close once the client has closed too, or after a while.

        RFC 9112, section 9.6: what the client still sends would otherwise reset the connection under its answer.
        """
        try:
            connection.sock.settimeout(0)
            connection.sock.shutdown(socket.SHUT_WR)
            self.poller.register(connection.sock, selectors.EVENT_READ, partial(self._discard, connection))
        except (OSError, ValueError):  # It has gone already.
            util.close(connection.sock)
            return
        connection.timeout = time.monotonic() + LINGER
        self._lingering.append(connection)

    def _discard(self, connection: Connection, _sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if connection.sock.recv(65536):
                return
        self._lingering.remove(connection)
        self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self.poller.unregister(connection.sock)
        util.close(connection.sock)

    def murder_pending(self) -> None:
        """Close the connections that ended a while ago, and stop when it is time."""
        if time.monotonic() >= self._stop_at:
            self.alive = False
        while self._lingering and self._lingering[0].timeout <= time.monotonic():
            self._drop(self._lingering.popleft())
