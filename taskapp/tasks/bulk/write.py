"""The statement that applies operations to tasks: all of them or none.

Every part that writes depends on whether all operations are possible. No task has two operations, so nothing depends on
their order. The log has the same columns of each task as after a single write.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    and_,
    case,
    cast,
    false,
    func,
    not_,
    null,
    or_,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array

from taskapp.db import db
from taskapp.db.one_node import ON_ONE_NODE
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.bulk import occurrences
from taskapp.tasks.bulk.found import FIXED_FIELDS, differs
from taskapp.tasks.bulk.results import DAYS, result_of
from taskapp.tasks.bulk.rows import rows_of_next, rows_of_operations
from taskapp.tasks.changes.batch import (
    COLUMNS,
    CREATED,
    DELETED,
    TABLE,
    UPDATED,
    delete_tasks,
    part,
    row_image,
    update_tasks,
)
from taskapp.tasks.changes.images import DEFAULTS, merged, task_from, value_in
from taskapp.tasks.changes.log import NOT_LOGGED, last_change, without
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import MAXIMUM_TAGS, Task
from taskapp.tasks.recurrence.documents import continued, is_known
from taskapp.tasks.reminders.documents import remind_at_of
from taskapp.tasks.values import tag_set

_TAGS = ARRAY(TABLE.c.tags.type.item_type)
# What the parts return that create and change tasks.
_WRITTEN = (Task.id, Task.version, row_image(TABLE).label("image"))
_INSERTED = tuple(name for name in COLUMNS if name != "id")


def apply_operations(found: CTE, most: Any, *, completes: bool, reopens: bool, dry_run: bool) -> Any:
    """Return the statement that applies operations. It returns one row.

    The row has whether it has done so, ``done``; the number of operations, ``found``; the number of the write,
    ``change``; and ``tasks``, a JSON array, null if it is empty; see :mod:`taskapp.tasks.bulk.results`.

    Args:
        found: the operations, from :mod:`taskapp.tasks.bulk.found`.
        most: how many there may be.
        completes: whether an operation may complete a task, and so create its next occurrence.
        reopens: whether an operation may reopen a task, and so delete its next occurrence.
        dry_run: whether to write nothing. Tasks then keep their versions, and new ones have none.
    """
    last = part(db.select(last_change()), "last")
    now = db.select(last.c.now).scalar_subquery()
    shaped = shape(found)
    following = occurrences.following(shaped, now) if completes else None
    judged = judge(shaped, following)
    plan = plan_write(judged, last, most)
    next_rows = rows_of_next(shaped, following, plan, reopens=reopens, dry_run=dry_run)
    outcome = outcome_of(judged, next_rows, plan, dry_run=dry_run)
    if dry_run:
        return result_of(judged, plan, outcome, completes=completes, done=false())
    created, updated = insert_created(outcome), update_updated(outcome)
    deleted = delete_tasks(outcome).cte("deleted")
    result = result_of(judged, plan, _with_new_ids(outcome, created), completes=completes, done=plan.c.possible)
    return result.add_cte(outcome, created, updated, deleted, log_outcome(outcome, created, updated))


def shape(found: CTE, defaults: ColumnElement[Any] = DEFAULTS) -> CTE:
    """Return the operations with the columns of each task as clients set them; all null for a deletion.

    Args:
        found: the operations.
        defaults: the image of a new task for which nothing was set; without columns if operations set all of them.
    """
    row = found.c
    new = task_from(merged(func.coalesce(row.now, defaults), row.put))
    task = new.c
    added, removed = (cast(names, _TAGS) for names in (row.add_tags, row.remove_tags))
    tags = case((row.add_tags.is_(None), task.tags), else_=tag_set(task.tags.op("||")(added), removed))
    # Fails if PostgreSQL does not know a time zone that is to be set.
    checked = case((func.timezone(task.time_zone, func.now()).is_not(None), task.time_zone))
    zone = case((and_(row.put.has_key("time_zone"), task.time_zone.is_not(None)), checked), else_=task.time_zone)
    recurrence = continued(value_in(row.now, "recurrence"), task.recurrence)
    values = {name: task[name] for name in COLUMNS if name not in found.c}
    values |= {"tags": tags, "time_zone": zone, "recurrence": recurrence}
    shaped = db.select(found, *(value.label(name) for name, value in values.items()))
    return part(shaped.select_from(found.join(new, true())), "shaped")


def judge(shaped: CTE, following: CTE | None, reasons: Sequence[tuple[ColumnElement[bool], str]] = ()) -> CTE:
    """Return the operations with why they are impossible, ``reason``, and what is wrong with the values, ``names``.

    The ``reason`` is :data:`DAYS` if the task does not say what follows it. Then ``series`` and ``today`` are for that.

    Args:
        shaped: the operations, from :func:`shape`.
        following: the next occurrences, or None if there are none.
        reasons: further conditions on which an operation is impossible, each with the reason.
    """
    row = shaped.c
    has_day, has_time, has_zone = (row[name].is_not(None) for name in ("due_date", "due_time", "time_zone"))
    recurs = row.recurrence.is_not(None)
    wrong = {
        "recurrence": and_(recurs, or_(~has_day, ~has_zone, row.recurrence.has_key("invalid"))),
        "due": or_(and_(has_time, or_(~has_day, ~has_zone)), and_(has_zone, ~has_day)),
        "reminder": and_(row.reminder.is_not(None), remind_at_of(row).is_(None)),
        "tags": func.cardinality(row.tags) > MAXIMUM_TAGS,
        **{name: differs(row, name) for name in FIXED_FIELDS},
    }
    names = func.array_remove(array([case((is_wrong, name)) for name, is_wrong in wrong.items()]), null())
    reason: Any = case(
        (and_(row.type != CREATED, row.now.is_(None)), "missing"),
        (row.required != row.current, "changed"),
        (row.other.is_not(None), "taken"),
        (and_(row.type != DELETED, or_(*wrong.values())), "invalid"),
        *reasons,
    )
    judged = db.select(shaped, names.label("names"))
    if following is None:
        return part(judged.add_columns(reason.label("reason")), "judged")
    completion = following.c
    used_up = and_(completion.index.is_not(None), not_(is_known(completion.series, completion.today)))
    reason = func.coalesce(reason, case((used_up, DAYS))).label("reason")
    judged = judged.add_columns(reason, completion.series, completion.today)
    return part(judged.select_from(shaped.outerjoin(following, completion.index == row.index)), "judged")


def plan_write(judged: CTE, last: CTE, most: Any) -> CTE:
    """Return one row: the number and the time of the write, and whether it is possible."""
    row = judged.c
    count = func.count(row.index)
    plan = db.select(
        (func.greatest(func.max(last.c.number), func.max(row.current), 0) + 1).label("change"),
        func.max(last.c.now).label("at"),
        count.label("found"),
        and_(count.between(1, most), func.count(row.reason) == 0).label("possible"),
    )
    return part(plan.select_from(last.outerjoin(judged, true())), "plan")


def outcome_of(judged: CTE, next_rows: tuple[Any, ...], plan: CTE, *, dry_run: bool) -> CTE:
    """Return the operations, and the next occurrences behind theirs, with all columns of each task as it becomes."""
    at = db.select(plan.c.at).scalar_subquery()
    own_rows = rows_of_operations(judged, at, dry_run=dry_run)
    every: Any = union_all(own_rows, *next_rows) if next_rows else own_rows
    rows = every.subquery("rows")
    row = rows.c
    number = plan.c.change - 1 + func.row_number().over(order_by=(row.index, row.is_next))
    version = row.current if dry_run else number
    columns = (each for each in row if each.key != "version")
    outcome = db.select(*columns, plan, func.count().over().label("changes"), version.label("version"))
    return part(outcome.select_from(rows.join(plan, true())), "outcome")


def insert_created(outcome: CTE) -> CTE:
    """Return the part that creates the new tasks of an outcome."""
    row = outcome.c
    new = db.select(*(row[name] for name in _INSERTED)).where(row.possible, row.type == CREATED, ON_ONE_NODE)
    new = db.insert(Task).from_select(list(_INSERTED), new.order_by(row.index))
    created: CTE = new.returning(*_WRITTEN).cte("created")
    return created


def update_updated(outcome: CTE) -> CTE:
    """Return the part that updates the tasks of an outcome."""
    updated: CTE = update_tasks(outcome).returning(*_WRITTEN).cte("updated")
    return updated


def _with_new_ids(outcome: CTE, created: CTE) -> Any:
    """Return the columns of the outcome with the ids that PostgreSQL gave to new tasks."""
    columns = (outcome.c[name] for name in ("index", "is_next", "type", "possible", *COLUMNS) if name != "id")
    task_id = func.coalesce(outcome.c.task_id, created.c.id).label("id")
    joined = outcome.outerjoin(created, created.c.version == outcome.c.version)
    return part(db.select(*columns, task_id).select_from(joined), "with_ids")


def log_outcome(outcome: CTE, created: CTE, updated: CTE) -> CTE:
    """Return the part that logs an outcome."""
    row = outcome.c
    written = union_all(db.select(created), db.select(updated)).subquery("image")
    new = written.c.image

    def logged_columns(task: ColumnElement[Any]) -> Any:
        name: Any = func.unnest(row.logged).column_valued("name")
        return db.select(func.jsonb_object_agg(name, value_in(task, name), type_=JSONB)).scalar_subquery()

    columns = {
        "user_id": ACTING_USER,
        "number": row.version,
        "operation": case((row.changes > 1, row.change)),
        "task_id": func.coalesce(row.task_id, written.c.id),
        "previous": row.current,
        "previous_at": row.current_at,
        "at": row.at,
        "before": case(
            (row.type == DELETED, without(row.now, *NOT_LOGGED)), (row.type == UPDATED, logged_columns(row.now))
        ),
        "after": case(
            (row.type == CREATED, without(new, *NOT_LOGGED, "created_at")), (row.type == UPDATED, logged_columns(new))
        ),
    }
    joined = outcome.outerjoin(written, written.c.version == row.version)
    entries = db.select(*columns.values()).select_from(joined).where(row.possible, ON_ONE_NODE)
    logged: CTE = db.insert(Change).from_select(list(columns), entries).returning(Change.number).cte("logged")
    return logged
