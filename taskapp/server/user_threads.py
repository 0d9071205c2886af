"""Divides the threads of a worker among users: a bulkhead around each user.

A user has at most a quarter of the threads, and one costly request at a time. Further requests of the user wait without
a thread until one of these is finished, so a burst of quick requests is only delayed. A request that waits for too long
is rejected.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from taskapp.http.concurrency import TooManyConcurrentRequests


class Claim(NamedTuple):
    """A request for a thread.

    Attributes:
        user_id: the user.
        costly: whether the user may have only one such request at a time.
    """

    user_id: str
    costly: bool


class Postponed(SystemExit):
    """The request has to wait, so its thread ends its work on it. Passes through the application to the worker.

    A ``SystemExit`` with code 0, because tools that monitor the application do not report it as an error.
    """

    def __init__(self, claim: Claim) -> None:
        super().__init__(0)
        self.claim = claim


class _User:
    """The requests of a user: how many are in threads, and how many of those are costly; and those that wait."""

    __slots__ = ("costly", "running", "waiting")

    def __init__(self) -> None:
        self.running = self.costly = 0
        # Since when, which connection, with which claim.
        self.waiting: deque[tuple[float, Any, Claim]] = deque()

    def start(self, conn: Any, claim: Claim, threads: int) -> bool:
        """Let a request have a thread if the user may have another one."""
        if self.running >= threads or (claim.costly and self.costly):
            return False
        self.running += 1
        self.costly += claim.costly
        conn.claim = claim
        return True

    def end(self, claim: Claim) -> None:
        self.running -= 1
        self.costly -= claim.costly


class UserThreads:
    """The threads and the waiting requests of each user who has any.

    Args:
        threads: the number of threads of the worker.
        patience: the seconds for which a request may wait.
        resume: called with the connection of a request that goes on, in a thread of its own.
    """

    def __init__(self, threads: int, patience: float, resume: Callable[[Any], None]) -> None:
        self._threads = max(1, threads // 4)
        self._patience = patience
        self._resume = resume
        self._users: dict[str, _User] = {}
        self._lock = threading.Lock()

    def claim(self, conn: Any, user_id: str, *, costly: bool) -> None:
        """Claim the current thread for a request.

        Args:
            conn: the connection of the request.
            user_id: the user.
            costly: whether the user may have only one such request at a time.

        Raises:
            Postponed: the request has to wait. Call :meth:`wait` once it has left its thread.
            TooManyConcurrentRequests: the request has waited for too long.
        """
        if conn.claim is not None:  # It waited, and got the thread of another request.
            return
        claim = Claim(user_id, costly)
        with self._lock:
            user = self._users.setdefault(user_id, _User())
            if user.start(conn, claim, self._threads):
                return
            if conn.gave_up:
                raise TooManyConcurrentRequests
        raise Postponed(claim)

    def wait(self, conn: Any, claim: Claim) -> None:
        """Let a postponed request wait, or go on if the user may have a thread by now."""
        with self._lock:
            user = self._users.setdefault(claim.user_id, _User())
            if not user.start(conn, claim, self._threads):
                user.waiting.append((time.monotonic(), conn, claim))
                return
        self._resume(conn)

    def release(self, conn: Any) -> None:
        """End the claim of a request, if it has one, and let the next request of the user go on."""
        claim, conn.claim = conn.claim, None
        if claim is None:
            return
        with self._lock:
            user = self._users[claim.user_id]
            user.end(claim)
            following = next((each for each in user.waiting if user.start(*each[1:], self._threads)), None)
            if following is not None:
                user.waiting.remove(following)
            elif not (user.running or user.waiting):
                del self._users[claim.user_id]
        if following is not None:
            self._resume(following[1])

    def reject_impatient(self) -> None:
        """Make the requests that have waited for too long go on to their rejection."""
        latest = time.monotonic() - self._patience
        impatient = []
        with self._lock:
            for user in self._users.values():
                while user.waiting and user.waiting[0][0] < latest:
                    impatient.append(user.waiting.popleft()[1])
        for conn in impatient:
            conn.gave_up = True
            self._resume(conn)
