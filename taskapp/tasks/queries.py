"""The statements on tasks. Each has the acting user in its WHERE or VALUES, one of two layers of tenant isolation.

Building a statement takes longer than running it, so each one is built once and cached. The names of parameters differ
from those of columns, which SQLAlchemy reserves for SET and VALUES.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Delete,
    Text,
    Update,
    any_,
    bindparam,
    case,
    collate,
    false,
    func,
    not_,
    or_,
    true,
    tuple_,
)

from taskapp.db import db
from taskapp.db.execute import ACTING_USER
from taskapp.db.idempotency import NOT_YET_WRITTEN, idempotent
from taskapp.tasks.models import Task
from taskapp.tasks.representation import EXPRESSIONS, SELECTED, is_time
from taskapp.tasks.values import changed_values, completed_at, new_values

_owned = Task.user_id == ACTING_USER
_by_id = (_owned, Task.id == bindparam("task_id"))


def _fold(text: Any) -> ColumnElement[str]:
    """Return an expression that is equal for texts that differ only in case or in their code points.

    Canonically equivalent texts have the same NFC (https://www.unicode.org/reports/tr15/). Upper case comes before
    lower case, because some letters have two small forms, such as the Greek sigma. Most texts are ASCII or already NFC.
    To find that out is cheaper than to normalize them.
    """
    composed = case((func.is_normalized(text, "NFC"), text), else_=func.normalize(text))
    is_ascii = func.octet_length(text) == func.char_length(text)
    return case((is_ascii, func.lower(text)), else_=func.lower(func.upper(composed)))


def _contains(column: Any) -> ColumnElement[bool]:
    # Unlike LIKE, strpos has no wildcards to escape. Upper and lower case follow the locale of the database, although
    # titles sort by code point.
    q = bindparam("q", type_=Text)
    return func.strpos(_fold(collate(column, "default")), _fold(q)) > 0


STATUSES: Mapping[str, ColumnElement[bool]] = MappingProxyType(
    {"all": true(), "pending": Task.completed == false(), "completed": Task.completed == true()}
)
# Optional filters of lists, by the names of their parameters.
FILTERS: Mapping[str, ColumnElement[bool]] = MappingProxyType(
    {"q": or_(_contains(Task.title), _contains(Task.description))}
)
# The sort orders of lists. Each has an index that starts with the user id. The id makes the order total, so that a
# cursor is a unique position.
ORDERS: Mapping[str, tuple[Any, ...]] = MappingProxyType(
    {"id": (Task.id,), **{name: (getattr(Task, name), Task.id) for name in ("created_at", "title", "updated_at")}}
)

# The size of each cache below. Clients use fewer statements. A fuzzer may cause evictions, but no growth.
_VARIANTS = 1024

GET_TASK = db.select(*SELECTED).where(*_by_id)
GET_TASK_BY_UID = db.select(*SELECTED).where(_owned, Task.uid == bindparam("uid", type_=Task.__table__.c.uid.type))
_CHANGE_TASK = (
    db.update(Task).where(*_by_id).values(version=Task.version + 1, updated_at=func.now()).returning(*SELECTED)
)
_TOGGLE_TASK = _CHANGE_TASK.values(completed=not_(Task.completed), completed_at=completed_at(not_(Task.completed)))
_DELETE_TASK = db.delete(Task).where(*_by_id).returning(*SELECTED)


def _is_unchanged(name: str) -> ColumnElement[bool]:
    # The same rule as models.is_unchanged. PostgreSQL decides, because the task may change at any time.
    current: Any = EXPRESSIONS[name].element
    value: Any = func.date_trunc(bindparam(f"precision_{name}"), current) if is_time(name) else current
    unchanged: ColumnElement[bool] = value.is_not_distinct_from(bindparam(f"sent_{name}"))
    return unchanged


def _conditional(write: Update | Delete, *, versioned: bool, keyed: bool) -> Any:
    if versioned:
        write = write.where(Task.version == any_(bindparam("versions", type_=ARRAY(BigInteger))))
    return idempotent(write.where(*NOT_YET_WRITTEN)) if keyed else write


@lru_cache(_VARIANTS)
def create_task(fields: frozenset[str], *, keyed: bool) -> Any:
    """Return the statement that creates a task.

    Args:
        fields: the names of the fields to set; the parameters are ``new_`` and the name. Other fields get the defaults
            of their columns.
        keyed: whether the request has an idempotency key.
    """
    values = {"user_id": ACTING_USER, **new_values(fields)}
    if not keyed:
        return db.insert(Task).values(values).returning(*SELECTED)
    new = db.select(*values.values()).where(*NOT_YET_WRITTEN)
    return idempotent(db.insert(Task).from_select(list(values), new).returning(*SELECTED))


@lru_cache(_VARIANTS)
def update_task(fields: frozenset[str], unchanged: frozenset[str], *, versioned: bool, keyed: bool) -> Any:
    """Return the statement that changes the task ``task_id``.

    Args:
        fields: the names of the fields to set; the parameters are ``new_`` and the name.
        unchanged: the names of the read-only fields that must have the values in the parameters ``sent_`` and the name.
            Times also have a parameter ``precision_`` and the name.
        versioned: whether the write requires one of ``versions``.
        keyed: whether the request has an idempotency key.
    """
    update = _CHANGE_TASK.values(changed_values(fields))
    update = update.where(*(_is_unchanged(name) for name in sorted(unchanged)))
    return _conditional(update, versioned=versioned, keyed=keyed)


@lru_cache(_VARIANTS)
def toggle_task(*, versioned: bool, keyed: bool) -> Any:
    """Return the statement that toggles ``completed``. Arguments as for :func:`update_task`."""
    return _conditional(_TOGGLE_TASK, versioned=versioned, keyed=keyed)


@lru_cache(_VARIANTS)
def delete_task(*, versioned: bool, keyed: bool) -> Any:
    """Return the statement that deletes a task. Arguments as for :func:`update_task`."""
    return _conditional(_DELETE_TASK, versioned=versioned, keyed=keyed)


@lru_cache(_VARIANTS)
def list_tasks(status: str, sort: str, filters: frozenset[str], *, continued: bool) -> Any:
    """Return the statement that lists tasks.

    Args:
        status: one of :data:`STATUSES`.
        sort: one of :data:`ORDERS`; a leading ``-`` means descending.
        filters: the names of the :data:`FILTERS` in use.
        continued: whether to start after a cursor. Its parameters are ``after_`` and the name of each sort column.
    """
    order = ORDERS[sort.removeprefix("-")]
    statement = db.select(*SELECTED).where(_owned, STATUSES[status], *(FILTERS[name] for name in sorted(filters)))
    # PostgreSQL can look up a row comparison in the index, so late pages are as fast as the first
    # (https://www.postgresql.org/docs/current/functions-comparisons.html#ROW-WISE-COMPARISON).
    cursor = tuple_(*(bindparam(f"after_{column.key}", type_=column.type) for column in order))
    if sort.startswith("-"):
        statement = statement.order_by(*(column.desc() for column in order))
        follows = tuple_(*order) < cursor
    else:
        statement = statement.order_by(*order)
        follows = tuple_(*order) > cursor
    return (statement.where(follows) if continued else statement).limit(bindparam("page_size"))
