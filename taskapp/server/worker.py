"""gunicorn's threaded worker, with deadlines for clients and a limit of threads per user."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http.errors import ParseException
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from taskapp.db.deadline import seconds_in_queue
from taskapp.http.concurrency import claim_thread
from taskapp.server.user_threads import Postponed, UserThreads

HEAD_TIMEOUT = 10.0  # Seconds for the head of a request, including the wait for a thread.
LATE_HEAD_TIMEOUT = 0.5  # Seconds for it after a long wait.
LINGER = 2.0  # Seconds for a client to close a connection after the last response (RFC 9112, section 9.6).
ARRIVAL = 0.01  # Seconds for the rest of a body that nobody has read.
HANDOVER = 0.5  # Seconds to accept after SIGTERM. Obsolete with https://github.com/benoitc/gunicorn/pull/3635.
INTERVAL = 0.25  # Seconds between two checks of the deadlines, and between two attempts to accept after an error.


class _Parsed:
    """Returns a request that was parsed before, and puts the parser of its connection back."""

    def __init__(self, conn: Any, req: Any) -> None:
        self._conn, self._parser, self._req = conn, conn.parser, req

    def __next__(self) -> Any:
        self._conn.parser = self._parser
        return self._req


class Worker(ThreadWorker):
    """The worker for ``worker_class``. gunicorn.conf.py sets how many seconds an exchange may last, and how many a
    request may wait for a thread of its user.
    """

    exchange_timeout, patience = 30.0, 2.5
    _accept_at, _stop_at = -60.0, float("inf")

    def run(self) -> None:
        """Serve, and look up each setting once. Obsolete with https://github.com/benoitc/gunicorn/pull/3612."""
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        self._deadlines = dict[Any, float]()
        self._users = UserThreads(self.cfg.threads, self.patience, super().enqueue_req)
        threading.Thread(target=self._enforce_deadlines, daemon=True).start()
        super().run()

    def accept(self, listener: Any) -> None:
        """Accept a connection if there is one. An error, such as no file descriptor left, does not end the worker."""
        try:
            super().accept(listener)
        except OSError as error:
            if time.monotonic() > self._accept_at + 60:
                self.log.warning("Cannot accept connections, will keep trying: %s", error)
            self._accept_at = time.monotonic() + INTERVAL
            super().set_accept_enabled(False)

    def set_accept_enabled(self, enabled: bool) -> None:  # noqa: FBT001 # gunicorn's signature.
        """Start or stop accepting. A stopping worker first accepts its queue, which other workers may not have."""
        super().set_accept_enabled(enabled and time.monotonic() >= self._accept_at)
        if enabled or (self.alive and self.is_parent_alive()):
            return
        super().handle_exit(0, None)
        for listener in self.sockets:
            if self.cfg.reuse_port:
                listener.listen(0)  # The kernel gives new connections to other workers.
            for _ in range(self.cfg.backlog):
                self.accept(listener)
            listener.close()
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, time.monotonic() + STOP_KEEPALIVE_LINGER)

    def handle_exit(self, _signal: int, _frame: Any) -> None:
        """Stop after HANDOVER."""
        self._stop_at = min(self._stop_at, time.monotonic() + HANDOVER)

    def enqueue_req(self, conn: Any) -> None:
        """Queue a connection for a thread; a new one only when data arrives."""
        conn.queued_at, conn.claim, conn.gave_up = time.monotonic(), None, False
        if conn.data_ready:
            super().enqueue_req(conn)
        else:
            conn.timeout = conn.queued_at + HEAD_TIMEOUT
            self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
            self.pending_conns.append(conn)

    def handle(self, conn: Any) -> Any:
        """Handle a request, in a thread."""
        conn.started_at = time.monotonic()
        seconds_in_queue.set(conn.started_at - conn.queued_at)
        self._deadlines[conn] = max(conn.queued_at + HEAD_TIMEOUT, conn.started_at + LATE_HEAD_TIMEOUT)
        return super().handle(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Handle a request whose head is complete, or postpone it. Its body has not been read if it is postponed."""
        self._deadlines[conn] = conn.started_at + self.exchange_timeout
        conn.keeps = None
        req.should_close = partial(self._should_close, conn, req.should_close)
        token = claim_thread.set(partial(self._users.claim, conn))
        try:
            return super().handle_request(req, conn)
        except Postponed:
            conn.parser = _Parsed(conn, req)
            raise
        finally:
            claim_thread.reset(token)
            self._users.release(conn)

    def _should_close(self, conn: Any, should_close: Callable[[], bool]) -> bool:
        """Return whether the connection closes, before the header ``Connection`` of the response says so.

        It is kept only if the whole body has arrived; gunicorn would say that it is kept, and wait for the body. An
        invalid body closes it; gunicorn would write a second response.
        """
        if conn.keeps is None:
            conn.keeps = False
            with suppress(ParseException):
                arrived = conn.parser.finish_body(deadline=time.monotonic() + ARRIVAL, max_bytes=65536)
                conn.keeps = bool(arrived) and not should_close()
        return not conn.keeps

    def _keepalive_after(self, _conn: Any, keepalive: Any) -> bool:
        """Keep the connection if the response has said so."""
        return bool(keepalive)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Keep the connection, let it wait for a thread of its user, or half-close it.

        gunicorn would wait in the main loop until the client closes it.
        """
        if isinstance(postponed := fs.exception(), Postponed):
            self._users.wait(conn, postponed.claim)
            return
        self._deadlines.pop(conn, None)
        if not fs.exception() and fs.result():
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, EVENT_READ, partial(self._discard, conn))
            self._deadlines[conn] = time.monotonic() + LINGER
        except (OSError, ValueError):  # It is closed already.
            self.nr_conns -= 1
            conn.close()

    def _discard(self, conn: Any, client: Any) -> None:
        with suppress(OSError):
            if client.recv(65536, socket.MSG_DONTWAIT):
                return
        self.poller.unregister(client)
        del self._deadlines[conn]
        self.nr_conns -= 1
        conn.close()

    def _enforce_deadlines(self) -> None:
        while True:
            time.sleep(INTERVAL)
            self._users.reject_impatient()
            for conn in [conn for conn, at in self._deadlines.copy().items() if at < time.monotonic()]:
                with suppress(OSError):  # The thread, or the main loop, then reads the end of the connection.
                    socket.socket.shutdown(conn.sock, socket.SHUT_RDWR)
            if self.alive and self._stop_at < time.monotonic():
                super().handle_exit(0, None)
