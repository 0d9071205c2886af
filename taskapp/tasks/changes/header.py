"""The headers of responses to writes: the number of the change, and whether this is a replay."""

from typing import Protocol

from flask import Response


class Write(Protocol):
    """The result of a write.

    Attributes:
        change: the number of the first change that it logged, or None.
        replayed: whether this is the stored result of an earlier request with the same idempotency key.
    """

    @property
    def change(self) -> int | None: ...  # noqa: D102
    @property
    def replayed(self) -> bool: ...  # noqa: D102


def mark_write(response: Response, write: Write) -> Response:
    """Add ``Change`` and ``Idempotency-Replayed`` to the response to a write if they apply; return the response."""
    if write.change is not None:
        response.headers["Change"] = str(write.change)
    if write.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response
