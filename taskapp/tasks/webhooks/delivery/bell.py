"""Wakes the thread that looks for webhooks: when a call ends, on a signal, and for other processes of the host."""

import contextlib
import logging
import os
import select

_logger = logging.getLogger(__name__)


class Bell:
    """Something to wait for, which other threads, signal handlers and a file descriptor can end.

    Args:
        wake_fd: a file descriptor that is readable if this process should look at once; None for none.
    """

    def __init__(self, wake_fd: int | None) -> None:
        self._reader, self._writer = os.pipe()
        self._poller = select.poll()
        self._add(self._reader)
        os.set_blocking(self._writer, False)
        if wake_fd is not None:
            try:
                self._add(wake_fd)
            except OSError as error:
                _logger.warning("Cannot use TASKAPP_WAKE_FD: %s", error.strerror)

    def _add(self, descriptor: int) -> None:
        os.set_blocking(descriptor, False)
        self._poller.register(descriptor, select.POLLIN)

    def ring(self) -> None:
        """End the wait, also one that has not begun."""
        with contextlib.suppress(BlockingIOError):  # It is full of other rings.
            os.write(self._writer, b"\0" * 8)

    def wait(self, seconds: float) -> bool:
        """Wait for a ring, and return whether another process caused it.

        Args:
            seconds: the maximum time.
        """
        ready = self._poller.poll(max(0.0, seconds) * 1000)
        for descriptor, _ in ready:
            if not self._read(descriptor):
                self._poller.unregister(descriptor)
        return any(descriptor != self._reader for descriptor, _ in ready)

    def _read(self, descriptor: int) -> bool:
        """Take the rings of a descriptor, and return whether there can be others."""
        try:
            # An eventfd has 8 bytes at a time.
            return bool(os.read(descriptor, 4096))
        except BlockingIOError:
            return True
        except OSError:
            return False
