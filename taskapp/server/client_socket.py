"""Sockets of clients, which can hold up nobody."""

import contextlib
import math
import select
import socket
import time
from typing import Any

from taskapp.server.turns import give_turn_away


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
