"""Turns writes of tasks into statements that also log them, each in one message.

A write of a user follows the user's turn (:func:`taskapp.db.execute.execute_in_turn`), so it sees the newest change.
It takes the next number, which becomes the version of the task. Before PostgreSQL 18, RETURNING has no old values.
So an update is logged first, from the row as it is, and then made.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any

from sqlalchemy import ARRAY, CTE, Column, ColumnElement, Text, cast, func, true
from sqlalchemy.dialects.postgresql import JSONB, array

from taskapp.db import db
from taskapp.db.one_node import ON_ONE_NODE
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task
from taskapp.tasks.representation import SELECTED

Values = Callable[[Any], Mapping[str, Any]]
_TABLE = Task.__table__
# What a log entry has in columns of its own. A deletion also keeps created_at, to restore the task with it.
NOT_LOGGED = ("user_id", "id", "version", "updated_at")
_LOGGED = ("user_id", "number", "task_id", "previous", "previous_at", "at", "before", "after")


def last_change() -> Any:
    """Return the ``number`` of the user's newest change, null if there is none, and the time of the next one, ``now``.

    A subquery of one row. ``now`` is not before the newest change, even if the clock has gone back.
    """
    # Planned faster than max(number) of the table.
    newest = db.select(Change.number, Change.at).where(Change.user_id == ACTING_USER).order_by(Change.number.desc())
    last = newest.limit(1).subquery("newest")
    now = func.greatest(func.clock_timestamp(), func.max(last.c.at))
    return db.select(func.max(last.c.number).label("number"), now.label("now")).subquery("last")


def newest_number() -> Any:
    """Return the number of the user's newest change as ``as_of``, 0 if there is none. A subquery of one row."""
    newest = db.select(Change.number).where(Change.user_id == ACTING_USER).order_by(Change.number.desc()).limit(1)
    return db.select(func.coalesce(newest.scalar_subquery(), 0).label("as_of")).subquery("newest")


def image(columns: Mapping[str, Any]) -> ColumnElement[Any]:
    """Return a JSON object of columns of a task from their values by name, for ``before`` or ``after``."""
    # A parameter has no type. Without the cast, an array would be logged as text.
    typed = {
        name: value if isinstance(value, Column) else cast(value, _TABLE.c[name].type)
        for name, value in columns.items()
    }
    return func.jsonb_build_object(*chain.from_iterable(typed.items()), type_=JSONB)


def without(task: ColumnElement[Any], *names: str) -> ColumnElement[Any]:
    """Return an image without some columns."""
    return task.op("-")(cast(array(names), ARRAY(Text)))


def _row_image(*omitted: str) -> ColumnElement[Any]:
    """Return a JSON object of all columns of a task but those omitted."""
    return without(func.to_jsonb(_TABLE.table_valued(), type_=JSONB), *omitted)


def new_task(values: Values, *conditions: ColumnElement[bool]) -> Any:
    """Return the statement that creates a task, and returns it and the number of the change.

    Args:
        values: returns the values of columns by name, for the time of the change.
        conditions: the conditions on which it does so.
    """
    last = last_change()
    number, at = func.coalesce(last.c.number, 0) + 1, last.c.now
    columns = {"user_id": ACTING_USER, **values(at), "version": number, "created_at": at, "updated_at": at}
    new = db.select(*columns.values()).where(*conditions)
    created = (
        db.insert(Task)
        .from_select(list(columns), new)
        .returning(*SELECTED, _row_image(*NOT_LOGGED, "created_at").label("after"))
        .cte("created")
    )
    row = created.c
    entry = db.select(row.user_id, row.version, row.id, row.updated_at, row.after).where(ON_ONE_NODE)
    logged = db.insert(Change).from_select(["user_id", "number", "task_id", "at", "after"], entry)
    result = db.select(*_selected_from(created), row.version.label("change")).where(ON_ONE_NODE)
    return result.add_cte(logged.returning(Change.number).cte("logged"))


def found_task(last: Any, names: Iterable[str], *conditions: ColumnElement[bool], **columns: Any) -> Any:
    """Return a query of the task to update, with the columns of its log entry but ``after``; no row if there is none.

    Args:
        last: the newest change, of :func:`last_change`.
        names: the names of the columns to update.
        conditions: as for :func:`changed_task`.
        columns: what else to select, by name.
    """
    selected = {
        "user_id": Task.user_id,
        "number": func.greatest(last.c.number, Task.version) + 1,
        "task_id": Task.id,
        "previous": Task.version,
        "previous_at": Task.updated_at,
        "at": last.c.now,
        "before": image({name: _TABLE.c[name] for name in names}),
        **columns,
    }
    return (
        db.select(*(value.label(name) for name, value in selected.items()))
        .select_from(_TABLE.join(last, true()))
        .where(*conditions)
        # A release without the log takes no turn. Its update of the task ends before the entry is made.
        .with_for_update(key_share=True, of=_TABLE)
    )


def update_found(found: CTE, values: Values) -> Any:
    """Return the update of the task of a part of the statement, which has its number, ``task_id``, and time."""
    # Planned faster than a join. If nothing was found, they are null, and no task has this id.
    number, task_id, at = (db.select(found.c[name]).scalar_subquery() for name in ("number", "task_id", "at"))
    return (
        db.update(Task)
        .where(Task.user_id == ACTING_USER, Task.id == task_id)
        .values(**values(at), version=number, updated_at=at)
    )


def changed_task(values: Values, *conditions: ColumnElement[bool]) -> Any:
    """Return the statement that changes the task ``task_id``, and returns it and the number of the change.

    If no task satisfies the conditions, nothing is logged.

    Args:
        values: returns the new values of columns by name, for the time of the change.
        conditions: the conditions on the task. They must include the user and the id.
    """
    last = last_change()
    new = values(last.c.now)
    entry = found_task(last, new, *conditions, after=image(new))
    returned = (Change.number, Change.task_id, Change.at)
    logged = db.insert(Change).from_select(list(_LOGGED), entry).returning(*returned).cte("logged")
    return update_found(logged, values).returning(*SELECTED, Task.version.label("change"))


def deleted_task(*conditions: ColumnElement[bool]) -> Any:
    """Return the statement that deletes a task, and returns it and the number of the change.

    Args:
        conditions: as for :func:`changed_task`.
    """
    image_before = _row_image(*NOT_LOGGED).label("before")
    deleted = db.delete(Task).where(*conditions).returning(*SELECTED, image_before).cte("deleted")
    last, row = last_change(), deleted.c
    entry = db.select(
        row.user_id,
        func.greatest(last.c.number, row.version) + 1,
        row.id,
        row.version,
        row.updated_at,
        last.c.now,
        row.before,
    ).select_from(deleted.join(last, true()))
    logged = db.insert(Change).from_select(list(_LOGGED[:-1]), entry).returning(Change.number).cte("logged")
    result = db.select(*_selected_from(deleted), logged.c.number.label("change")).where(ON_ONE_NODE)
    return result.select_from(deleted.join(logged, true()))


def changes_of(tasks: CTE, values: Callable[[Any], Mapping[str, Any]], *conditions: ColumnElement[bool]) -> Any:
    """Return a part of a statement that logs one write of many tasks, in the order of their ids.

    Args:
        tasks: the locked tasks: their id, version, updated_at, and the columns that ``values`` changes.
        values: returns the new values of columns by name, from the columns of a task.
        conditions: further conditions.

    Returns:
        The number and the time of each change, ``number`` and ``at``, with its ``task_id``.
    """
    last, row = last_change(), tasks.c
    start = (
        db.select(
            func.greatest(func.max(last.c.number), func.max(row.version)).label("number"),
            func.max(last.c.now).label("at"),
        )
        .select_from(tasks.join(last, true()))
        .cte("start")
    )
    new = values(row)
    entry = db.select(
        ACTING_USER,
        start.c.number + func.row_number().over(order_by=row.id),
        start.c.number + 1,
        row.id,
        row.version,
        row.updated_at,
        start.c.at,
        image({name: row[name] for name in new}),
        image(new),
    )
    entry = entry.select_from(tasks.join(start, true())).where(*conditions, ON_ONE_NODE)
    columns = ["user_id", "number", "operation", *_LOGGED[2:]]
    logged = db.insert(Change).from_select(columns, entry)
    return logged.returning(Change.number, Change.task_id, Change.at).cte("logged")


def _selected_from(row: Any) -> list[Any]:
    return [row.c[column.key] for column in SELECTED]
