"""The days of a series that follow the stored ones, for tasks whose stored days are used up."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import orjson
from sqlalchemy import Text, bindparam, cast, not_
from sqlalchemy.dialects.postgresql import JSONB

from taskapp.db import db
from taskapp.db.execute import execute
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.log import last_change
from taskapp.tasks.models import Task
from taskapp.tasks.recurrence.documents import continued, is_known, today_in
from taskapp.tasks.recurrence.grammar import parse
from taskapp.tasks.recurrence.series import days_after


def _get_series(*, sent: bool) -> Any:
    """Return the statement that reads the series of the pending task ``task_id``, and the day on its clock.

    Args:
        sent: whether the write sets the recurrence and the time zone, too, as parameters ``new_recurrence`` and
            ``new_time_zone``.
    """
    series: Any = Task.recurrence
    time_zone: Any = Task.time_zone
    if sent:
        series = continued(series, cast(bindparam("new_recurrence", type_=Text), JSONB))
        time_zone = cast(bindparam("new_time_zone"), Text)
    # The time of the write, which is not before the newest change.
    now = last_change().c.now
    found = db.select(series.label("series"), time_zone.label("time_zone"), now)
    found = found.where(Task.user_id == ACTING_USER, Task.id == bindparam("task_id"), not_(Task.completed))
    row = found.offset(0).subquery().c
    today = today_in(row.time_zone, row.now)
    return db.select(row.series, today).where(row.series.is_not(None), not_(is_known(row.series, today)))


_GET_SERIES = {sent: _get_series(sent=sent) for sent in (False, True)}


def read_missing_days(user_id: str, parameters: Mapping[str, Any]) -> str | None:
    """Return the days that follow the occurrence of a pending task from today on, as JSON text for ``with_days``.

    None if the task has enough of them, or does not recur. This takes a message.

    Args:
        user_id: the acting user.
        parameters: those of the write: ``task_id``, and ``new_recurrence`` and ``new_time_zone`` if it sets them.
    """
    sent = parameters.get("new_recurrence") is not None
    rows = execute(_GET_SERIES[sent], parameters, user_id=user_id, can_retry=True)
    if not rows:
        return None
    return orjson.dumps(_days(*rows[0])).decode()


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
