"""Every statement on tasks. Each takes the user first, and names the user in its WHERE: the first of two walls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    Update,
    bindparam,
    collate,
    delete,
    false,
    func,
    insert,
    not_,
    or_,
    select,
    true,
    tuple_,
    update,
)

from taskapp.database import execute
from taskapp.errors import TaskNotFound
from taskapp.tasks.models import Task

# A place in the order of a list: what the list is ordered by, and the id.
Position = tuple[int | str | datetime, int]

tasks = Task.__table__.c

# The fields of a task as clients see them, in the order they see them; the version behind them becomes the ETag.
FIELDS = ("id", "user_id", "title", "description", "completed", "created_at", "updated_at")
_COLUMNS = [tasks[name] for name in FIELDS]

# Statements are built once: building one takes longer than running it. The names of their parameters differ from
# those of the columns, which SQLAlchemy keeps for SET and VALUES.
_OWN = tasks.user_id == bindparam("owner")
_THIS = (_OWN, tasks.id == bindparam("task_id"))

_STATUSES: Mapping[str, ColumnElement[bool]] = MappingProxyType(
    {"all": true(), "pending": tasks.completed == false(), "completed": tasks.completed == true()}
)
STATUSES = tuple(_STATUSES)

# What a list is ordered by: each an index behind the user. The id makes every order total, so that a place in it is
# one between two tasks.
_ORDERS: Mapping[str, tuple[ColumnElement[Any], ...]] = MappingProxyType(
    {name: (tasks[name], tasks.id) for name in ("created_at", "updated_at", "title")} | {"id": (tasks.id,)}
)
SORTS = tuple(sign + name for name in sorted(_ORDERS) for sign in ("", "-"))


def _contains(column: ColumnElement[Any]) -> ColumnElement[bool]:
    # strpos has no wildcards that would have to be escaped. Titles sort by code point, but their letters are those of
    # the database's locale.
    return func.strpos(func.lower(collate(column, "default")), func.lower(bindparam("q"))) > 0


_FOUND = or_(_contains(tasks.title), _contains(tasks.description))
_GET = select(*_COLUMNS, tasks.version).where(*_THIS)
_CREATE = (
    insert(Task.__table__)
    .values({name: bindparam(name) for name in ("user_id", "title", "description", "completed")})
    .returning(*_COLUMNS, tasks.version)
)
_CHANGE = (
    update(Task.__table__)
    .where(*_THIS)
    .values(version=tasks.version + 1, updated_at=func.now())
    .returning(*_COLUMNS, tasks.version)
)
_TOGGLE = _CHANGE.values(completed=not_(tasks.completed))
_DELETE = delete(Task.__table__).where(*_THIS).returning(tasks.id)


@cache
def _update(names: frozenset[str]) -> Update:
    return _CHANGE.values({name: bindparam(f"new_{name}") for name in sorted(names)})


def _only(rows: Sequence[Row[Any]]) -> Row[Any]:
    if not rows:
        raise TaskNotFound
    return rows[0]


@cache
def _list(status: str, sort: str, *, searching: bool, continuing: bool) -> Select[Any]:
    order = _ORDERS[sort.removeprefix("-")]
    statement = select(*_COLUMNS).where(_OWN, _STATUSES[status]).limit(bindparam("page_size"))
    if searching:
        statement = statement.where(_FOUND)
    # Rows are compared as a whole, which PostgreSQL looks up in the index: no page costs more for being a later one.
    place = tuple_(*(bindparam(f"after_{column.key}", type_=column.type) for column in order))
    if sort.startswith("-"):
        statement = statement.order_by(*(column.desc() for column in order))
        return statement.where(tuple_(*order) < place) if continuing else statement
    statement = statement.order_by(*order)
    return statement.where(tuple_(*order) > place) if continuing else statement


@dataclass(frozen=True)
class Page:
    """A part of a list.

    Attributes:
        rows: rows of :data:`FIELDS`.
        last: the place of the last row in the order of the list (its value there, and its id), or None where nothing
            follows it.
    """

    rows: Sequence[Row[Any]]
    last: Position | None


def list_tasks(
    user_id: str, *, status: str, sort: str, q: str | None, limit: int, after: Position | None = None
) -> Page:
    """Return some of the user's tasks.

    Args:
        user_id: whose.
        status: one of :data:`STATUSES`.
        sort: one of :data:`SORTS`.
        q: what title or description must contain, in any case, or None.
        limit: the most to return.
        after: the place behind which to begin, the ``last`` of the page before, or None for the first page.
    """
    statement = _list(status, sort, searching=q is not None, continuing=after is not None)
    name = sort.removeprefix("-")
    parameters: dict[str, Any] = {"owner": user_id, "page_size": limit + 1, "q": q}
    if after is not None:
        parameters |= {f"after_{name}": after[0], "after_id": after[1]}
    rows = execute(statement, parameters, user_id=user_id)
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    return Page(rows[:limit], (getattr(last, name), last.id))


def create_task(user_id: str, *, title: str, description: str | None = None, completed: bool = False) -> Row[Any]:
    """Store a new task and return it: a row of :data:`FIELDS` and ``version``, as for all that follow."""
    values = {"user_id": user_id, "title": title, "description": description, "completed": completed}
    return execute(_CREATE, values, user_id=user_id)[0]


def get_task(user_id: str, task_id: int) -> Row[Any]:
    """Return one task.

    Raises:
        TaskNotFound: this user has none of this id.
    """
    return _only(execute(_GET, {"owner": user_id, "task_id": task_id}, user_id=user_id))


def update_task(user_id: str, task_id: int, **changes: Any) -> Row[Any]:
    """Change some of ``title``, ``description`` and ``completed``, and return the task; the rest keeps its value.

    Raises:
        TaskNotFound: this user has none of this id.
    """
    values = {f"new_{name}": value for name, value in changes.items()}
    statement = _update(frozenset(changes))
    return _only(execute(statement, {"owner": user_id, "task_id": task_id, **values}, user_id=user_id))


def complete_task(user_id: str, task_id: int, *, completed: bool | None = None) -> Row[Any]:
    """Set whether a task is completed, or turn it round where ``completed`` is None, and return the task.

    Raises:
        TaskNotFound: this user has none of this id.
    """
    if completed is not None:
        return update_task(user_id, task_id, completed=completed)
    return _only(execute(_TOGGLE, {"owner": user_id, "task_id": task_id}, user_id=user_id))


def delete_task(user_id: str, task_id: int) -> None:
    """Delete one task.

    Raises:
        TaskNotFound: this user has none of this id.
    """
    _only(execute(_DELETE, {"owner": user_id, "task_id": task_id}, user_id=user_id))
