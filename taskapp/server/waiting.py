"""Connections that wait for a request, and how threads find the next one among them."""

import contextlib
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from taskapp.server.client_socket import ClientSocket
from taskapp.server.polling import has_input


class _Connection(Protocol):
    """A connection that can wait.

    Attributes:
        sock: its socket.
        timeout: until when it waits, on the clock of ``time.monotonic``.
    """

    sock: ClientSocket
    timeout: float

    @property
    def has_more(self) -> bool:
        """Tell whether the next request, or a part of it, has been received already."""


Connection = TypeVar("Connection", bound=_Connection)


class WaitingConnections(Generic[Connection]):
    """Connections that wait for their next request.

    Threads look for requests themselves: one at a time waits for whatever comes in, the others for that one. Any thread
    may call any method. No lock is held to add a connection or to remove one; whoever removes it from the dictionary,
    which is one step of the interpreter, has it for itself.

    Attributes:
        is_closed: whether nobody takes any more.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._may_look = threading.Lock()
        self._waiting: dict[int, Connection] = {}
        # Something came in on these, and nobody has taken them yet.
        self._ready: deque[Connection] = deque()
        self.is_closed = False
        self._end, self._bell = os.pipe()
        self._selector.register(self._end, selectors.EVENT_READ)

    def add(self, connection: Connection) -> None:
        """Have a connection wait.

        One that has more is found as soon as its client can be answered, or more comes in, behind those that are ready.
        """
        descriptor = connection.sock.fileno()
        event = selectors.EVENT_READ | selectors.EVENT_WRITE if connection.has_more else selectors.EVENT_READ
        # Before it is registered: a thread that finds what is not in here looks again and again, for as long as Python
        # lets it run, 5 ms.
        self._waiting[descriptor] = connection
        self._selector.register(descriptor, event)

    def take(self) -> Connection | None:
        """Wait until something comes in, and return on which connection; None once this was closed."""
        with self._may_look:
            while not self._ready and not self.is_closed:
                self._look(None)
            return None if self.is_closed else self._ready.popleft()

    def note_arrivals(self) -> None:
        """Note the time of what came in, as long as all threads are busy and none looks; else this does nothing."""
        if self._may_look.acquire(blocking=False):
            try:
                self._look(0)
            finally:
                self._may_look.release()

    def _look(self, timeout: float | None) -> None:
        """Find the connections that something came in on, as the only one who looks."""
        events = self._selector.select(timeout)
        now = time.monotonic()
        for key, _ in events:
            connection = self._remove(key.fd)
            if connection is not None:
                connection.sock.queued_at = now
                self._ready.append(connection)

    def _remove(self, descriptor: int) -> Connection | None:
        connection = self._waiting.pop(descriptor, None)
        if connection is not None:
            with contextlib.suppress(KeyError):  # It is just being added, while the worker ends.
                self._selector.unregister(descriptor)
        return connection

    def remove_overdue(self, now: float) -> Sequence[Connection]:
        """Remove and return those who have waited for long enough, at a time on the clock of ``time.monotonic``."""
        overdue = []
        for connection in [connection for connection in self if connection.timeout <= now]:
            if self._remove(connection.sock.fileno()) is None:
                continue
            if connection.timeout > now or has_input(connection.sock):
                self.add(connection)  # It was served meanwhile, or is about to be.
            else:
                overdue.append(connection)
        return overdue

    def close(self) -> None:
        """Tell everybody who takes that there is nothing more to come."""
        self.is_closed = True
        bell, self._bell = self._bell, -1
        if bell >= 0:
            os.close(bell)

    # What gunicorn asks of those that it keeps itself.

    def __bool__(self) -> bool:
        """Return False: gunicorn would look at the first, which may be gone by then, for when to look again."""
        return False

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def __iter__(self) -> Iterator[Connection]:
        """Go through those who wait at the moment."""
        return iter(list(self._waiting.values()))  # In one step of the interpreter, as items() would not be.
