"""The result of a statement that applies operations: what became of each, or why it is impossible.

If all operations are possible, it is a JSON array with an object for each: the id of the task, ``id``; its fields,
``task``, null if it is deleted; and those of the next occurrence, ``next``, null if the operation creates none.

Otherwise it has the operations that are not possible: the id of the task, ``id``; the position, ``index``; why,
``reason``; if the values are invalid, what is wrong with them, ``names``; and the task that is in the way, ``task``, or
null. If the reason is :data:`DAYS`, it has the column ``recurrence`` of the task, ``series``, and the day, ``today``.
"""

from typing import Any

from sqlalchemy import CTE, ColumnElement, and_, case, func, true
from sqlalchemy.dialects.postgresql import JSON, aggregate_order_by

from taskapp.db import db
from taskapp.db.idempotency import DONE
from taskapp.db.one_node import ON_ONE_NODE
from taskapp.tasks.changes.batch import CREATED, DELETED, fields_of
from taskapp.tasks.changes.images import task_from

# Why an operation that completes a recurring task is impossible for now: its stored days are used up.
DAYS = "days"


def result_of(judged: CTE, plan: CTE, outcome: CTE, *, completes: bool, done: ColumnElement[bool]) -> Any:
    """Return the query of the row that the statement returns.

    Args:
        judged: the operations.
        plan: whether they are possible.
        outcome: the tasks as they become.
        completes: whether there may be next occurrences.
        done: whether the statement has written.
    """
    row = outcome.c
    source: Any = outcome
    pairs = ["id", row.id, "task", case((row.type != DELETED, fields_of(row)))]
    if completes:
        next_rows = outcome.alias("next_rows")
        following = next_rows.c
        is_created = and_(following.index == row.index, following.is_next, following.type == CREATED)
        source = outcome.outerjoin(next_rows, is_created)
        pairs += ["next", case((following.index.is_not(None), fields_of(following)))]
    result = func.json_build_object(*pairs, type_=JSON)
    results = db.select(func.json_agg(aggregate_order_by(result, row.index))).where(~row.is_next)
    tasks = case((plan.c.possible, results.select_from(source).scalar_subquery()), else_=_failed(judged))
    return db.select(done.label(DONE), plan.c.found, plan.c.change, tasks.label("tasks")).where(ON_ONE_NODE)


def _failed(judged: CTE) -> Any:
    """Return a JSON array of the operations that are impossible."""
    row = judged.c
    task = task_from(func.coalesce(row.now, row.other))
    names = case((row.reason == "invalid", row.names))
    failure = func.json_build_object(
        *("index", row.index, "id", row.task_id, "reason", row.reason, "names", names),
        *("task", case((task.c.id.is_not(None), fields_of(task.c)))),
        *(("series", row.series, "today", row.today) if "series" in row else ()),
        type_=JSON,
    )
    query = db.select(func.json_agg(aggregate_order_by(failure, row.index))).select_from(judged.join(task, true()))
    return query.where(row.reason.is_not(None)).scalar_subquery()
