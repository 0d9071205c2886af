"""The body of a delivery. The tries of one delivery have the same bytes, because changes in the log never change."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from taskapp.http.json_provider import OPTIONS, with_microseconds
from taskapp.http.request import encode_path
from taskapp.tasks.changes.entries import Entry, entry_to_dict
from taskapp.tasks.webhooks.delivery.queries import ABOUT

_ABOUT = len(ABOUT)
_ENTRY = slice(_ABOUT, _ABOUT + len(Entry._fields))


_OPTIONS = OPTIONS & ~orjson.OPT_APPEND_NEWLINE


class Event(NamedTuple):
    """What is sent to a webhook.

    Attributes:
        due_at: the lease that was taken for the delivery.
        url: its URL.
        secrets: its secrets, the current one first.
        attempt: the number of the try, from 1 on.
        range_end: the last change that it will have received.
        since: the time of the first change in it.
        message_id: the id of the delivery, the same at each try.
        body: JSON.
    """

    due_at: datetime
    url: str
    secrets: Sequence[bytes]
    attempt: int
    range_end: int
    since: datetime
    message_id: str
    body: bytes


def make_event(user_id: str, webhook_id: int, rows: Sequence[tuple[Any, ...]], prefix: str) -> Event:
    """Return the event of the rows of :data:`~taskapp.tasks.webhooks.delivery.queries.BEGIN`.

    Args:
        user_id: the owner of the webhook.
        webhook_id: its id.
        rows: the rows, at least one.
        prefix: SCRIPT_NAME, in front of the path of a URL.
    """
    due_at, url, secret, previous, attempts, number, range_end, end_at, known = rows[0][:_ABOUT]
    secrets = [bytes(each) for each in (secret, previous) if each is not None]
    data: dict[str, Any] = {"user_id": user_id, "after": number}
    if known:
        entries = [Entry(*row[_ENTRY]) for row in rows]
        kind = "reminder.due" if rows[0][-1] else "changes"
        data["changes"] = [entry_to_dict(entry) for entry in entries]
        since, last = entries[0].at, entries[-1].at
        name = f"{entries[0].number}_{range_end}"
    else:
        kind, since, last, name = "changes.gone", end_at, end_at, f"gone_{range_end}"
        data["restart"] = f"{prefix}{encode_path(f'/api/{user_id}/tasks')}?sort=id&as_of=now"
    body = orjson.dumps({"type": kind, "timestamp": with_microseconds(last), "data": data}, option=_OPTIONS)
    return Event(due_at, url, secrets, attempts + 1, range_end, since, f"wh_{webhook_id}_{name}", body)
