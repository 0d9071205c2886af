"""The statements on tasks. Each has the acting user in its WHERE or VALUES, one of two layers of tenant isolation.

Building a statement takes longer than running it, so each one is built once and cached. The names of parameters differ
from those of columns, which SQLAlchemy reserves for SET and VALUES.
"""

from functools import lru_cache, partial
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, bindparam, case, func, not_

from taskapp.db import db
from taskapp.db.idempotency import NOT_YET_WRITTEN, idempotent
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.log import changed_task, deleted_task, new_task, newest_number
from taskapp.tasks.changes.merge import in_base, is_disjoint, merged_value
from taskapp.tasks.changes.since import IS_KNOWN, WAS
from taskapp.tasks.filters import FILTERS, STATUSES
from taskapp.tasks.models import Task
from taskapp.tasks.orders import columns_of, extra_columns, follows, is_listed, sorted_by
from taskapp.tasks.pages import with_facts
from taskapp.tasks.recurrence.completion import completing_task
from taskapp.tasks.representation import EXPRESSIONS, SELECTED, is_time
from taskapp.tasks.values import as_sent, changed_values, completed_at, new_values

_owned = Task.user_id == ACTING_USER
_by_id = (_owned, Task.id == bindparam("task_id"))

# The size of each cache below. Clients use fewer statements. A fuzzer may cause evictions, but no growth.
_VARIANTS = 1024

GET_TASK = db.select(*SELECTED).where(*_by_id)
# With ``was``: the columns that changed since the version ``base``, with their values in it; null if that is unknown.
GET_TASK_SINCE = GET_TASK.add_columns(case((IS_KNOWN, WAS)).label("was"))
GET_TASK_BY_UID = db.select(*SELECTED).where(_owned, Task.uid == bindparam("uid", type_=Task.__table__.c.uid.type))


def _is_unchanged(name: str, *, merged: bool) -> ColumnElement[bool]:
    # The same rule as representation.is_unchanged. PostgreSQL decides, because the task may change at any time.
    current: Any = in_base(EXPRESSIONS[name].element) if merged else EXPRESSIONS[name].element
    value: Any = func.date_trunc(bindparam(f"precision_{name}"), current) if is_time(name) else current
    unchanged: ColumnElement[bool] = value.is_not_distinct_from(bindparam(f"sent_{name}"))
    return unchanged


def _conditions(*, versioned: bool, keyed: bool) -> tuple[ColumnElement[bool], ...]:
    version = Task.version == any_(bindparam("versions", type_=ARRAY(BigInteger)))
    return (*_by_id, *((version,) if versioned else ()), *(NOT_YET_WRITTEN if keyed else ()))


@lru_cache(_VARIANTS)
def create_task(fields: frozenset[str], *, keyed: bool) -> Any:
    """Return the statement that creates a task.

    Like all writes here, it also logs the change, and returns the columns of ``SELECTED`` and the number ``change``.

    Args:
        fields: the names of the fields to set; the parameters are ``new_`` and the name. Other fields get the defaults
            of their columns.
        keyed: whether the request has an idempotency key.
    """
    conditions = NOT_YET_WRITTEN if keyed else ()
    write = new_task(lambda at: new_values(fields, at), *conditions)
    return idempotent(write) if keyed else write


@lru_cache(_VARIANTS)
def update_task(
    fields: frozenset[str],
    unchanged: frozenset[str],
    *,
    versioned: bool,
    keyed: bool,
    merged: bool = False,
    completed: bool | None = None,
    with_days: bool = False,
) -> Any:
    """Return the statement that changes the task ``task_id``.

    Args:
        fields: the names of the fields to set; the parameters are ``new_`` and the name.
        unchanged: the names of the read-only fields that must have the values in the parameters ``sent_`` and the name.
            Times also have a parameter ``precision_`` and the name.
        versioned: whether the write requires one of ``versions``.
        keyed: whether the request has an idempotency key.
        merged: whether the task may also have a later version than ``base``, if the update is disjoint from what
            changed since; see :mod:`taskapp.tasks.changes.merge`. ``unchanged`` then is about the version ``base``.
        completed: the value of ``completed``, if that is one of the fields. The statement depends on it.
        with_days: as for :func:`taskapp.tasks.recurrence.completion.completing_task`.
    """
    conditions = [*_conditions(versioned=versioned and not merged, keyed=keyed)]
    conditions += (_is_unchanged(name, merged=merged) for name in sorted(unchanged))
    if merged:
        conditions.append(is_disjoint(fields))
    resolve = merged_value if merged else as_sent
    change = changed_task if completed is None else partial(completing_task, completed=completed, with_days=with_days)
    write = change(lambda at: changed_values(fields, at, resolve), *conditions)
    return idempotent(write) if keyed else write


def _toggled(at: Any) -> dict[str, Any]:
    completed = not_(Task.completed)
    return {"completed": completed, "completed_at": completed_at(completed, at)}


@lru_cache(_VARIANTS)
def toggle_task(*, versioned: bool, keyed: bool, merged: bool = False, with_days: bool = False) -> Any:
    """Return the statement that toggles ``completed``. Arguments as for :func:`update_task`."""
    disjoint = (is_disjoint({"completed"}, relative=True),) if merged else ()
    conditions = (*_conditions(versioned=versioned and not merged, keyed=keyed), *disjoint)
    write = completing_task(_toggled, *conditions, with_days=with_days)
    return idempotent(write) if keyed else write


@lru_cache(_VARIANTS)
def delete_task(*, versioned: bool, keyed: bool) -> Any:
    """Return the statement that deletes a task. Arguments as for :func:`update_task`."""
    write = deleted_task(*_conditions(versioned=versioned, keyed=keyed))
    return idempotent(write) if keyed else write


@lru_cache(_VARIANTS)
def list_tasks(
    status: str,
    sort: str,
    filters: frozenset[str],
    fields: tuple[str, ...],
    *,
    continued: bool,
    counted: bool,
    numbered: bool,
) -> Any:
    """Return the statement that lists tasks.

    Args:
        status: one of the names in :data:`taskapp.tasks.filters.STATUSES`.
        sort: one of :data:`taskapp.tasks.orders.SORTS`.
        filters: the names of the :data:`taskapp.tasks.filters.FILTERS` in use.
        fields: the fields to select, the id first. The columns of :func:`taskapp.tasks.orders.extra_columns` follow.
        continued: whether to start after a position; see :func:`taskapp.tasks.orders.follows`.
        counted: whether to select the number of all tasks of the list after these. Then there is at least one row. If
            the page is empty, the others of its columns are null.
        numbered: whether to select the number of the user's newest change last, 0 if there is none. Rows as above.
    """
    matches = (_owned, STATUSES[status], is_listed(sort), *(FILTERS[name] for name in sorted(filters)))
    page = db.select(*(EXPRESSIONS[name] for name in fields), *extra_columns(sort, fields)).where(*matches)
    if continued:
        page = page.where(follows(sort))
    page = sorted_by(page, columns_of(sort), sort).limit(bindparam("page_size"))
    facts = []
    if counted:
        facts.append(db.select(func.count().label("total")).select_from(Task).where(*matches).subquery("counted"))
    if numbered:
        facts.append(newest_number())
    return with_facts(page, columns_of(sort), sort, facts) if facts else page
