"""The days of a series that follow the stored ones, for a task whose stored days are used up."""

from datetime import date

import orjson
from sqlalchemy import Date, bindparam, cast, func, not_

from taskapp.db import db
from taskapp.db.execute import execute
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.models import Task
from taskapp.tasks.recurrence.grammar import parse
from taskapp.tasks.recurrence.series import days_after

_GET_SERIES = db.select(Task.recurrence, cast(func.timezone(Task.time_zone, func.now()), Date)).where(
    Task.user_id == ACTING_USER, Task.id == bindparam("task_id"), Task.recurrence.is_not(None), not_(Task.completed)
)


def read_missing_days(user_id: str, task_id: int) -> str | None:
    """Return the days that follow the occurrence of a pending task from today on, as JSON text for ``with_days``.

    None if the task does not recur, or its days are not those of a rule. This takes a message.
    """
    rows = execute(_GET_SERIES, {"task_id": task_id}, user_id=user_id, can_retry=True)
    if not rows or "after" in rows[0][0]:
        return None
    recurrence, today = rows[0]
    rule, last = parse(recurrence["rule"]), recurrence["last"] and date.fromisoformat(recurrence["last"])
    occurrence = date.fromisoformat(recurrence["occurrence"])
    days = days_after(rule, occurrence, last, not_before=today)
    of = {name: recurrence[name] for name in ("series_id", "occurrence")}
    return orjson.dumps({**of, **days}).decode()
