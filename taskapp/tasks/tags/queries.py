"""The statements on tags. Each names the acting user in every use of the table, like those on tasks."""

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import CTE, ColumnElement, any_, bindparam, cast, column, func, not_, true

from taskapp.db import db
from taskapp.db.idempotency import NOT_YET_WRITTEN, idempotent
from taskapp.db.one_node import ON_ONE_NODE
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.log import changes_of
from taskapp.tasks.models import Task
from taskapp.tasks.values import tag_set

_TAG = Task.__table__.c.tags.type.item_type
_owned = Task.user_id == ACTING_USER
_name = cast(bindparam("name"), _TAG)
_new_name = cast(bindparam("new_name"), _TAG)
_has_tag = _name == any_(Task.tags)


@cache
def list_tags(*, continued: bool) -> Any:
    """Return the statement that lists the tags of the user, with the numbers of pending and of all tasks.

    Args:
        continued: whether to start after the tag ``after_name``.
    """
    # A set-returning function has to follow the table that it refers to.
    each = func.unnest(Task.tags).table_valued(column("tag", _TAG)).render_derived()
    tag = each.c.tag
    pending = func.count().filter(not_(Task.completed))
    statement = db.select(tag, pending, func.count()).select_from(Task).join(each, true()).where(_owned)
    if continued:
        statement = statement.where(tag > cast(bindparam("after_name"), _TAG))
    return statement.group_by(tag).order_by(tag).limit(bindparam("page_size"))


def _renamed(task: Any) -> ColumnElement[Any]:
    # A task that has both tags loses one.
    return tag_set(func.array_replace(task.tags, _name, _new_name))


def _removed(task: Any) -> ColumnElement[Any]:
    return func.array_remove(task.tags, _name)


def _write(tags: Callable[[Any], ColumnElement[Any]], *conditions: ColumnElement[bool], keyed: bool) -> Any:
    """Return the statement that sets the tags of all tasks with the tag ``name``.

    It returns their number, and that of the first change, or null if it changes none.

    It returns no row if there is no such task. The tasks are locked in the order of their ids. So two of these
    statements at the same time wait for each other instead of causing a deadlock
    (https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-DEADLOCKS).

    Args:
        tags: returns the new tags of a task from its columns.
        conditions: further conditions for a write.
        keyed: whether the request has an idempotency key.
    """
    tagged = db.select(Task.id, Task.version, Task.updated_at, Task.tags)
    tagged = tagged.where(_owned, _has_tag, *(NOT_YET_WRITTEN if keyed else ())).order_by(Task.id)
    locked: CTE = tagged.with_for_update().cte("locked")
    # Whether a task has the tag is looked up in its current version once it is locked. So it still has it here.
    logged = changes_of(locked, lambda columns: {"tags": tags(columns)}, *conditions)
    changed = (
        db.update(Task)
        .where(_owned, Task.id == logged.c.task_id)
        .values(tags=tags(Task), version=logged.c.number, updated_at=logged.c.at)
        .returning(Task.version)
        .cte("changed")
    )
    result = db.select(func.count().label("tasks"), func.min(changed.c.version).label("change"))
    result = result.select_from(changed).where(ON_ONE_NODE).having(db.select(locked.c.id).exists())
    return idempotent(result) if keyed else result


@cache
def rename_tag(*, keyed: bool) -> Any:
    """Return the statement that renames the tag ``name`` to ``new_name`` on all tasks; see :func:`_write`."""
    return _write(_renamed, _name != _new_name, keyed=keyed)


@cache
def remove_tag(*, keyed: bool) -> Any:
    """Return the statement that removes the tag ``name`` from all tasks; see :func:`_write`."""
    return _write(_removed, keyed=keyed)
