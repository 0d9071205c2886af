"""The days of a series that follow the stored ones, for tasks whose stored days are used up."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

import orjson
from sqlalchemy import Text, and_, bindparam, case, cast, not_
from sqlalchemy.dialects.postgresql import JSONB

from taskapp.db import db
from taskapp.db.execute import execute
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.log import last_change
from taskapp.tasks.changes.merge import merged_value
from taskapp.tasks.models import Task
from taskapp.tasks.recurrence.documents import continued, is_known, today_in
from taskapp.tasks.recurrence.grammar import parse
from taskapp.tasks.recurrence.series import days_after
from taskapp.tasks.values import as_sent

NO_DAYS = "null"


def _get_series(resolve: Callable[[str, Any], Any], *sent: str) -> Any:
    """Return the statement that reads the series of the task ``task_id``, if its days are missing, and today's day.

    Args:
        resolve: as for :func:`taskapp.tasks.values.changed_values`.
        sent: which of the recurrence and the time zone the write sets. Their parameters are ``new_`` and the name.
    """
    series: Any = Task.recurrence
    time_zone: Any = Task.time_zone
    if "recurrence" in sent:
        series = continued(series, resolve("recurrence", cast(bindparam("new_recurrence", type_=Text), JSONB)))
    if "time_zone" in sent:
        time_zone = resolve("time_zone", cast(bindparam("new_time_zone"), Text))
    # The time of the write, which is not before the newest change.
    now = last_change().c.now
    found = db.select(series.label("series"), time_zone.label("time_zone"), now)
    found = found.add_columns(Task.completed).where(Task.user_id == ACTING_USER, Task.id == bindparam("task_id"))
    row = found.offset(0).subquery().c
    today = today_in(row.time_zone, row.now)
    return db.select(case((and_(not_(row.completed), not_(is_known(row.series, today))), row.series)), today)


_SENT: tuple[tuple[str, ...], ...] = ((), ("time_zone",), ("recurrence", "time_zone"))
_GET_SERIES = {
    (merged, sent): _get_series(merged_value if merged else as_sent, *sent)
    for merged in (False, True)
    for sent in _SENT
}


def read_missing_days(user_id: str, parameters: Mapping[str, Any]) -> str | None:
    """Return the days that follow the occurrence of a pending task from today on, as JSON text for ``with_days``.

    None if there is no such task, and :data:`NO_DAYS` if it needs none. Then it has enough of them, is completed, or
    does not recur, perhaps only since another write. This takes a message.

    Args:
        user_id: the acting user.
        parameters: those of the write: ``task_id``, and ``new_recurrence`` and ``new_time_zone`` if it sets them; and
            ``base`` if it may be merged.
    """
    sent = tuple(name for name in ("recurrence", "time_zone") if parameters.get(f"new_{name}") is not None)
    merged = parameters.get("base") is not None
    rows = execute(_GET_SERIES[merged, sent], parameters, user_id=user_id, can_retry=True)
    if not rows:
        return None
    series, today = rows[0]
    return NO_DAYS if series is None else orjson.dumps(_days(series, today)).decode()


def missing_days(tasks: Iterable[tuple[int, Mapping[str, Any], str]]) -> dict[str, dict[str, Any]]:
    """Return the days that follow the occurrences of tasks, as ``with_days`` needs them, by their ids.

    Args:
        tasks: the id of each task, its column ``recurrence``, and the first day to return.
    """
    return {str(task_id): _days(recurrence, date.fromisoformat(today)) for task_id, recurrence, today in tasks}


def _days(recurrence: Mapping[str, Any], today: date) -> dict[str, Any]:
    rule, last = parse(recurrence["rule"]), recurrence["last"] and date.fromisoformat(recurrence["last"])
    days = days_after(rule, date.fromisoformat(recurrence["occurrence"]), last, not_before=today)
    return {"series_id": recurrence["series_id"], "occurrence": recurrence["occurrence"], **days}
