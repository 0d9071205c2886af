"""The tables with data of users. What erases, exports or counts all data of a user covers every one of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from taskapp.db.idempotency import IdempotencyKey
from taskapp.tasks.calendars.models import Calendar
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task
from taskapp.tasks.webhooks.models import Webhook


class UserTable(NamedTuple):
    """A table with a column ``user_id``.

    Attributes:
        model: its model. The primary key is the user id and ``key``.
        noun: what its rows are called.
        key: the column that identifies a row of a user.
        time: the column that says when a row was made.
        description: what an erasure counts, in the OpenAPI document.
        example: an example of that number.
        page_size: the number of rows to read at a time.
        hidden: the columns that are not exported, such as hashes.
    """

    model: Any
    noun: str
    key: str
    time: str
    description: str
    example: int
    page_size: int = 1000
    hidden: tuple[str, ...] = ()


# The eraser may delete from each one; see its migration. The names are those in the response to an erasure.
USER_TABLES: Mapping[str, UserTable] = MappingProxyType(
    {
        "tasks": UserTable(Task, "tasks", "id", "created_at", "Tasks.", 3),
        "changes": UserTable(
            Change, "changes", "number", "at", "Changes in the log. Also counts the marker of an earlier erasure.", 40
        ),
        # A result may hold 1,000 tasks.
        "keys": UserTable(
            IdempotencyKey,
            "idempotency keys",
            "key",
            "created_at",
            "Idempotency keys with their stored results.",
            1,
            page_size=10,
            hidden=("fingerprint",),
        ),
        "calendars": UserTable(
            Calendar,
            "calendars",
            "id",
            "created_at",
            "Calendars. Their URLs are a 404 from now on.",
            1,
            hidden=("secret_hash",),
        ),
        "webhooks": UserTable(
            Webhook,
            "webhooks",
            "id",
            "created_at",
            "Webhooks. Nothing is sent to their URLs from now on.",
            1,
            hidden=("secret", "previous_secret"),
        ),
    }
)


def describe_numbers(numbers: Mapping[str, int]) -> str:
    """Return numbers of rows in words.

    Args:
        numbers: the number of rows of each of :data:`USER_TABLES`.
    """
    *first, last = (f"{numbers[name]} {table.noun}" for name, table in USER_TABLES.items())
    return f"{', '.join(first)} and {last}"
