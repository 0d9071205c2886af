"""The total time limit of a call, whatever the other side does.

The timeouts of a socket limit the time between two bytes. A receiver that sends a byte now and then would occupy a
thread for as long as it likes.
"""

import contextlib
import socket
import threading
from contextvars import ContextVar
from typing import Self


class CallDeadline:
    """Ends the connections of a call after some seconds. A context manager in the thread that calls.

    Args:
        seconds: the time limit.

    Attributes:
        passed: whether the time is up.
    """

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        """Start the time."""
        self._token = _current.set(self)
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._timer.cancel()
        _current.reset(self._token)
        with self._lock:
            for each in self._sockets:
                each.close()
            self._sockets.clear()

    def check(self) -> None:
        """Check that the time is not up.

        Raises:
            TimeoutError: it is.
        """
        if self.passed:
            raise TimeoutError

    def watch(self, connection: socket.socket) -> None:
        """End a new connection when the time is up.

        Raises:
            TimeoutError: it already is, because resolving the name took as long.
        """
        with self._lock:
            if self.passed:
                connection.close()
                raise TimeoutError
            # TLS takes the descriptor away from the socket. This one refers to the same connection.
            self._sockets.append(connection.dup())

    def _end(self) -> None:
        with self._lock:
            self.passed = True
            for each in self._sockets:
                with contextlib.suppress(OSError):  # The other side has closed it.
                    each.shutdown(socket.SHUT_RDWR)


_current: ContextVar[CallDeadline] = ContextVar("call_deadline")


def watch(connection: socket.socket) -> socket.socket:
    """Return a new connection, which the deadline of the current call ends.

    Raises:
        TimeoutError: the deadline has passed.
    """
    _current.get().watch(connection)
    return connection
