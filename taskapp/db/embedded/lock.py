"""File locks that track which processes use the embedded server, so that the last one can stop it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UseLock:
    """A shared lock on a file, held by every process that uses the server.

    The kernel releases it when a process exits for any reason. Forked processes share the lock of their parent.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None

    @property
    def held(self) -> bool:
        """Whether this process, or the process that it was forked from, uses the server."""
        return self._file is not None

    def share(self) -> None:
        """Acquire the shared lock. This waits while a previous last user stops the server."""
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    @contextmanager
    def release(self) -> Iterator[bool]:
        """Release the lock at the end of the context. Its value is whether no other process uses the server.

        If so, the context holds an exclusive lock, so that no other process starts to use the server meanwhile.
        """
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
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, which is created if needed."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
