"""The processor time that something takes, measured so that a busy machine does not fail a test."""

import time
from collections.abc import Callable


def processor_time(act: Callable[[], object]) -> float:
    """Return the seconds of processor time that ``act`` takes.

    It is called three times; the least counts, because other processes of a machine slow one another down.
    """

    def seconds() -> float:
        start = time.process_time()
        act()
        return time.process_time() - start

    return min(seconds() for _ in range(3))
