"""The pages of lists, and what they have beside their rows, such as the total. Both are of one snapshot."""

from collections.abc import Sequence
from functools import reduce
from typing import Any, NamedTuple

from sqlalchemy import Select, Subquery, true

from taskapp.db import db
from taskapp.tasks.orders import Position, position_of, sorted_by
from taskapp.tasks.representation import make_to_dict


class Page(NamedTuple):
    """A page of a list.

    Attributes:
        tasks: the fields of each task.
        next: the position of the last task, or None if no page follows.
        total: the number of tasks in the whole list, or None if it was not counted.
        as_of: the number of the newest change that the page contains, or None if it was not asked for.
    """

    tasks: Sequence[dict[str, Any]]
    next: Position | None
    total: int | None
    as_of: int | None = None


def with_facts(page: Select[Any], columns: Sequence[Any], sort: str, facts: Sequence[Subquery]) -> Any:
    """Return a statement with the rows of a page, each followed by some facts; without rows, by nulls and the facts.

    Args:
        page: the page.
        columns: the columns that it is sorted by.
        sort: its order.
        facts: subqueries of one row.
    """
    order = [column.label(f"order_{column.key}") for column in columns]
    rows = page.add_columns(*order).subquery("page")
    every = tuple(rows.columns)
    source = reduce(lambda left, right: left.join(right, true()), facts[1:], facts[0])  # type: ignore[arg-type,return-value]
    statement = db.select(*every[: -len(order)], *(column for fact in facts for column in fact.c))
    return sorted_by(statement.select_from(source.outerjoin(rows, true())), every[-len(order) :], sort)


def make_page(
    rows: Sequence[Any],
    sort: str,
    fields: tuple[str, ...],
    limit: int,
    *,
    total: int | None = None,
    as_of: int | None = None,
) -> Page:
    """Return a page of a list.

    Args:
        rows: its rows, and one more if another page follows. They begin with the fields. If ``total`` or ``as_of`` is
            not None, an empty page has a row of nulls.
        sort: see :func:`taskapp.tasks.service.list_tasks`.
        fields: see :func:`taskapp.tasks.service.list_tasks`.
        limit: see :func:`taskapp.tasks.service.list_tasks`.
        total: see :class:`Page`.
        as_of: see :class:`Page`.
    """
    if (total is not None or as_of is not None) and rows[0][0] is None:  # There is no id, only the facts.
        rows = ()
    to_dict = make_to_dict(fields)
    tasks = [to_dict(row) for row in rows[:limit]]
    following = position_of(rows[limit - 1], sort, fields) if len(rows) > limit else None
    return Page(tasks, following, total, as_of)
