"""The next occurrence of a recurring task: what it is made of, and when it may be taken back.

A single completion and a write of many tasks share these expressions; see :mod:`.completion` and
:mod:`taskapp.tasks.bulk.occurrences`.
"""

from typing import Any

from sqlalchemy import Boolean, ColumnElement, DateTime, Time, and_, any_, cast, false, not_
from sqlalchemy.dialects.postgresql import array

from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.due import due_order
from taskapp.tasks.reminders.documents import following_reminder, remind_at
from taskapp.tasks.representation import WRITABLE_FIELDS

# What the next occurrence takes over.
_COPIED = tuple(name for name in WRITABLE_FIELDS if name not in {"completed", "due_date", "recurrence", "reminder"})


def next_columns(task: Any, recurrence: Any, day: Any, at: Any) -> dict[str, Any]:
    """Return the columns of the next occurrence by name, but for its version, and those with a default.

    Args:
        task: the columns of the completed task.
        recurrence: the column of the next occurrence, from :func:`.documents.following_occurrence`.
        day: the day of the next occurrence.
        at: the time of the completion, which is that of the creation.
    """
    time = cast(task.due_time, Time)
    reminder = following_reminder(task, day)
    return {
        "user_id": ACTING_USER,
        **{name: task[name] for name in _COPIED},
        "completed": false(),
        "due_date": day,
        "due_order": due_order(day, time),
        "recurrence": recurrence,
        "reminder": reminder,
        "remind_at": remind_at(reminder, day, time, task.time_zone),
        "created_at": at,
        "updated_at": at,
    }


def completed_at_in(image: Any) -> ColumnElement[Any]:
    """Return when the task of an image was completed. The next occurrence was created at this time."""
    return cast(image.op("->>")("completed_at"), DateTime(timezone=True))


def in_series(task: Any, recurrence: Any) -> ColumnElement[bool]:
    """Return whether a task is a pending occurrence of the series of another one.

    Args:
        task: the columns of the task.
        recurrence: the column of the other one, before the write that reopens it. So if this write ends its series, or
            begins another one, the next occurrence is taken back all the same. If an earlier write did, the next
            occurrence is all that the series has left, and stays.
    """
    return and_(not_(task.completed), task.recurrence.op("->")("series_id") == recurrence.op("->")("series_id"))


def is_made_by(version: Any, creation: Any, completion: Any, task_id: Any) -> ColumnElement[bool]:
    """Return whether a task is still as the completion of another one created it, or as undo made both so again.

    The completion has the number before the version of the task. If undo takes back a reopening, it has the one after.

    Args:
        version: the version of the task.
        creation: the columns of the change with this number.
        completion: those of the change that may be the completion.
        task_id: the id of the completed task.
    """
    return and_(
        creation.before.is_(None),
        completion.number == any_(array([version - 1, version + 1])),
        completion.operation == creation.operation,
        completion.task_id == task_id,
        # One write may also restore an occurrence that was changed, and change the completed one.
        not_(_is_completed(completion.before)),
        _is_completed(completion.after),
    )


def _is_completed(image: Any) -> ColumnElement[bool]:
    return cast(image.op("->>")("completed"), Boolean)
