"""Connections that wait for a request, and how threads find the next one among them."""

import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence

from gunicorn.workers.gthread import TConn


class WaitingConnections:
    """Connections that wait for their next request, by when they began to.

    Threads look for requests themselves: one at a time waits for whatever comes in, the others for that one. Any thread
    may call any method. No lock is held to add a connection or to remove one; whoever removes it from the dictionary,
    which is one step of the interpreter, has it for itself.
    """

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._may_look = threading.Lock()
        self._waiting: dict[int, TConn] = {}
        # Something came in on these, and nobody has taken them yet.
        self._ready: deque[TConn] = deque()
        self._is_closed = False
        self._end, self._bell = os.pipe()
        self._selector.register(self._end, selectors.EVENT_READ)

    def add(self, connection: TConn, *, has_more: bool = False) -> None:
        """Have a connection wait.

        Args:
            connection: its ``timeout`` says until when, on the clock of ``time.monotonic``.
            has_more: whether the next request has been received with the last one. Such a connection is found as soon
                as the client can be answered, behind those that are ready already.
        """
        descriptor = connection.sock.fileno()
        event = selectors.EVENT_READ | selectors.EVENT_WRITE if has_more else selectors.EVENT_READ
        self._selector.register(descriptor, event)
        self._waiting[descriptor] = connection  # From here on it can be removed; what came in until then is seen again.

    def take(self) -> TConn | None:
        """Wait until something comes in, and return on which connection; None once this was closed."""
        with self._may_look:
            while not self._ready and not self._is_closed:
                self._look(None)
            return None if self._is_closed else self._ready.popleft()

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

    def _remove(self, descriptor: int) -> TConn | None:
        connection = self._waiting.pop(descriptor, None)
        if connection is not None:
            self._selector.unregister(descriptor)
        return connection

    def remove_overdue(self, now: float) -> Sequence[TConn]:
        """Remove and return those who have waited for long enough, at a time on the clock of ``time.monotonic``."""
        overdue = []
        for descriptor, connection in list(self._waiting.items()):
            if connection.timeout > now:
                break
            if self._remove(descriptor):
                overdue.append(connection)
        return overdue

    def close(self) -> None:
        """Tell everybody who takes that there is nothing more to come."""
        self._is_closed = True
        bell, self._bell = self._bell, -1
        if bell >= 0:
            os.close(bell)

    # What gunicorn asks of those that it keeps itself.

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def __iter__(self) -> Iterator[TConn]:
        """Go through those who wait at the moment."""
        return iter(list(self._waiting.values()))

    def __getitem__(self, place: int) -> TConn:
        """Return the one at a place, the longest-waiting first."""
        return list(self._waiting.values())[place]
