"""The statements on single writes. Each names the acting user in every use of a table."""

from functools import cache
from typing import Any

from sqlalchemy import BigInteger, bindparam, case, cast, func
from sqlalchemy.orm import aliased

from taskapp.db import db
from taskapp.db.idempotency import NOT_YET_WRITTEN, idempotent
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.batch import joined_by_hash
from taskapp.tasks.changes.entries import MARKER, entry_columns
from taskapp.tasks.changes.models import Change
from taskapp.tasks.undo.reversal import take_back

_number = cast(bindparam("number"), BigInteger)


def _write_of(change: Any) -> Any:
    return func.coalesce(change.operation, change.number)


def _changes_of_write(*columns: Any) -> Any:
    """Return a query of the changes of the write ``number``. If its first change has been purged, there are none.

    The numbers of a write follow each other. The last one is not known, but it is ``most`` numbers away at the most.
    """
    first: Any = aliased(Change)
    last = db.select(case((first.operation.is_(None), first.number), else_=first.number + bindparam("most")))
    last = last.where(first.user_id == ACTING_USER, first.number == _number)
    last = last.where(_write_of(first) == _number, first.task_id != MARKER)
    return db.select(*columns).where(
        Change.user_id == ACTING_USER,
        Change.number >= _number,
        Change.number <= last.scalar_subquery(),
        _write_of(Change) == _number,
    )


# Starts after the number ``after``. ``most`` must reach to the end of the page.
GET_WRITE = (
    _changes_of_write(*entry_columns())
    .where(Change.number > bindparam("after"))
    .order_by(Change.number)
    .limit(bindparam("page_size"))
)


@cache
def undo_write(*, dry_run: bool, keyed: bool) -> Any:
    """Return the statement that undoes the write ``number``. See :func:`taskapp.tasks.undo.reversal.take_back`.

    ``most`` must be :data:`MAXIMUM_CHANGES`, so that one more change shows that there are too many.

    Args:
        dry_run: whether to write nothing.
        keyed: whether the request has an idempotency key. Not with ``dry_run``.
    """
    columns = (Change.task_id, Change.previous, Change.previous_at, Change.before, Change.after)
    changes = _changes_of_write(Change.number, _number.label("write"), *columns)
    statement = take_back(changes.where(*(NOT_YET_WRITTEN if keyed else ())), dry_run=dry_run)
    return joined_by_hash(idempotent(statement) if keyed else statement)
