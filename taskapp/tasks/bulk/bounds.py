"""The bound on the work of rules in one request.

The days of a rule take up to some 75 ms to find, such as those of a rule that happens once in 28 years, a thousand
times. A request may have a thousand of these. Nothing but the work itself tells how long they take.
"""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from taskapp.tasks.errors import InvalidChange

# Processor time of the thread in seconds. A usual rule takes less than a millisecond.
LIMIT = 2.0
TOO_COSTLY = "The rules up to here take too long for one request. Send them in several."

_Item = TypeVar("_Item")


def bounded(items: Iterable[tuple[str, _Item]]) -> Iterator[_Item]:
    """Yield items as long as what the caller does with them takes less than :data:`LIMIT`.

    Args:
        items: each with the place in the request that stands for it.

    Raises:
        InvalidChange: it took longer before one of the items.
    """
    end = time.thread_time() + LIMIT
    for place, item in items:
        if time.thread_time() > end:
            raise InvalidChange({place: TOO_COSTLY})
        yield item
