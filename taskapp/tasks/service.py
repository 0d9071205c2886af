"""Every statement on tasks. Each takes the user first, and names the user in its WHERE: the first of two walls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Delete,
    Executable,
    Select,
    Update,
    any_,
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

from taskapp.db.execute import ACTING_USER, execute
from taskapp.db.idempotency import MAY_WRITE, execute_once, once
from taskapp.http.errors import PreconditionFailed, TaskNotFound
from taskapp.http.terms import NO_TERMS, Terms, etag
from taskapp.tasks.models import FIELDS, Task, TaskRow, fields_of

# A place in the order of a list: what the list is ordered by, and the id.
Position = tuple[int | str | datetime, int]

tasks = Task.__table__.c

_COLUMNS = [tasks[name] for name in FIELDS]

# Statements are built once: building one takes longer than running it. The names of their parameters differ from
# those of the columns, which SQLAlchemy keeps for SET and VALUES.
_OWN = tasks.user_id == ACTING_USER
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
_GIVEN = ("title", "description", "completed")
_CREATE = (
    insert(Task.__table__)
    .values({"user_id": ACTING_USER, **{name: bindparam(name) for name in _GIVEN}})
    .returning(*_COLUMNS, tasks.version)
)
_CREATE_ONCE = once(
    insert(Task.__table__)
    .from_select(
        ("user_id", *_GIVEN),
        select(ACTING_USER, *(bindparam(name, type_=tasks[name].type) for name in _GIVEN)).where(*MAY_WRITE),
    )
    .returning(*_COLUMNS, tasks.version)
)
_CHANGE = (
    update(Task.__table__)
    .where(*_THIS)
    .values(version=tasks.version + 1, updated_at=func.now())
    .returning(*_COLUMNS, tasks.version)
)
_TOGGLE = _CHANGE.values(completed=not_(tasks.completed))
_DELETE = delete(Task.__table__).where(*_THIS).returning(*_COLUMNS, tasks.version)


@cache
def _update(names: frozenset[str]) -> Update:
    return _CHANGE.values({name: bindparam(f"new_{name}") for name in sorted(names)})


@cache
def _on_terms(write: Update | Delete, *, conditional: bool, keyed: bool) -> Any:
    if conditional:
        write = write.where(tasks.version == any_(bindparam("versions", type_=ARRAY(BigInteger))))
    return once(write.where(*MAY_WRITE)) if keyed else write


def _run(
    statement: Executable, parameters: Mapping[str, Any], user_id: str, *, repeatable: bool = False
) -> list[TaskRow]:
    return [TaskRow._make(row) for row in execute(statement, parameters, user_id=user_id, repeatable=repeatable)]


def _write(user_id: str, task_id: int, write: Update | Delete, values: Mapping[str, Any], terms: Terms) -> TaskRow:
    conditional, keyed = terms.versions is not None, terms.key is not None
    statement = _on_terms(write, conditional=conditional, keyed=keyed)
    parameters = {"task_id": task_id, **values}
    if terms.versions is not None:
        parameters["versions"] = list(terms.versions)
    found = (
        execute_once(statement, parameters, terms, user_id=user_id) if keyed else _run(statement, parameters, user_id)
    )
    if found:
        return found[0]
    if not conditional:
        raise TaskNotFound
    current = get_task(user_id, task_id)
    raise PreconditionFailed(fields_of(current), etag(current.version))


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

    rows: Sequence[tuple[Any, ...]]
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
    parameters: dict[str, Any] = {"page_size": limit + 1, "q": q}
    if after is not None:
        parameters |= {f"after_{name}": after[0], "after_id": after[1]}
    rows = execute(statement, parameters, user_id=user_id, repeatable=True)
    if len(rows) <= limit:
        return Page(rows, None)
    last = fields_of(rows[limit - 1])
    return Page(rows[:limit], (last[name], last["id"]))


def create_task(
    user_id: str, *, title: str, description: str | None = None, completed: bool = False, terms: Terms = NO_TERMS
) -> TaskRow:
    """Store a new task.

    Returns:
        The task, as from all that follow; a :class:`taskapp.db.idempotency.Replayed` where the same key had stored
        it before.

    Raises:
        Conflict, InvalidInput: see :func:`taskapp.db.idempotency.execute_once`.
    """
    values = {"title": title, "description": description, "completed": completed}
    if terms.key is None:
        return _run(_CREATE, values, user_id)[0]
    return execute_once(_CREATE_ONCE, values, terms, user_id=user_id)[0]


def get_task(user_id: str, task_id: int) -> TaskRow:
    """Return one task.

    Raises:
        TaskNotFound: this user has none of this id.
    """
    found = _run(_GET, {"task_id": task_id}, user_id, repeatable=True)
    if not found:
        raise TaskNotFound
    return found[0]


def update_task(user_id: str, task_id: int, *, terms: Terms = NO_TERMS, **changes: Any) -> TaskRow:
    """Change some of ``title``, ``description`` and ``completed``, and return the task; the rest keeps its value.

    Raises:
        TaskNotFound: this user has none of this id.
        PreconditionFailed: it is of none of the versions that the terms name.
        Conflict, InvalidInput: see :func:`taskapp.db.idempotency.execute_once`.
    """
    values = {f"new_{name}": value for name, value in changes.items()}
    return _write(user_id, task_id, _update(frozenset(changes)), values, terms)


def complete_task(user_id: str, task_id: int, *, completed: bool | None = None, terms: Terms = NO_TERMS) -> TaskRow:
    """Set whether a task is completed, or turn it round where ``completed`` is None, and return the task.

    Raises:
        TaskNotFound, PreconditionFailed, Conflict, InvalidInput: as :func:`update_task`.
    """
    if completed is None:
        return _write(user_id, task_id, _TOGGLE, {}, terms)
    return update_task(user_id, task_id, completed=completed, terms=terms)


def delete_task(user_id: str, task_id: int, *, terms: Terms = NO_TERMS) -> TaskRow:
    """Delete one task, and return it as it was.

    Raises:
        TaskNotFound, PreconditionFailed, Conflict, InvalidInput: as :func:`update_task`.
    """
    return _write(user_id, task_id, _DELETE, {}, terms)
