"""Whether something has come in, without waiting for it."""

import select
from typing import Protocol


class _HasDescriptor(Protocol):
    def fileno(self) -> int: ...


def has_input(connection: _HasDescriptor) -> bool:
    """Tell whether something can be read from a connection, be it that the other side has closed it."""
    poller = select.poll()  # select() takes no descriptor from 1024 on.
    poller.register(connection.fileno(), select.POLLIN)
    return bool(poller.poll(0))
