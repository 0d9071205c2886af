"""Turns the lines of a file into a statement that imports them, all or none.

It is built of the parts of :mod:`taskapp.tasks.bulk.write`. Lines that write nothing are left out before these number
and log the others.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal_column,
    not_,
    null,
    or_,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSON, aggregate_order_by

from taskapp.db import db
from taskapp.db.idempotency import DONE
from taskapp.db.one_node import ON_ONE_NODE
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.bulk import write
from taskapp.tasks.changes.batch import COLUMNS, CREATED, TABLE, UPDATED, part
from taskapp.tasks.changes.images import NO_COLUMNS
from taskapp.tasks.changes.log import image, last_change, without
from taskapp.tasks.representation import WRITABLE_FIELDS
from taskapp.tasks.transfer.schemas import REFUSE, UPDATE

UNCHANGED: Any = literal_column("'unchanged'")
SKIPPED: Any = literal_column("'skipped'")
# Why a line is impossible, other than the reasons of taskapp.tasks.bulk.write.
EXISTS, OCCURS = "exists", "occurs"
_NOT_WRITABLE = tuple(name for name in COLUMNS if name not in WRITABLE_FIELDS)
# Whether to look for the tasks that are the occurrences of lines. No index can do that, because row-level security
# comes first. So only if one is in the way, the statement is sent again with this.
_LOOK = bindparam("look_for_occurrences", type_=Boolean)


def import_lines(found: CTE, existing: str, most: Any, *, recurring: bool, dry_run: bool) -> Any:
    """Return the statement that imports lines. If they may belong to series, it has ``look_for_occurrences``.

    It returns one row.

    The row has whether it has done so, ``done``; the number of lines, ``found``; the number of the write, ``change``;
    and ``tasks``, a JSON array with an object for each line: the ``id`` of the task and what happened, ``result``. If
    lines are impossible, it has those: ``index``, ``id``, ``reason`` and, for values that are wrong, ``names``.

    Args:
        found: the lines, from :mod:`taskapp.tasks.transfer.found`.
        existing: what happens to lines of tasks that exist and differ; see :mod:`taskapp.tasks.transfer.schemas`.
        most: how many lines there may be.
        recurring: whether lines may belong to series.
        dry_run: whether to write nothing.
    """
    last = part(db.select(last_change()), "last")
    judged = _judged(_typed(write.shape(found, NO_COLUMNS), existing), existing, recurring=recurring)
    plan = write.plan_write(judged, last, most)
    row = judged.c
    written = part(db.select(judged).where(row.type.in_([CREATED, UPDATED])), "changing")
    outcome = write.outcome_of(written, (), plan, dry_run=dry_run)
    if dry_run:
        return _result(judged, plan, row.task_id, judged, done=false())
    created, updated = write.insert_created(outcome), write.update_updated(outcome)
    new = outcome.join(created, created.c.version == outcome.c.version)
    ids = part(db.select(outcome.c.index, created.c.id).select_from(new), "ids")
    task_id = func.coalesce(row.task_id, ids.c.id)
    source = judged.outerjoin(ids, ids.c.index == row.index)
    result = _result(judged, plan, task_id, source, done=plan.c.possible)
    return result.add_cte(outcome, created, updated, write.log_outcome(outcome, created, updated))


def _typed(shaped: CTE, existing: str) -> CTE:
    """Return the lines with what happens to their tasks."""
    row = shaped.c
    is_same = without(row.now, *_NOT_WRITABLE) == image({name: row[name] for name in WRITABLE_FIELDS})
    was = cast(row.now.op("->>")("completed_at"), row.completed_at.type)
    is_same_time = or_(not_(row.completed), row.completed_at.is_not_distinct_from(was))
    reminded = cast(row.now.op("->>")("reminded_at"), row.reminded_at.type)
    kind = case(
        (row.type == CREATED, CREATED),
        (and_(is_same, is_same_time, row.reminded_at.is_not_distinct_from(reminded)), UNCHANGED),
        else_=UPDATED if existing == UPDATE else SKIPPED,
    )
    columns = (each for each in row if each.key != "type")
    return part(db.select(kind.label("type"), *columns), "typed")


def _judged(lines: CTE, existing: str, *, recurring: bool) -> CTE:
    """Return the lines with why they are impossible. It does not matter what those would break that write nothing."""
    reasons = [(_occurs_elsewhere(lines), OCCURS)] if recurring else []
    judged = write.judge(lines, None, reasons)
    reason = case((judged.c.type.in_([CREATED, UPDATED]), judged.c.reason), else_=null())
    if existing == REFUSE:
        reason = case((judged.c.type == SKIPPED, EXISTS), else_=reason)
    columns = (each for each in judged.c if each.key != "reason")
    return part(db.select(*columns, reason.label("reason")), "decided")


def _occurs_elsewhere(lines: CTE) -> ColumnElement[bool]:
    """Return whether another task is the occurrence of a series that a line is. A task is one occurrence."""
    own, stored = (_occurrence(recurrence) for recurrence in (lines.c.recurrence, TABLE.c.recurrence))
    now = _occurrence(lines.c.now.op("->")("recurrence"))
    others = db.select(*stored).where(TABLE.c.user_id == ACTING_USER, TABLE.c.recurrence.is_not(None), _LOOK)
    moves = or_(*(new.is_distinct_from(old) for new, old in zip(own, now, strict=True)))
    return and_(moves, tuple_(*own).in_(others))


def _occurrence(recurrence: Any) -> tuple[ColumnElement[Any], ...]:
    """Return which occurrence of which series a task is, as the unique index has it."""
    return tuple(recurrence.op("->>")(name) for name in ("series_id", "occurrence"))


def _result(judged: CTE, plan: CTE, task_id: Any, source: Any, *, done: ColumnElement[bool]) -> Any:
    row = judged.c
    result = func.json_build_object("id", task_id, "result", row.type, type_=JSON)
    results = db.select(func.json_agg(aggregate_order_by(result, row.index))).select_from(source).scalar_subquery()
    names = case((row.reason == "invalid", row.names))
    failure = func.json_build_object(
        *("index", row.index, "id", row.task_id, "reason", row.reason, "names", names), type_=JSON
    )
    failed = db.select(func.json_agg(aggregate_order_by(failure, row.index))).where(row.reason.is_not(None))
    tasks = case((plan.c.possible, results), else_=failed.scalar_subquery())
    return db.select(done.label(DONE), plan.c.found, plan.c.change, tasks.label("tasks")).where(ON_ONE_NODE)
