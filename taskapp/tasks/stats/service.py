"""The operation that counts tasks. It is independent of HTTP."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg2

from taskapp.db.errors import StatementTooSlow
from taskapp.db.execute import execute
from taskapp.tasks.errors import OperationTooSlow, UnknownTimeZone
from taskapp.tasks.service import COSTLY_SHARE
from taskapp.tasks.stats import queries

# No time zone is further from UTC than this.
_LARGEST_OFFSET = timedelta(days=1)


def count_tasks(user_id: str, *, time_zone: str, days: tuple[date, date] | None = None) -> dict[str, Any]:
    """Count the tasks of the user.

    Args:
        user_id: the acting user.
        time_zone: the time zone on whose clock days begin and end.
        days: the first day, and the one after the last, of the counts by day; None for no counts by day.

    Returns:
        The counts by their names in the API.

    Raises:
        UnknownTimeZone: the database does not know the time zone.
        OperationTooSlow: it took longer than a costly read may take.
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`.
    """
    parameters: dict[str, Any] = {"time_zone": time_zone}
    if days:
        first, end = days
        parameters |= {"earliest": _midnight(first) - _LARGEST_OFFSET, "latest": _midnight(end) + _LARGEST_OFFSET}
    statement = queries.count_tasks(by_day=days is not None)
    try:
        (row,) = execute(statement, parameters, user_id=user_id, can_retry=True, share=COSTLY_SHARE)
    except StatementTooSlow:
        raise OperationTooSlow from None
    except psycopg2.errors.InvalidParameterValue:
        raise UnknownTimeZone from None
    values = iter(row)
    counts: dict[str, Any] = {name: next(values) for name in queries.COUNTS}
    counts["pending_by_priority"] = {word: next(values) for word in queries.COUNTS_BY_PRIORITY}
    if days:
        counts["days"] = _calendar(*days, created=next(values), completed=next(values))
    return counts


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _calendar(first: date, end: date, **counts: Mapping[str, int] | None) -> list[dict[str, Any]]:
    """Return each day from the first to before the end, with its counts. A series that has no counts at all is None."""
    days = ((first + timedelta(number)).isoformat() for number in range((end - first).days))
    return [{"date": day, **{name: (by_day or {}).get(day, 0) for name, by_day in counts.items()}} for day in days]
