"""What users can do with their tasks: one function for each operation, and nothing of HTTP."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from taskapp.db.execute import execute
from taskapp.db.idempotency import RequestKey, execute_idempotent
from taskapp.tasks import queries
from taskapp.tasks.errors import TaskNotFound, VersionConflict
from taskapp.tasks.models import from_json, to_dict

STATUSES = tuple(queries.STATUSES)
SORTS = tuple(sign + name for name in sorted(queries.ORDERS) for sign in ("", "-"))

# A place in a list: the values of the columns that it is ordered by, the id last.
Cursor = tuple[Any, ...]


class StoredTask(NamedTuple):
    """A task as an operation left it.

    Attributes:
        fields: what clients see of it, by name. Times are in UTC, and have no zone.
        version: the number of its version.
        replayed: whether it was written before, by a request with the same idempotency key.
    """

    fields: dict[str, Any]
    version: int
    replayed: bool = False


class Page(NamedTuple):
    """A part of a list.

    Attributes:
        tasks: the fields of each task.
        next: the cursor of the page that follows, or None if none follows.
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
        return StoredTask(to_dict(rows[0]), rows[0][-1]) if rows else None
    outcome = execute_idempotent(statement, parameters, key, user_id=user_id)
    return outcome and StoredTask(from_json(outcome.result), outcome.result["version"], outcome.replayed)


def _write(
    statement: Any,
    parameters: Mapping[str, Any],
    *,
    user_id: str,
    task_id: int,
    versions: Collection[int] | None,
    key: RequestKey | None,
) -> StoredTask:
    parameters = {"task_id": task_id, **parameters}
    if versions is not None:
        parameters["versions"] = list(versions)
    task = _execute_write(statement, parameters, user_id, key)
    if task is not None:
        return task
    if versions is None:
        raise TaskNotFound
    current = get_task(user_id, task_id)
    raise VersionConflict(current.fields, current.version)


def list_tasks(
    user_id: str, *, status: str, sort: str, limit: int, after: Cursor | None = None, **filters: Any
) -> Page:
    """Return some of the user's tasks.

    Args:
        user_id: whose.
        status: one of :data:`STATUSES`.
        sort: one of :data:`SORTS`.
        limit: the most to return.
        after: the ``next`` of the page before, or None for the first page.
        filters: values of :data:`taskapp.tasks.queries.FILTERS`; None for those not in use.
    """
    in_use = {name: value for name, value in filters.items() if value is not None}
    statement = queries.list_tasks(status, sort, frozenset(in_use), continued=after is not None)
    order = [column.key for column in queries.ORDERS[sort.removeprefix("-")]]
    parameters = {**in_use, "page_size": limit + 1}
    if after is not None:
        parameters |= {f"after_{name}": value for name, value in zip(order, after, strict=True)}
    rows = execute(statement, parameters, user_id=user_id, can_retry=True)
    tasks = [to_dict(row) for row in rows[:limit]]
    return Page(tasks, tuple(tasks[-1][name] for name in order) if len(rows) > limit else None)


def create_task(user_id: str, *, key: RequestKey | None = None, **fields: Any) -> StoredTask:
    """Store a new task.

    Args:
        user_id: whose.
        key: an idempotency key, or None.
        fields: some of :data:`taskapp.tasks.models.WRITABLE_FIELDS`; the others have the defaults of their columns.

    Raises:
        IdempotencyKeyInUse, IdempotencyKeyReused: see :func:`taskapp.db.idempotency.execute_idempotent`.
    """
    statement = queries.create_task(frozenset(fields), keyed=key is not None)
    task = _execute_write(statement, _new_values(fields), user_id, key)
    assert task is not None  # noqa: S101 # An INSERT returns its row, or raises.
    return task


def get_task(user_id: str, task_id: int) -> StoredTask:
    """Return one task.

    Raises:
        TaskNotFound: this user has none of this id.
    """
    rows = execute(queries.GET_TASK, {"task_id": task_id}, user_id=user_id, can_retry=True)
    if not rows:
        raise TaskNotFound
    return StoredTask(to_dict(rows[0]), rows[0][-1])


def update_task(
    user_id: str,
    task_id: int,
    *,
    versions: Collection[int] | None = None,
    key: RequestKey | None = None,
    **changes: Any,
) -> StoredTask:
    """Change some fields of a task; the others keep their values.

    Args:
        user_id: whose.
        task_id: which.
        versions: the versions that the write is for, or None for any.
        key: an idempotency key, or None.
        changes: some of :data:`taskapp.tasks.models.WRITABLE_FIELDS`.

    Raises:
        TaskNotFound: this user has none of this id.
        VersionConflict: it has none of the versions.
        IdempotencyKeyInUse, IdempotencyKeyReused: see :func:`taskapp.db.idempotency.execute_idempotent`.
    """
    statement = queries.update_task(frozenset(changes), versioned=versions is not None, keyed=key is not None)
    values = _new_values(changes)
    return _write(statement, values, user_id=user_id, task_id=task_id, versions=versions, key=key)


def complete_task(
    user_id: str,
    task_id: int,
    *,
    completed: bool | None = None,
    versions: Collection[int] | None = None,
    key: RequestKey | None = None,
) -> StoredTask:
    """Complete a task or reopen it; if ``completed`` is None, toggle it.

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
    """Delete one task, and return it as it was.

    Raises:
        TaskNotFound, VersionConflict, IdempotencyKeyInUse, IdempotencyKeyReused: as :func:`update_task`.
    """
    statement = queries.delete_task(versioned=versions is not None, keyed=key is not None)
    return _write(statement, {}, user_id=user_id, task_id=task_id, versions=versions, key=key)
