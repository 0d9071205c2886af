"""The statements that count and read all data of a user. Each names the acting user in every use of a table."""

from functools import cache
from typing import Any

from sqlalchemy import Text, bindparam, cast, func, not_
from sqlalchemy.dialects.postgresql import array

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.entries import MARKER
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task
from taskapp.tasks.users.tables import USER_TABLES


def _row_of(model: Any) -> Any:
    """Return the whole row of a table as a value."""
    return model.__table__.table_valued()


def _facts(name: str) -> Any:
    model, time = USER_TABLES[name].model, getattr(USER_TABLES[name].model, USER_TABLES[name].time)
    size = func.coalesce(func.sum(func.pg_column_size(_row_of(model))), 0)
    facts = {"count": func.count(), "size": size, "oldest": func.min(time), "newest": func.max(time)}
    columns = [fact.label(f"{name}_{label}") for label, fact in facts.items()]
    return db.select(*columns).select_from(model).where(model.user_id == ACTING_USER).subquery(f"{name}_facts")


@cache
def count_all() -> Any:
    """Return the statement that counts the rows of a user.

    Its columns are the number, the size in bytes, and the oldest and the newest time of each of ``USER_TABLES``, and
    then the numbers of completed and of deleted tasks.
    """
    tables = [_facts(name) for name in USER_TABLES]
    completed = db.select(func.count()).select_from(Task).where(Task.user_id == ACTING_USER, Task.completed)
    exists = db.select(Task.id).where(Task.user_id == ACTING_USER, Task.id == Change.task_id).correlate(Change).exists()
    deletions = (Change.user_id == ACTING_USER, Change.after.is_(None), Change.task_id != MARKER, not_(exists))
    deleted = db.select(func.count(Change.task_id.distinct())).where(*deletions)
    numbers = (completed.scalar_subquery().label("completed"), deleted.scalar_subquery().label("deleted"))
    return db.select(*(column for table in tables for column in table.c), *numbers).select_from(*tables)


@cache
def read_rows(name: str, *, continued: bool) -> Any:
    """Return the statement that reads rows of a user as JSON text, each after its key, in the order of keys.

    Args:
        name: one of ``USER_TABLES``.
        continued: whether to start after the key ``after``.
    """
    table = USER_TABLES[name]
    key = getattr(table.model, table.key)
    row = func.to_jsonb(_row_of(table.model))
    shown = row.op("-")(array(table.hidden, type_=Text)) if table.hidden else row
    rows = db.select(key, cast(shown, Text)).where(table.model.user_id == ACTING_USER)
    if continued:
        rows = rows.where(key > bindparam("after", type_=key.type))
    return rows.order_by(key).limit(bindparam("page_size"))
