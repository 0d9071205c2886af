"""The operations on tasks, one function each. They are independent of HTTP."""

from collections.abc import Collection, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import psycopg2

from taskapp.db.errors import StatementTooSlow
from taskapp.db.execute import execute
from taskapp.db.idempotency import RequestKey
from taskapp.tasks import filters, queries
from taskapp.tasks.errors import InvalidChange, OperationTooSlow, TaskNotFound, UidTaken, UnknownTimeZone
from taskapp.tasks.orders import Position, position_parameters
from taskapp.tasks.pages import Page, make_page
from taskapp.tasks.representation import FIELDS, to_dict
from taskapp.tasks.rules import explain_violation
from taskapp.tasks.writes import (
    StoredTask,
    complete_changes,
    execute_write,
    new_parameters,
    only_version,
    read_task,
    sent_parameters,
    write_task,
)

STATUSES = tuple(filters.STATUSES)

# No index bounds the work of a costly read. This fraction of REQUEST_TIMEOUT does.
COSTLY_SHARE = 0.2


def list_tasks(
    user_id: str,
    *,
    status: str,
    sort: str,
    limit: int,
    after: Position | None = None,
    fields: tuple[str, ...] = FIELDS,
    count: bool = False,
    number: bool = False,
    **values: Any,
) -> Page:
    """Return a page of the user's tasks.

    Args:
        user_id: the acting user.
        status: one of :data:`STATUSES`.
        sort: one of :data:`taskapp.tasks.orders.SORTS`. Only completed tasks can be sorted by ``completed_at``.
        limit: the maximum number of tasks.
        after: the ``next`` of the previous page, or None for the first page.
        fields: the names of the fields to return, in the order of ``FIELDS`` and with the id.
        count: whether to count the tasks of the whole list.
        number: whether to return the number of the newest change.
        values: the values of filters; None for those not in use. See :data:`taskapp.tasks.filters.FILTERS`.

    Raises:
        OperationTooSlow: the list is costly, and took longer than :data:`COSTLY_SHARE` allows.
        UnknownTimeZone: the database does not know the time zone of ``overdue``.
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`. All functions of this module may raise it.
    """
    in_use = {name: value for name, value in values.items() if value is not None}
    options = {"continued": after is not None, "counted": count, "numbered": number}
    statement = queries.list_tasks(status, sort, filters.filters_in_use(in_use), fields, **options)
    parameters = {**filters.filter_parameters(in_use), "page_size": limit + 1}
    if after is not None:
        parameters |= position_parameters(sort, after)
    costly = filters.costly_names({**in_use, "status": status, "sort": sort, "count": count})
    try:
        share = COSTLY_SHARE if costly else 1.0
        rows = execute(statement, parameters, user_id=user_id, can_retry=True, share=share)
    except StatementTooSlow:
        raise OperationTooSlow(costly) from None
    except psycopg2.errors.InvalidParameterValue:
        raise UnknownTimeZone from None
    facts = list(rows[0]) if count or number else []
    as_of = facts.pop() if number else None
    total = facts.pop() if count else None
    return make_page(rows, sort, fields, limit, total=total, as_of=as_of)


def create_task(user_id: str, *, key: RequestKey | None = None, **fields: Any) -> StoredTask:
    """Create a task.

    Args:
        user_id: the acting user.
        key: the idempotency key of the request, or None.
        fields: values for ``WRITABLE_FIELDS`` and ``CREATABLE_FIELDS`` of :mod:`taskapp.tasks.representation`. Other
            fields get the defaults of their columns.

    Raises:
        UidTaken: another task of the user has this uid.
        InvalidChange: see :func:`update_task`.
        IdempotencyKeyInUse, IdempotencyKeyReused: see :func:`taskapp.db.idempotency.execute_idempotent`.
    """
    fields = {name: value for name, value in fields.items() if value is not None}
    statement = queries.create_task(frozenset(fields), keyed=key is not None)
    try:
        task = execute_write(statement, new_parameters(fields), user_id, key)
    except psycopg2.errors.UniqueViolation:
        raise UidTaken(_get_by_uid(user_id, fields["uid"]).fields) from None
    except (psycopg2.errors.CheckViolation, psycopg2.errors.InvalidParameterValue) as error:
        raise InvalidChange(explain_violation(error, fields)) from None
    assert task is not None  # noqa: S101 # An INSERT returns its row, or raises.
    return task


def _get_by_uid(user_id: str, uid: str) -> StoredTask:
    rows = execute(queries.GET_TASK_BY_UID, {"uid": uid}, user_id=user_id, can_retry=True)
    if not rows:  # It was deleted in between.
        raise TaskNotFound
    return StoredTask(to_dict(rows[0]))


def get_task(user_id: str, task_id: int) -> StoredTask:
    """Return a task.

    Raises:
        TaskNotFound: the user has no task with this id.
    """
    return read_task(user_id, task_id)


def update_task(
    user_id: str,
    task_id: int,
    *,
    unchanged: Mapping[str, Any] = MappingProxyType({}),
    versions: Collection[int] | None = None,
    merge: bool = False,
    key: RequestKey | None = None,
    **changes: Any,
) -> StoredTask:
    """Change fields of a task and return it. Other fields keep their values.

    Args:
        user_id: the acting user.
        task_id: the id of the task.
        unchanged: values of ``READ_ONLY_FIELDS`` of the same module that the task must have. Times are naive
            datetimes in UTC.
        versions: the versions that the task may have, or None for any.
        merge: whether to apply the changes to a later version than the one in ``versions``, if nobody else changed the
            same fields since; see :mod:`taskapp.tasks.changes.merge`.
        key: the idempotency key of the request, or None.
        changes: values for :data:`taskapp.tasks.representation.WRITABLE_FIELDS`, or lists of tags as ``add_tags``
            and ``remove_tags``.

    Raises:
        TaskNotFound: the user has no task with this id.
        VersionConflict: the task has none of the versions, and the changes cannot be merged.
        ReadOnlyFields: the task has other values than those in ``unchanged``.
        InvalidChange: together with the other fields of the task, the changes break a rule.
        IdempotencyKeyInUse, IdempotencyKeyReused: see :func:`taskapp.db.idempotency.execute_idempotent`.
    """
    changes = complete_changes(changes)
    base = only_version(versions) if merge else None
    statement = partial(
        queries.update_task,
        frozenset(changes),
        frozenset(unchanged),
        versioned=versions is not None,
        keyed=key is not None,
        merged=base is not None,
        completed=changes.get("completed"),
    )
    values = {**new_parameters(changes), "base": base}
    if unchanged:
        values |= sent_parameters(unchanged)
    conditions: Any = {"versions": versions, "unchanged": unchanged, "completes": changes.get("completed", False)}
    try:
        return write_task(statement, values, user_id=user_id, task_id=task_id, key=key, **conditions)
    except (psycopg2.errors.CheckViolation, psycopg2.errors.InvalidParameterValue) as error:
        raise InvalidChange(explain_violation(error, changes)) from None


def complete_task(
    user_id: str,
    task_id: int,
    *,
    completed: bool | None = None,
    versions: Collection[int] | None = None,
    merge: bool = False,
    key: RequestKey | None = None,
) -> StoredTask:
    """Set ``completed`` of a task, or toggle it if ``completed`` is None. Return the task.

    A toggle is not merged if somebody else changed ``completed``, even if they changed it back.

    Raises:
        TaskNotFound, VersionConflict, IdempotencyKeyInUse, IdempotencyKeyReused: as :func:`update_task`.
    """
    if completed is not None:
        return update_task(user_id, task_id, completed=completed, versions=versions, merge=merge, key=key)
    base = only_version(versions) if merge else None
    options = {"versioned": versions is not None, "keyed": key is not None, "merged": base is not None}
    statement = partial(queries.toggle_task, **options)
    return write_task(
        statement, {"base": base}, user_id=user_id, task_id=task_id, versions=versions, key=key, completes=True
    )


def delete_task(
    user_id: str, task_id: int, *, versions: Collection[int] | None = None, key: RequestKey | None = None
) -> StoredTask:
    """Delete a task, and return its last state.

    Raises:
        TaskNotFound, VersionConflict, IdempotencyKeyInUse, IdempotencyKeyReused: as :func:`update_task`.
    """
    statement = partial(queries.delete_task, versioned=versions is not None, keyed=key is not None)
    return write_task(statement, {}, user_id=user_id, task_id=task_id, versions=versions, key=key)
