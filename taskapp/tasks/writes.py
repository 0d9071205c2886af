"""What all writes of a task share: their parameters, idempotency keys, and why a write found no task."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from taskapp.db.execute import execute, execute_in_turn
from taskapp.db.idempotency import RequestKey, execute_idempotent
from taskapp.tasks import queries
from taskapp.tasks.changes.entries import CHANGING_FIELDS
from taskapp.tasks.errors import ReadOnlyFields, TaskNotFound, VersionConflict
from taskapp.tasks.models import PRIORITIES
from taskapp.tasks.recurrence.missing_days import NO_DAYS, read_missing_days
from taskapp.tasks.recurrence.series import new_series
from taskapp.tasks.reminders.wake import wake_for
from taskapp.tasks.representation import FIELDS, from_json, is_time, is_unchanged, to_dict
from taskapp.tasks.values import DOCUMENTS, TAG_CHANGES


class StoredTask(NamedTuple):
    """The result of an operation on a task.

    Attributes:
        fields: the fields of the task for responses, by name.
        following: the next occurrence, if the write completed one of a recurring task and created that.
        change: the number of the change that a write has logged. None after a read, or if a release without the log
            stored the result.
        replayed: whether this is the stored result of an earlier request with the same idempotency key.
    """

    fields: dict[str, Any]
    change: int | None = None
    replayed: bool = False
    following: dict[str, Any] | None = None

    @property
    def version(self) -> int:
        """The version of the task: the number of the change that made it."""
        version: int = self.fields["version"]
        return version


def column_values(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of columns from those of fields, by name."""
    values = dict(fields)
    if "priority" in fields:
        values["priority"] = PRIORITIES.index(fields["priority"])
    if "tags" in fields:
        values["tags"] = fields["tags"] or []
    if fields.get("recurrence") is not None:
        values["recurrence"] = new_series(fields["recurrence"], fields["due_date"])
    return values


def new_parameters(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a statement that sets fields, from their values by name."""
    values = {f"new_{name}": value for name, value in column_values(fields).items()}
    for name in (f"new_{each}" for each in DOCUMENTS):
        if values.get(name) is not None:
            values[name] = orjson.dumps(values[name]).decode()
    return values


def complete_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes of an update with those that they imply.

    A day that is cleared takes the time with it. Added and removed tags come together.
    """
    implied: dict[str, Any] = {}
    if changes.get("due_date", ...) is None:
        implied |= {"due_time": None, "time_zone": None}
    if not changes.keys().isdisjoint(TAG_CHANGES):
        implied |= {name: changes.get(name, []) for name in TAG_CHANGES}
    return {**changes, **implied}


def execute_write(
    statement: Any, parameters: Mapping[str, Any], user_id: str, key: RequestKey | None
) -> StoredTask | None:
    """Run a write of at most one task, and return the task; None if there was none to write.

    Raises:
        IdempotencyKeyInUse, IdempotencyKeyReused: see :func:`taskapp.db.idempotency.execute_idempotent`.
    """
    task = _execute_write(statement, parameters, user_id, key)
    if task is not None:
        wake_for((task.fields, task.following))
    return task


def _execute_write(
    statement: Any, parameters: Mapping[str, Any], user_id: str, key: RequestKey | None
) -> StoredTask | None:
    if key is None:
        rows = execute_in_turn(statement, parameters, user_id=user_id)
        return StoredTask(to_dict(rows[0]), rows[0][-1], following=_following(rows[0])) if rows else None
    outcome = execute_idempotent(statement, parameters, key, user_id=user_id)
    if outcome is None:
        return None
    result = outcome.result
    following = result.get("next") and from_json(result["next"])
    return StoredTask(from_json(result), result.get("change"), outcome.replayed, following)


def _following(row: Sequence[Any]) -> dict[str, Any] | None:
    """Return the next occurrence in a row of a write that sets ``completed``, before the number of the change."""
    return from_json(row[-2]) if len(row) == len(FIELDS) + 2 and row[-2] else None


def precisions_of(unchanged: Mapping[str, Any]) -> dict[str, str]:
    """Return with which precision each time is compared that a client sent back. JavaScript has only milliseconds.

    The names are ``precision_`` and that of the field.
    """
    return {
        f"precision_{name}": "microseconds" if time is not None and time.microsecond % 1000 else "milliseconds"
        for name, time in unchanged.items()
        if is_time(name)
    }


def sent_parameters(unchanged: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of the conditions that read-only fields have the values that a client sent."""
    values = {f"sent_{name}": value for name, value in unchanged.items()}
    return {**values, **precisions_of(unchanged)}


def only_version(versions: Collection[int] | None) -> int | None:
    """Return the version that a write requires, or None if it requires none, or one of several."""
    return next(iter(versions)) if versions is not None and len(versions) == 1 else None


def read_task(user_id: str, task_id: int) -> StoredTask:
    """Return a task.

    Raises:
        TaskNotFound: the user has no task with this id.
    """
    rows = execute(queries.GET_TASK, {"task_id": task_id}, user_id=user_id, can_retry=True)
    if not rows:
        raise TaskNotFound
    return StoredTask(to_dict(rows[0]))


def _read_since(user_id: str, task_id: int, base: int) -> tuple[dict[str, Any], Sequence[str] | None]:
    """Return a task, and the names of the fields that changed since the version ``base``; None if they are unknown."""
    parameters = {"task_id": task_id, "base": base}
    rows = execute(queries.GET_TASK_SINCE, parameters, user_id=user_id, can_retry=True)
    if not rows:
        raise TaskNotFound
    was = rows[0][-1]
    return to_dict(rows[0]), None if was is None else [name for name in CHANGING_FIELDS if name in was]


def _explain_no_row(
    user_id: str, task_id: int, versions: Collection[int] | None, unchanged: Mapping[str, Any]
) -> Exception:
    """Return why a conditional write found no task. This takes a second message."""
    base = only_version(versions)
    current, changed = (
        (read_task(user_id, task_id).fields, None) if base is None else _read_since(user_id, task_id, base)
    )
    if versions is not None and current["version"] not in versions:
        return VersionConflict(current, changed)
    differing = [name for name, sent in unchanged.items() if not is_unchanged(sent, current[name])]
    # If a condition that failed holds by now, the task has changed again in between.
    return ReadOnlyFields(differing or list(unchanged)) if unchanged else VersionConflict(current)


def _write_with_days(
    write: Callable[[Mapping[str, Any]], StoredTask | None],
    parameters: Mapping[str, Any],
    user_id: str,
    *,
    is_conditional: bool,
) -> StoredTask | None:
    """Run a write that found no task to complete again, with the days that the task may lack; None if it finds none.

    It takes a third time only if another write gets in between. The deadline of the request ends this. A condition
    fails then, so a conditional write is sent again only if days are missing, and only once.
    """
    task = None
    while task is None and (days := read_missing_days(user_id, parameters)):
        if is_conditional and days == NO_DAYS:
            break
        task = write({**parameters, "days": days})
        if is_conditional:
            break
    return task


def write_task(
    statement: Callable[..., Any],
    parameters: Mapping[str, Any],
    *,
    user_id: str,
    task_id: int,
    versions: Collection[int] | None,
    key: RequestKey | None,
    unchanged: Mapping[str, Any] = MappingProxyType({}),
    completes: bool = False,
) -> StoredTask:
    """Run a write of the task ``task_id``, and return the task.

    Args:
        statement: returns the write, of :mod:`taskapp.tasks.queries`; if it may complete the task, also ``with_days``.
        parameters: its parameters other than ``task_id`` and ``versions``.
        user_id: the acting user.
        task_id: the id of the task.
        versions: the versions that the task may have, or None for any.
        key: the idempotency key of the request, or None.
        unchanged: the values that read-only fields of the task must have.
        completes: whether the write may complete the task. If that recurs, and its stored days are used up, this takes
            two more messages, once in some 30 occurrences.

    Raises:
        TaskNotFound, VersionConflict, ReadOnlyFields: as :func:`taskapp.tasks.service.update_task`.
        IdempotencyKeyInUse, IdempotencyKeyReused: as :func:`execute_write`.
    """
    parameters = {"task_id": task_id, **parameters}
    if versions is not None:
        parameters["versions"] = list(versions)
    is_conditional = versions is not None or bool(unchanged)
    task = execute_write(statement(), parameters, user_id, key)
    if task is None and completes:
        write = partial(execute_write, statement(with_days=True), user_id=user_id, key=key)
        task = _write_with_days(write, parameters, user_id, is_conditional=is_conditional)
    if task is not None:
        return task
    if not is_conditional:
        raise TaskNotFound
    raise _explain_no_row(user_id, task_id, versions, unchanged)
