"""Every statement on tasks. Each takes the user first, and names the user in its WHERE: the first of two walls."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Row, Update, bindparam, delete, false, func, insert, not_, select, true, update

from taskapp.database import execute
from taskapp.errors import TaskNotFound
from taskapp.tasks.models import Task

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
_LIST = {
    status: select(*_COLUMNS).where(_OWN, condition).order_by(tasks.id.desc()).limit(bindparam("page_size"))
    for status, condition in _STATUSES.items()
}
STATUSES = tuple(_STATUSES)
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


def list_tasks(user_id: str, *, status: str, limit: int) -> Sequence[Row[Any]]:
    """Return the user's tasks, newest first.

    Args:
        user_id: whose.
        status: one of :data:`STATUSES`.
        limit: the most to return.

    Returns:
        Rows of :data:`FIELDS`.
    """
    return execute(_LIST[status], {"owner": user_id, "page_size": limit}, user_id=user_id)


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
