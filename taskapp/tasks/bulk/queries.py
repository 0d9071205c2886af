"""The statements that write many tasks at once. Each names the acting user in every use of a table."""

from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, bindparam, cast, literal

from taskapp.db.idempotency import NOT_YET_WRITTEN, idempotent
from taskapp.tasks.bulk import found
from taskapp.tasks.bulk.write import apply_operations
from taskapp.tasks.changes.batch import MAXIMUM_OPERATIONS, joined_by_hash
from taskapp.tasks.filters import FILTERS, STATUSES
from taskapp.tasks.models import Task

# Each takes up to 0.7 MiB. One that is not kept takes some 60 ms of processor time to build and compile again.
_VARIANTS = 64
_MOST = cast(bindparam("max_affected"), Integer)


@lru_cache
def apply_list(*, completes: bool, reopens: bool, dry_run: bool, keyed: bool) -> Any:
    """Return the statement that applies the operations in ``operations``; see :func:`apply_operations`.

    Args:
        completes: whether an operation sets ``completed`` of a task that exists to true.
        reopens: whether an operation sets it to false.
        dry_run: whether to write nothing.
        keyed: whether the request has an idempotency key. Not with ``dry_run``.
    """
    parts = {"completes": completes, "reopens": reopens}
    operations = found.listed(*(NOT_YET_WRITTEN if keyed else ()), lock=not dry_run)
    statement = apply_operations(operations, literal(MAXIMUM_OPERATIONS), **parts, dry_run=dry_run)
    return joined_by_hash(idempotent(statement) if keyed else statement)


@lru_cache(_VARIANTS)
def apply_to_matching(
    kind: str,
    status: str,
    filters: frozenset[str],
    *,
    completes: bool,
    reopens: bool,
    sets_completed: bool,
    dry_run: bool,
    keyed: bool,
) -> Any:
    """Return the statement that applies one operation to all tasks that match a filter, ``max_affected`` at the most.

    Args:
        kind: ``updated`` or ``deleted``.
        status: one of the names in :data:`taskapp.tasks.filters.STATUSES`.
        filters: the names of the :data:`taskapp.tasks.filters.FILTERS` in use.
        completes: as for :func:`apply_list`.
        reopens: as for :func:`apply_list`.
        sets_completed: whether to leave out tasks whose ``completed`` is the parameter ``completed`` already.
        dry_run: as for :func:`apply_list`.
        keyed: as for :func:`apply_list`.
    """
    conditions = [STATUSES[status], *(FILTERS[name] for name in sorted(filters)), *(NOT_YET_WRITTEN if keyed else ())]
    if sets_completed:
        conditions.append(Task.completed != bindparam("completed"))
    parts = {"completes": completes, "reopens": reopens}
    operations = found.matching(kind, *conditions, most=_MOST, lock=not dry_run)
    statement = apply_operations(operations, _MOST, **parts, dry_run=dry_run)
    return joined_by_hash(idempotent(statement) if keyed else statement)
