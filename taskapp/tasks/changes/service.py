"""The operations on the log of changes. They are independent of HTTP."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from taskapp.db.errors import StatementTooSlow
from taskapp.db.execute import execute
from taskapp.tasks.changes import as_of as as_of_queries
from taskapp.tasks.changes import queries
from taskapp.tasks.changes.entries import MARKER, Entry, entry_to_dict
from taskapp.tasks.errors import ChangesGone, FutureTime, OperationTooSlow
from taskapp.tasks.orders import Position, position_parameters
from taskapp.tasks.pages import Page, make_page
from taskapp.tasks.representation import FIELDS, to_dict
from taskapp.tasks.service import COSTLY_SHARE

_ENTRY = len(Entry._fields)


class Feed(NamedTuple):
    """A page of the feed.

    Attributes:
        changes: the entries, each with its task as it is now, or None if the task is gone.
        after: the number of the last change on this page and the pages before.
        more: whether more changes follow.
    """

    changes: Sequence[dict[str, Any]]
    after: int
    more: bool


def list_changes(user_id: str, *, after: int, limit: int) -> Feed:
    """Return the changes of the user's tasks that follow a number, in the order in which they were made.

    Args:
        user_id: the acting user.
        after: the number.
        limit: the maximum number of changes.

    Raises:
        ChangesGone: not every change after the number is known.
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`.
    """
    # Change ``after`` itself comes first, and one more than the limit last.
    parameters = {"after": after, "page_size": limit + 2}
    rows = execute(queries.LIST_CHANGES, parameters, user_id=user_id, can_retry=True)
    entries = [Entry(*row[:_ENTRY]) for row in rows]
    first = entries[0].number if entries else 0
    known = int(first == after)
    if first not in (after, after + 1) or any(entry.task_id == MARKER for entry in entries[known:]):
        raise ChangesGone
    page = slice(known, known + limit)
    changes = [
        {**entry_to_dict(entry), "task": None if row[_ENTRY] is None else to_dict(row[_ENTRY:])}
        for entry, row in zip(entries[page], rows[page], strict=True)
    ]
    return Feed(changes, changes[-1]["number"] if changes else after, len(rows) > known + limit)


def list_tasks_as_of(
    user_id: str,
    as_of: int | str,
    *,
    status: str,
    sort: str,
    limit: int,
    after: Position | None = None,
    fields: tuple[str, ...] = FIELDS,
    count: bool = False,
) -> Page:
    """Return a page of the user's tasks as they were after a change, or at a time.

    Args:
        user_id: the acting user.
        as_of: the number of the change; or the time, as text that PostgreSQL can parse. Changes at this very time are
            included.
        status: as for :func:`taskapp.tasks.service.list_tasks`.
        sort: ``id`` or ``-id``.
        limit: as for the same function, like the following ones.
        after: as above.
        fields: as above.
        count: as above.

    Raises:
        ChangesGone: not every change since then is known.
        FutureTime: the time is in the future.
        OperationTooSlow: it took longer than a costly read may take.
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`.
    """
    options = {"timed": isinstance(as_of, str), "continued": after is not None, "counted": count}
    statement = as_of_queries.list_tasks_as_of(status, sort, fields, **options)
    parameters = {"as_of": as_of, "page_size": limit + 1}
    if after is not None:
        parameters |= position_parameters(sort, after)
    try:
        rows = execute(statement, parameters, user_id=user_id, can_retry=True, share=COSTLY_SHARE)
    except StatementTooSlow:
        raise OperationTooSlow(["as_of"]) from None
    *facts, number, first, hidden, future = rows[0]
    if future:
        raise FutureTime
    if hidden or (first or 0) not in (number, number + 1):
        raise ChangesGone
    return make_page(rows, sort, fields, limit, total=facts[-1] if count else None, as_of=number)
