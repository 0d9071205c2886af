"""The next occurrence of a recurring task: what it is made of, and when it may be taken back.

A single completion and a write of many tasks share these expressions; see :mod:`.completion` and
:mod:`taskapp.tasks.bulk.occurrences`.
"""

from typing import Any

from sqlalchemy import ColumnElement, DateTime, Time, and_, cast, false, not_

from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.due import due_order
from taskapp.tasks.representation import WRITABLE_FIELDS

# What the next occurrence takes over.
_COPIED = tuple(name for name in WRITABLE_FIELDS if name not in {"completed", "due_date", "recurrence"})


def next_columns(task: Any, recurrence: Any, day: Any, at: Any) -> dict[str, Any]:
    """Return the columns of the next occurrence by name, but for its version, and those with a default.

    Args:
        task: the columns of the completed task.
        recurrence: the column of the next occurrence, from :func:`.documents.following_occurrence`.
        day: the day of the next occurrence.
        at: the time of the completion, which is that of the creation.
    """
    return {
        "user_id": ACTING_USER,
        **{name: task[name] for name in _COPIED},
        "completed": false(),
        "due_date": day,
        "due_order": due_order(day, cast(task.due_time, Time)),
        "recurrence": recurrence,
        "created_at": at,
        "updated_at": at,
    }


def completed_at_in(image: Any) -> ColumnElement[Any]:
    """Return when the task of an image was completed. The next occurrence was created at this time."""
    return cast(image.op("->>")("completed_at"), DateTime(timezone=True))


def in_series(task: Any, recurrence: Any) -> ColumnElement[bool]:
    """Return whether a task is a pending occurrence of the same series as another one.

    Args:
        task: the columns of the task.
        recurrence: the column of the other one.
    """
    return and_(not_(task.completed), task.recurrence.op("->")("series_id") == recurrence.op("->")("series_id"))


def is_made_by(creation: Any, completion: Any, task_id: Any) -> ColumnElement[bool]:
    """Return whether a change is the creation of the occurrence that follows a task, by the completion of this task.

    Args:
        creation: the columns of the change.
        completion: those of the change that may be the completion.
        task_id: the id of the completed task.
    """
    return and_(
        creation.before.is_(None),
        completion.before.is_not(None),  # An import may create both. It does not know what became of the second one.
        completion.number == creation.number - 1,
        completion.operation == creation.operation,
        completion.task_id == task_id,
    )
