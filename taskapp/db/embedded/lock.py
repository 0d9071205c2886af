"""File locks that track which processes use the embedded server, and whether any process of the server exists."""

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
        """Acquire the shared lock. This waits while the keeper stops a server that had no users."""
        self._file = _open(self.path)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def release(self) -> bool:
        """Release the lock, and return whether no other process holds it."""
        if self._file is None:
            return False
        last = _try_exclusive(self._file)
        os.close(self._file)
        self._file = None
        return last


class ServerLock:
    """An exclusive lock on a file that every process of the server inherits, so it is held until the last one ends.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def held(self) -> bool:
        """Whether any process of the server exists."""
        with self.try_acquire() as file:
            return file is None

    @contextmanager
    def try_acquire(self) -> Iterator[int | None]:
        """Acquire the lock in this context if it is free.

        Its value is the file descriptor for the server to inherit, which keeps the lock after the end of the context,
        or None.
        """
        with _opened(self.path) as file:
            yield file if _try_exclusive(file) else None


@contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file, which is created if needed."""
    with _opened(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def try_exclusive_lock(path: Path) -> Iterator[bool]:
    """Hold an exclusive lock on a file if it is free. The value of the context is whether it was."""
    with _opened(path) as file:
        yield _try_exclusive(file)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    file = _open(path)
    try:
        yield file
    finally:
        os.close(file)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _try_exclusive(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
