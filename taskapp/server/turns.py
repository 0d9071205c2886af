"""Threads that take turns: as many requests may wait as there are threads, but few of them compute.

Python runs one thread at a time. Those that want to run as well wake each other for nothing, and drive each other's
data out of the processor's caches, which costs more than it gains. A thread that waits for something far away costs
nothing.
"""

import math
import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

Task = TypeVar("Task")
Task_co = TypeVar("Task_co", covariant=True)

# How many tasks are under way at once, those not counted that gave their turn away.
TURNS = 4
# Seconds from which on something is far: waiting for it in four turns would leave a processor without work.
_FAR = 0.004
# Seconds to keep a turn while waiting for what is near.
_PATIENCE = 0.02
# Seconds that the shortest wait grows by with each, so that it is that of some hundred.
_FORGOTTEN = 1e-5


class _Thread(threading.local):
    """What a thread has: a way to give its turn away, as long as it has one."""

    give_away: Callable[[], None] | None = None


_thread = _Thread()


def give_turn_away() -> None:
    """Before a wait that may be long: let another thread begin a task. The rest of this one's is done beside it.

    A thread that has no turn, or gave it away already, may call this too.
    """
    give_away, _thread.give_away = _thread.give_away, None
    if give_away is not None:
        give_away()


class Patience:
    """How long a thread keeps its turn while it waits for something that is near or far.

    What is near answers soon, and where it does not, then because the processors are busy: to compute more beside it
    would make that worse. What is far never answers soon. Which of the two it is, the shortest wait of late tells.
    """

    def __init__(self) -> None:
        self._shortest = math.inf

    @property
    def seconds(self) -> float:
        """How long to keep the turn."""
        return _PATIENCE if self._shortest < _FAR else 0.0

    def learn(self, waited: float) -> None:
        """Take note of how many seconds a wait took."""
        self._shortest = min(waited, self._shortest + _FORGOTTEN)


class Source(Protocol[Task_co]):
    """Where tasks come from."""

    def take(self) -> Task_co | None:
        """Wait for the next task; None is the end."""

    def close(self) -> None:
        """End it, for all who wait too; a signal handler may call this, and any number of times."""


class Threads(Generic[Task]):
    """Threads that take their tasks themselves; what gunicorn needs of an executor.

    Args:
        threads: how many.
        source: where they take tasks from.
        do: does one. It must not raise, which would end its thread.
    """

    def __init__(self, threads: int, source: Source[Task], do: Callable[[Task], None]) -> None:
        self._source = source
        self._do = do
        self._turns = threading.Semaphore(TURNS)
        self._threads = [threading.Thread(target=self._work) for _ in range(threads)]

    def start(self) -> None:
        """Start the threads. From then on the process goes on until :meth:`shutdown`."""
        for thread in self._threads:
            thread.start()

    def shutdown(self, *, wait: bool) -> None:
        """Have the threads end with what they are at, and wait for that or not."""
        self._source.close()
        if wait:
            for thread in self._threads:
                thread.join()

    def _work(self) -> None:
        while True:
            self._turns.acquire()
            _thread.give_away = self._turns.release
            while _thread.give_away is not None:
                task = self._source.take()
                if task is None:
                    give_turn_away()
                    return
                self._do(task)
