"""The operations on tasks, one function each. They are independent of HTTP."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from taskapp.db.errors import StatementTooSlow
from taskapp.db.execute import execute
from taskapp.db.idempotency import RequestKey, execute_idempotent
from taskapp.tasks import queries
from taskapp.tasks.errors import ReadOnlyFields, SearchTooSlow, TaskNotFound, VersionConflict
from taskapp.tasks.models import from_json, is_unchanged, to_dict

STATUSES = tuple(queries.STATUSES)
SORTS = tuple(sign + name for name in sorted(queries.ORDERS) for sign in ("", "-"))

# A search reads the text of all tasks of its user, so no index bounds its work. This fraction of REQUEST_TIMEOUT does.
SEARCH_SHARE = 0.2

# A position in a list: the values of the sort columns, the id last. A list by id has the id twice.
Cursor = tuple[Any, ...]


class StoredTask(NamedTuple):
    """The result of an operation on a task.

    Attributes:
        fields: the fields of the task for responses, by name.
        replayed: whether this is the stored result of an earlier request with the same idempotency key.
    """

    fields: dict[str, Any]
    replayed: bool = False

    @property
    def version(self) -> int:
        """The version of the task, a number that every change increments."""
        version: int = self.fields["version"]
        return version


class Page(NamedTuple):
    """A page of a list.

    Attributes:
        tasks: the fields of each task.
        next: the cursor of the next page, or None if this is the last one.
    """

    tasks: Sequence[dict[str, Any]]
    next: Cursor | None


def _new_values(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {f"new_{name}": value for name, value in fields.items()}


def _execute_write(
    statement: Any, parameters: Mapping[str, Any], user_id: str, key: RequestKey | None
) -> StoredTask | None:
    if key is None:
        rows = execute(statement, parameters, user_id=user_id)
        return StoredTask(to_dict(rows[0])) if rows else None
    outcome = execute_idempotent(statement, parameters, key, user_id=user_id)
    return outcome and StoredTask(from_json(outcome.result), outcome.replayed)


def _sent_values(unchanged: Mapping[str, Any]) -> dict[str, Any]:
    values = {f"sent_{name}": value for name, value in unchanged.items()}
    for name, value in unchanged.items():
        if isinstance(value, datetime):
            values[f"precision_{name}"] = "microseconds" if value.microsecond % 1000 else "milliseconds"
    return values


def _explain_no_row(
    user_id: str, task_id: int, versions: Collection[int] | None, unchanged: Mapping[str, Any]
) -> Exception:
    """Return why a conditional write found no task. This takes a second message."""
    current = get_task(user_id, task_id).fields
    if versions is not None and current["version"] not in versions:
        return VersionConflict(current)
    changed = [name for name, sent in unchanged.items() if not is_unchanged(sent, current[name])]
    # If a condition that failed holds by now, the task has changed again in between.
    return ReadOnlyFields(changed or list(unchanged)) if unchanged else VersionConflict(current)


def _write(
    statement: Any,
    parameters: Mapping[str, Any],
    *,
    user_id: str,
    task_id: int,
    versions: Collection[int] | None,
    key: RequestKey | None,
    unchanged: Mapping[str, Any] = MappingProxyType({}),
) -> StoredTask:
    parameters = {"task_id": task_id, **parameters}
    if versions is not None:
        parameters["versions"] = list(versions)
    task = _execute_write(statement, parameters, user_id, key)
    if task is not None:
        return task
    if versions is None and not unchanged:
        raise TaskNotFound
    raise _explain_no_row(user_id, task_id, versions, unchanged)


def list_tasks(
    user_id: str, *, status: str, sort: str, limit: int, after: Cursor | None = None, **filters: Any
) -> Page:
    """Return a page of the user's tasks.

    Args:
        user_id: the acting user.
        status: one of :data:`STATUSES`.
        sort: one of :data:`SORTS`.
        limit: the maximum number of tasks.
        after: the ``next`` of the previous page, or None for the first page.
        filters: values for :data:`taskapp.tasks.queries.FILTERS`; None for those not in use.

    Raises:
        SearchTooSlow: there is a filter ``q``, and the search took longer than :data:`SEARCH_SHARE` allows.
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`. All functions of this module may raise it.
    """
    in_use = {name: value for name, value in filters.items() if value is not None}
    statement = queries.list_tasks(status, sort, frozenset(in_use), continued=after is not None)
    order = [column.key for column in queries.ORDERS[sort.removeprefix("-")]]
    if len(order) == 1:
        order *= 2  # A cursor has a value and an id, as in earlier versions. Here the value is the id.
    parameters = {**in_use, "page_size": limit + 1}
    if after is not None:
        parameters |= {f"after_{name}": value for name, value in zip(order, after, strict=True)}
    try:
        share = SEARCH_SHARE if "q" in in_use else 1.0
        rows = execute(statement, parameters, user_id=user_id, can_retry=True, share=share)
    except StatementTooSlow:
        raise SearchTooSlow from None
    tasks = [to_dict(row) for row in rows[:limit]]
    return Page(tasks, tuple(tasks[-1][name] for name in order) if len(rows) > limit else None)


def create_task(user_id: str, *, key: RequestKey | None = None, **fields: Any) -> StoredTask:
    """Create a task.

    Args:
        user_id: the acting user.
        key: the idempotency key of the request, or None.
        fields: values for :data:`taskapp.tasks.models.WRITABLE_FIELDS`; other fields get the defaults of their columns.

    Raises:
        IdempotencyKeyInUse, IdempotencyKeyReused: see :func:`taskapp.db.idempotency.execute_idempotent`.
    """
    statement = queries.create_task(frozenset(fields), keyed=key is not None)
    task = _execute_write(statement, _new_values(fields), user_id, key)
    assert task is not None  # noqa: S101 # An INSERT returns its row, or raises.
    return task


def get_task(user_id: str, task_id: int) -> StoredTask:
    """Return a task.

    Raises:
        TaskNotFound: the user has no task with this id.
    """
    rows = execute(queries.GET_TASK, {"task_id": task_id}, user_id=user_id, can_retry=True)
    if not rows:
        raise TaskNotFound
    return StoredTask(to_dict(rows[0]))


def update_task(
    user_id: str,
    task_id: int,
    *,
    unchanged: Mapping[str, Any] = MappingProxyType({}),
    versions: Collection[int] | None = None,
    key: RequestKey | None = None,
    **changes: Any,
) -> StoredTask:
    """Change fields of a task and return it. Other fields keep their values.

    Args:
        user_id: the acting user.
        task_id: the id of the task.
        unchanged: values of :data:`taskapp.tasks.models.READ_ONLY_FIELDS` that the task must have. Times are naive
            datetimes in UTC.
        versions: the versions that the task may have, or None for any.
        key: the idempotency key of the request, or None.
        changes: values for :data:`taskapp.tasks.models.WRITABLE_FIELDS`.

    Raises:
        TaskNotFound: the user has no task with this id.
        VersionConflict: the task has none of the versions.
        ReadOnlyFields: the task has other values than those in ``unchanged``.
        IdempotencyKeyInUse, IdempotencyKeyReused: see :func:`taskapp.db.idempotency.execute_idempotent`.
    """
    names = frozenset(changes), frozenset(unchanged)
    statement = queries.update_task(*names, versioned=versions is not None, keyed=key is not None)
    values = {**_new_values(changes), **_sent_values(unchanged)} if unchanged else _new_values(changes)
    conditions: Any = {"versions": versions, "unchanged": unchanged}
    return _write(statement, values, user_id=user_id, task_id=task_id, key=key, **conditions)


def complete_task(
    user_id: str,
    task_id: int,
    *,
    completed: bool | None = None,
    versions: Collection[int] | None = None,
    key: RequestKey | None = None,
) -> StoredTask:
    """Set ``completed`` of a task, or toggle it if ``completed`` is None. Return the task.

    Raises:
        TaskNotFound, VersionConflict, IdempotencyKeyInUse, IdempotencyKeyReused: as :func:`update_task`.
    """
    if completed is not None:
        return update_task(user_id, task_id, completed=completed, versions=versions, key=key)
    statement = queries.toggle_task(versioned=versions is not None, keyed=key is not None)
    return _write(statement, {}, user_id=user_id, task_id=task_id, versions=versions, key=key)


def delete_task(
    user_id: str, task_id: int, *, versions: Collection[int] | None = None, key: RequestKey | None = None
) -> StoredTask:
    """Delete a task, and return its last state.

    Raises:
        TaskNotFound, VersionConflict, IdempotencyKeyInUse, IdempotencyKeyReused: as :func:`update_task`.
    """
    statement = queries.delete_task(versioned=versions is not None, keyed=key is not None)
    return _write(statement, {}, user_id=user_id, task_id=task_id, versions=versions, key=key)
