"""What the statements of one request share. Outside of a request, such as in a command, statements share nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class RequestState:
    """The state of a request.

    Attributes:
        ends_at: the end of its time, on the clock of ``time.monotonic``; None before its first statement.
        read_only: whether its statements must not write.
    """

    ends_at: float | None = None
    read_only: bool = False


# The state of the current request; None outside of a request.
request_state: ContextVar[RequestState | None] = ContextVar("request_state", default=None)


@contextmanager
def request_scope() -> Iterator[None]:
    """Make all statements in this context those of one request."""
    token = request_state.set(RequestState())
    try:
        yield
    finally:
        request_state.reset(token)


def forbid_writes() -> None:
    """Send all further statements of the current request in read-only transactions. PostgreSQL then rejects writes.

    Raises:
        RuntimeError: there is no current request.
    """
    state = request_state.get()
    if state is None:
        raise RuntimeError("No request is being handled.")
    state.read_only = True
