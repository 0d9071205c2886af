"""Who uses the embedded server, so that the last can stop it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UseLock:
    """A lock on a file that every process that uses the server shares.

    The kernel gives it back when a process ends, however it ends. Processes that are forked share the lock of their
    parent.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process, or the one it was forked from, uses the server."""
        return self._file is not None

    def share(self) -> None:
        """Begin to use the server; waits while the last user of before stops it."""
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    @contextmanager
    def give_up(self) -> Iterator[bool]:
        """Use the server no longer. Within the context: whether nobody uses it now, which holds until its end."""
        if self._file is None:
            yield False
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            last = True
        except BlockingIOError:
            last = False
        try:
            yield last
        finally:
            os.close(self._file)
            self._file = None


@contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Hold a lock on a file that no other process holds."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
