"""The cursors of lists as of a number or a time. They carry the number, so that all pages are of the same one.

A later page repeats ``as_of`` as it was sent, or names the number.
"""

from typing import Any

from taskapp.http.errors import InvalidInput
from taskapp.tasks.orders import Position

_OTHER = "Must be what you sent for the page that the cursor is from, or the as_of that it returned."
AsOf = int | str | None


def continue_as_of(cursor: tuple[Any, ...] | None, as_of: AsOf) -> tuple[Position | None, AsOf]:
    """Return the position in a cursor, and what the page is as of.

    Args:
        cursor: the values of the cursor, or None on the first page.
        as_of: the value of the parameter: ``now``, a number, a time as text, or None.

    Raises:
        InvalidInput: the cursor belongs to a list as of another number or time.
    """
    if cursor is None or not isinstance(cursor[-1], list):
        return cursor, as_of
    *position, carried = cursor
    if as_of not in carried:
        raise InvalidInput(details={"as_of": [_OTHER]})
    return tuple(position), carried[0]


def cursor_as_of(position: Position, as_of: AsOf, number: int | None) -> tuple[Any, ...]:
    """Return the values of a cursor, which :func:`continue_as_of` takes apart.

    Args:
        position: the position of the last task of the page.
        as_of: the value of the parameter.
        number: the number that the page is as of.
    """
    return position if as_of in (None, "now") else (*position, [number, as_of])
