"""The operations on all data of one user that do not change it. Each statement acts as this user."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from taskapp.db.errors import StatementTooSlow
from taskapp.db.execute import execute
from taskapp.tasks.errors import OperationTooSlow
from taskapp.tasks.list_schema import MAXIMUM_LIMIT
from taskapp.tasks.service import list_tasks
from taskapp.tasks.users import queries
from taskapp.tasks.users.tables import USER_TABLES

# The fraction of REQUEST_TIMEOUT, as for an erasure.
_SHARE = 0.8


class Facts(NamedTuple):
    """What a table has of a user: the number of rows, their size in bytes, and the times of the first and the last."""

    number: int
    size: int
    oldest: datetime | None
    newest: datetime | None


class Summary(NamedTuple):
    """What the database has of a user.

    Attributes:
        tables: the facts of each of ``USER_TABLES``.
        completed: the number of completed tasks.
        deleted: the number of deleted tasks that can be restored.
    """

    tables: Mapping[str, Facts]
    completed: int
    deleted: int


def summarize_user(user_id: str) -> Summary:
    """Count what the database has of a user, in one message.

    Raises:
        OperationTooSlow: it took too long.
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`.
    """
    try:
        ((*facts, completed, deleted),) = execute(
            queries.count_all(), {}, user_id=user_id, can_retry=True, share=_SHARE
        )
    except StatementTooSlow:
        raise OperationTooSlow from None
    size = len(Facts._fields)
    tables = {name: Facts(*facts[place * size : (place + 1) * size]) for place, name in enumerate(USER_TABLES)}
    return Summary(tables, completed, deleted)


def export_tasks(user_id: str) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Return the pages of all tasks of a user, by id. A task that exists all the time is there once.

    Raises:
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`.
    """
    after = None
    while True:
        page = list_tasks(user_id, status="all", sort="id", limit=MAXIMUM_LIMIT, after=after)
        yield page.tasks
        if page.next is None:
            return
        after = page.next


def export_rows(user_id: str) -> Iterator[list[tuple[str, str]]]:
    """Return pages of all rows of a user in all tables: the table of each, and the row as JSON text.

    Raises:
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`.
    """
    for name, table in USER_TABLES.items():
        parameters: dict[str, Any] = {"page_size": table.page_size}
        while True:
            statement = queries.read_rows(name, continued="after" in parameters)
            rows = execute(statement, parameters, user_id=user_id, can_retry=True)
            yield [(table.model.__tablename__, row) for _, row in rows]
            if len(rows) < table.page_size:
                break
            parameters["after"] = rows[-1][0]
