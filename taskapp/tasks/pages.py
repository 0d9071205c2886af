"""What a page of a list has beside its rows, such as the number of all rows. Both are of one snapshot."""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from sqlalchemy import Select, Subquery, true

from taskapp.db import db
from taskapp.tasks.orders import sorted_by


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
