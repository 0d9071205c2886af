"""The statement that erases all data of a user."""

from functools import cache
from typing import Any

from sqlalchemy import func, literal, literal_column

from taskapp.db import db
from taskapp.db.one_node import ON_ONE_NODE
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.entries import MARKER
from taskapp.tasks.changes.images import NO_COLUMNS
from taskapp.tasks.changes.log import last_change
from taskapp.tasks.changes.models import Change
from taskapp.tasks.users.tables import USER_TABLES


def _marker() -> Any:
    """Return the part that leaves a marker with the user's next number, if the user has any changes."""
    last = last_change()
    values = {
        "user_id": ACTING_USER,
        "number": last.c.number + 1,
        "task_id": literal(MARKER),
        "at": last.c.now,
        "before": NO_COLUMNS,
        "after": NO_COLUMNS,
    }
    marker = db.select(*values.values()).where(last.c.number.is_not(None))
    return db.insert(Change).from_select(list(values), marker).returning(Change.number).cte("marker")


@cache
def erase_user(*, forget: bool) -> Any:
    """Return the statement that deletes all rows of the user and returns their numbers, by ``USER_TABLES``.

    Args:
        forget: whether to leave nothing at all, not even a marker.
    """
    deleted = {
        name: db.delete(model).where(model.user_id == ACTING_USER).returning(literal_column("1")).cte(f"erased_{name}")
        for name, (model, *_) in USER_TABLES.items()
    }
    counts = (db.select(func.count()).select_from(each).scalar_subquery().label(name) for name, each in deleted.items())
    statement = db.select(*counts).where(ON_ONE_NODE)
    return statement if forget else statement.add_cte(_marker())
