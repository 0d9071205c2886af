"""gunicorn's threaded worker, whose threads no client can hold up, and which leaves nobody waiting when it stops."""

import contextlib
import math
import select
import selectors
import socket
import time
from collections import deque
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from taskapp.turns import Threads, give_turn_away

# Seconds that a client has to close its side of a connection that has ended.
LINGER = 2.0
# Seconds between the signal to stop and the end of accepting.
HANDOVER = 0.5


class ClientSocket(socket.socket):
    """A connection to a client that must send its request within a time, and take its answer within as much again.

    A timeout of the socket itself would begin anew with every byte.

    Attributes:
        is_overdue: whether the request did not come in time, so that nobody knows where the next one would begin.
        queued_at: when a request began to wait for a thread, on the clock of ``time.monotonic``.
        seconds_in_queue: how long it waited.
    """

    is_overdue = False
    queued_at = 0.0
    seconds_in_queue = 0.0
    _seconds = math.inf
    _request_due = math.inf
    _answer_due: float | None = None

    def expect_request(self, seconds: float) -> None:
        """Begin to read a request, which has a thread now."""
        now = time.monotonic()
        self.seconds_in_queue = now - self.queued_at
        self._seconds = seconds
        self._request_due = now + seconds
        self._answer_due = None

    def recv(self, size: int, *_: Any) -> bytes:
        """Receive what comes in; nothing, as from a client that has gone, where the request is overdue."""
        timeout = self.gettimeout()
        if timeout is not None:  # It is read only to be discarded.
            return b"" if timeout and self.is_overdue else super().recv(size)
        while time.monotonic() < self._request_due:
            with contextlib.suppress(BlockingIOError):
                return super().recv(size, socket.MSG_DONTWAIT)
            self._await(select.POLLIN, self._request_due)
        self.is_overdue = True
        return b""

    def sendall(self, data: Any, *_: Any) -> None:
        """Send everything.

        Raises:
            ConnectionResetError: the client has not taken its answer in time.
        """
        if self._answer_due is None:
            self._answer_due = time.monotonic() + self._seconds
        unsent = memoryview(data)
        while unsent:
            try:
                unsent = unsent[self.send(unsent, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                if not self._await(select.POLLOUT, self._answer_due):
                    raise ConnectionResetError("the client does not take its answer") from None

    def _await(self, event: int, due: float) -> bool:
        """Wait until something can be read or written, and return whether that was in time."""
        give_turn_away()
        poller = select.poll()
        poller.register(self, event)
        remaining = due - time.monotonic()
        return remaining > 0 and bool(poller.poll(None if remaining == math.inf else remaining * 1000))


class Connection(TConn):
    """A connection as gunicorn keeps it, whose end nobody has to wait for."""

    worker: "Worker"

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 # gunicorn's own.
        """End the connection; gracefully is to let the client close first, so that no reset takes its answer away."""
        if graceful:
            self.worker.linger(self)
        else:
            util.close(self.sock)


class Worker(ThreadWorker):
    """gunicorn's worker, with these differences.

    A connection is given to a thread when something comes in on it, not before. A request must be there, and its answer
    taken, within CLIENT_TIMEOUT each. Few threads compute at once, however many wait. Connections that end are watched
    in the main loop, where gunicorn would wait for the client and hold up everybody else. A worker that stops serves
    all that the kernel has accepted for it. How long a request waits for a thread is known to the application.
    """

    sockets: list[Any]

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._lingering: deque[Connection] = deque()
        self._stop_at = math.inf

    def get_thread_pool(self) -> Threads:
        """Make the threads that serve requests; they are started once the worker is ready, and handles signals."""
        return Threads(self.cfg.threads)

    def run(self) -> None:
        """Serve until it is time to stop."""
        # gunicorn looks each setting up anew, some two dozen for a request. Those of a worker no longer change.
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        self.tpool.start()
        try:
            super().run()
        finally:
            self.tpool.shutdown(wait=False)  # Or an error would leave a process that does nothing.

    def accept(self, listener: Any) -> None:
        """Accept a connection."""
        with contextlib.suppress(BlockingIOError, ConnectionAbortedError):
            self._accept_one(listener)

    def _accept_one(self, listener: Any) -> None:
        """Accept a connection, and wait for its first request beside the threads."""
        client, address = listener.accept()
        connection = Connection(self.cfg, ClientSocket(fileno=client.detach()), address, listener.getsockname())
        connection.worker = self
        connection.timeout = time.monotonic() + self.cfg.keepalive
        self.nr_conns += 1
        self.pending_conns.append(connection)
        respond = partial(self.on_pending_socket_readable, connection)
        self.poller.register(connection.sock, selectors.EVENT_READ, respond)

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

    def enqueue_req(self, conn: Any) -> None:
        """Have a request wait for a thread."""
        conn.sock.queued_at = time.monotonic()
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        """Serve a request, in a thread."""
        conn.sock.expect_request(self.wsgi.config["CLIENT_TIMEOUT"])
        return super().handle(conn) and not conn.sock.is_overdue

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
        """Close what has waited for long enough, for a first request or for the client; and stop when it is time."""
        super().murder_pending()
        if time.monotonic() >= self._stop_at:
            self.alive = False
        while self._lingering and self._lingering[0].timeout <= time.monotonic():
            self._drop(self._lingering.popleft())
