"""The values that a write sets, including those that follow from others, such as ``completed_at`` and ``remind_at``.

The statement derives them from the row as it is when the statement runs. So a change of one field is right whatever
another request changes at the same time.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    Text,
    Time,
    all_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from taskapp.tasks.due import DUE_FIELDS, due_order
from taskapp.tasks.models import Task
from taskapp.tasks.recurrence.documents import continued
from taskapp.tasks.reminders.documents import remind_at, reminded_at

# The changes of tags, which come together.
TAG_CHANGES = ("add_tags", "remove_tags")
_TAG = Task.__table__.c.tags.type.item_type
# The fields whose columns are JSON.
DOCUMENTS = ("recurrence", "reminder")


# The fields from which the instant of the reminder follows.
REMINDER_FIELDS = frozenset({"reminder", *DUE_FIELDS})


def _parameter(name: str) -> Any:
    if name in DOCUMENTS:
        return cast(bindparam(f"new_{name}", type_=Text), JSONB)
    parameter = bindparam(f"new_{name}", type_=Task.__table__.c[name].type)
    if name != "time_zone":
        return parameter
    # Fails if PostgreSQL does not know the time zone, even where it needs the zone only when the task is read.
    return case((func.timezone(parameter, func.now()).is_not(None), parameter))


def completed_at(completed: Any, at: Any) -> ColumnElement[Any]:
    """Return when a task was completed, if ``completed`` is its new state: at the time of the change, or before."""
    return case((completed, case((Task.completed, Task.completed_at), else_=at)))


def tag_set(tags: ColumnElement[Any], removed: Any = None) -> ColumnElement[Any]:
    """Return an array of tags as a sorted set, without those in the array ``removed``, if there is one."""
    tag: Any = func.unnest(tags, type_=_TAG).column_valued("tag")
    kept = select(tag).distinct() if removed is None else select(tag).distinct().where(tag != all_(removed))
    return func.array(kept.order_by(tag).scalar_subquery())


def _merged_tags() -> ColumnElement[Any]:
    """Return the tags of a task with some added and some removed."""
    added, removed = (cast(bindparam(f"new_{name}"), ARRAY(_TAG)) for name in TAG_CHANGES)
    return tag_set(Task.tags.op("||")(added), removed)


def new_values(fields: Iterable[str], at: Any) -> dict[str, Any]:
    """Return the value of each column of a new task, by name.

    Args:
        fields: the names of the fields to set. Their parameters are ``new_`` and the name.
        at: the time of the change.
    """
    values = {name: _parameter(name) for name in sorted(fields)}
    if "completed" in values:
        values["completed_at"] = case((values["completed"], at))
    if "recurrence" in values:
        values["recurrence"] = values["recurrence"].op("-", return_type=JSONB())("resumes")
    if "due_date" in values:
        time = values.get("due_time", literal_column("NULL::time"))
        values["due_order"] = due_order(cast(values["due_date"], Date), cast(time, Time))
    if "reminder" in values:
        values["remind_at"] = remind_at(values["reminder"], *(_typed(values, name) for name in DUE_FIELDS))
    return values


def _typed(values: Mapping[str, Any], name: str) -> ColumnElement[Any]:
    return cast(values.get(name, null()), Task.__table__.c[name].type)


def as_sent(_name: str, sent: Any) -> Any:
    """Return the value that was sent."""
    return sent


def changed_values(fields: Iterable[str], at: Any, resolve: Callable[[str, Any], Any] = as_sent) -> dict[str, Any]:
    """Return the value of each column that an update sets, by name.

    Args:
        fields: the names of the fields to set, as for :func:`new_values`. ``add_tags`` and ``remove_tags`` must come
            together.
        at: the time of the change.
        resolve: returns the new value of a column, from its name and the value that was sent.
    """
    values = {name: resolve(name, _parameter(name)) for name in sorted(fields) if name not in TAG_CHANGES}
    if "completed" in values:
        values["completed_at"] = completed_at(values["completed"], at)
    if "recurrence" in values:
        values["recurrence"] = continued(Task.recurrence, values["recurrence"])
    if not values.keys().isdisjoint(DUE_FIELDS):
        # The log has all of them, so that undo compares and sets back the whole instant.
        values = {**{name: getattr(Task, name) for name in DUE_FIELDS}, **values}
        values["due_order"] = due_order(cast(values["due_date"], Date), cast(values["due_time"], Time))
    if not values.keys().isdisjoint(REMINDER_FIELDS):
        current = {name: getattr(Task, name) for name in REMINDER_FIELDS}
        of_task = {name: _typed({**current, **values}, name) for name in ("reminder", *DUE_FIELDS)}
        values["remind_at"] = remind_at(*of_task.values())
        values["reminded_at"] = reminded_at(Task.reminded_at, Task.remind_at, values["remind_at"])
    if not set(TAG_CHANGES).isdisjoint(fields):
        values["tags"] = _merged_tags()
    return values
