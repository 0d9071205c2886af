"""The statement that applies operations to tasks: all of them or none.

Every part that writes depends on whether all operations are possible. No task has two operations, so nothing depends on
their order. The log has the same columns of each task as after a single write.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    Boolean,
    ColumnElement,
    Date,
    Time,
    and_,
    case,
    cast,
    false,
    func,
    null,
    or_,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, aggregate_order_by, array

from taskapp.db import db
from taskapp.db.idempotency import DONE
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.bulk.found import FIXED_FIELDS, differs
from taskapp.tasks.changes.batch import (
    COLUMNS,
    CREATED,
    DELETED,
    TABLE,
    UPDATED,
    delete_tasks,
    fields_of,
    part,
    row_image,
    update_tasks,
)
from taskapp.tasks.changes.images import DEFAULTS, merged, task_from, value_in
from taskapp.tasks.changes.log import NOT_LOGGED, last_change, without
from taskapp.tasks.changes.models import Change
from taskapp.tasks.due import due_order
from taskapp.tasks.models import MAXIMUM_TAGS, Task
from taskapp.tasks.values import tag_set

_TAGS = ARRAY(TABLE.c.tags.type.item_type)
# What the parts return that create and change tasks.
_WRITTEN = (Task.id, Task.version, row_image(TABLE).label("image"))
_INSERTED = tuple(name for name in COLUMNS if name != "id")


def apply_operations(found: CTE, most: Any, *, dry_run: bool) -> Any:
    """Return the statement that applies operations. It returns one row.

    The row has whether it has done so, ``done``; the number of operations, ``found``; the number of the write,
    ``change``; and ``tasks``, a JSON array, null if it is empty. If all operations are possible, it has an object for
    each: the id of the task, ``id``, and its fields, ``task``, null if it is deleted. Otherwise it has those that are
    not: also their position, ``index``, why, ``reason``, and if they are invalid, what is wrong with the values,
    ``names``. Then ``task`` is the one that is in the way, or null.

    Args:
        found: the operations, from :mod:`taskapp.tasks.bulk.found`.
        most: how many there may be.
        dry_run: whether to write nothing. Tasks then keep their versions, and new ones have none.
    """
    judged = _judged(_shaped(found))
    plan = _plan(judged, most)
    outcome = _outcome(judged, plan, dry_run=dry_run)
    if dry_run:
        return _result(judged, plan, outcome, done=false())
    created, updated = _created(outcome), _updated(outcome)
    deleted = delete_tasks(outcome).cte("deleted")
    result = _result(judged, plan, _with_new_ids(outcome, created), done=plan.c.possible)
    return result.add_cte(outcome, created, updated, deleted, _logged(outcome, created, updated))


def _shaped(found: CTE) -> CTE:
    """Return the operations with the columns of each task as clients set them; all null for a deletion."""
    row = found.c
    new = task_from(merged(func.coalesce(row.now, DEFAULTS), row.put))
    task = new.c
    added, removed = (cast(names, _TAGS) for names in (row.add_tags, row.remove_tags))
    tags = case((row.add_tags.is_(None), task.tags), else_=tag_set(task.tags.op("||")(added), removed))
    # Fails if PostgreSQL does not know a time zone that is to be set.
    checked = case((func.timezone(task.time_zone, func.now()).is_not(None), task.time_zone))
    zone = case((and_(row.put.has_key("time_zone"), task.time_zone.is_not(None)), checked), else_=task.time_zone)
    values = {**{name: task[name] for name in COLUMNS if name not in found.c}, "tags": tags, "time_zone": zone}
    shaped = db.select(found, *(value.label(name) for name, value in values.items()))
    return part(shaped.select_from(found.join(new, true())), "shaped")


def _judged(shaped: CTE) -> CTE:
    """Return the operations with why they are impossible, ``reason``, and what is wrong with the values, ``names``."""
    row = shaped.c
    has_day, has_time, has_zone = (row[name].is_not(None) for name in ("due_date", "due_time", "time_zone"))
    wrong = {
        "due": or_(and_(has_time, or_(~has_day, ~has_zone)), and_(has_zone, ~has_day)),
        "tags": func.cardinality(row.tags) > MAXIMUM_TAGS,
        **{name: differs(row, name) for name in FIXED_FIELDS},
    }
    names = func.array_remove(array([case((is_wrong, name)) for name, is_wrong in wrong.items()]), null())
    reason = case(
        (and_(row.type != CREATED, row.now.is_(None)), "missing"),
        (row.required != row.current, "changed"),
        (row.other.is_not(None), "taken"),
        (and_(row.type != DELETED, or_(*wrong.values())), "invalid"),
    )
    return part(db.select(shaped, names.label("names"), reason.label("reason")), "judged")


def _plan(judged: CTE, most: Any) -> CTE:
    """Return one row: the number and the time of the write, and whether it is possible."""
    last, row = last_change(), judged.c
    count = func.count(row.index)
    plan = db.select(
        (func.greatest(func.max(last.c.number), func.max(row.current), 0) + 1).label("change"),
        func.max(last.c.now).label("at"),
        count.label("found"),
        and_(count.between(1, most), func.count(row.reason) == 0).label("possible"),
    )
    return part(plan.select_from(last.outerjoin(judged, true())), "plan")


def _outcome(judged: CTE, plan: CTE, *, dry_run: bool) -> CTE:
    """Return the operations with all columns of each task as it becomes."""
    row, at = judged.c, plan.c.at
    is_new = row.type == CREATED
    was_completed = func.coalesce(cast(row.now.op("->>")("completed"), Boolean), false())
    completed_at = case((row.completed, case((was_completed, row.completed_at), else_=at)))
    computed = {
        "id": row.task_id,
        "user_id": ACTING_USER,
        "completed_at": case((row.put.has_key("completed"), completed_at), else_=row.completed_at),
        "due_order": due_order(cast(row.due_date, Date), cast(row.due_time, Time)),
        "created_at": case((is_new, at), else_=row.created_at),
        "version": plan.c.change + row.index,
        "updated_at": at,
    }
    if dry_run:
        computed["uid"] = case((or_(~is_new, row.put.has_key("uid")), row.uid))
        computed |= {"version": row.current, "updated_at": func.coalesce(row.current_at, at)}
    columns: dict[str, Any] = {name: computed[name] if name in computed else row[name] for name in COLUMNS}
    kept = (row[name] for name in ("index", "type", "task_id", "logged", "now", "current", "current_at"))
    values = (value.label(name) for name, value in columns.items())
    return part(db.select(*kept, plan, *values).select_from(judged.join(plan, true())), "outcome")


def _created(outcome: CTE) -> CTE:
    row = outcome.c
    new = db.select(*(row[name] for name in _INSERTED)).where(row.possible, row.type == CREATED).order_by(row.index)
    created: CTE = db.insert(Task).from_select(list(_INSERTED), new).returning(*_WRITTEN).cte("created")
    return created


def _updated(outcome: CTE) -> CTE:
    updated: CTE = update_tasks(outcome).returning(*_WRITTEN).cte("updated")
    return updated


def _with_new_ids(outcome: CTE, created: CTE) -> Any:
    """Return the columns of the outcome with the ids that PostgreSQL gave to new tasks."""
    columns = (outcome.c[name] for name in ("index", "type", "possible", *COLUMNS) if name != "id")
    task_id = func.coalesce(outcome.c.task_id, created.c.id).label("id")
    joined = outcome.outerjoin(created, created.c.version == outcome.c.version)
    return db.select(*columns, task_id).select_from(joined).subquery("written")


def _logged(outcome: CTE, created: CTE, updated: CTE) -> CTE:
    row = outcome.c
    written = union_all(db.select(created), db.select(updated)).subquery("image")
    new = written.c.image

    def logged_columns(task: ColumnElement[Any]) -> Any:
        name: Any = func.unnest(row.logged).column_valued("name")
        return db.select(func.jsonb_object_agg(name, value_in(task, name), type_=JSONB)).scalar_subquery()

    columns = {
        "user_id": ACTING_USER,
        "number": row.version,
        "operation": case((row.found > 1, row.change)),
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
    entries = db.select(*columns.values()).select_from(joined).where(row.possible)
    logged: CTE = db.insert(Change).from_select(list(columns), entries).cte("logged")
    return logged


def _result(judged: CTE, plan: CTE, outcome: Any, *, done: ColumnElement[bool]) -> Any:
    row = outcome.c
    task = case((row.type != DELETED, fields_of(row)))
    result = func.json_build_object("id", row.id, "task", task, type_=JSON)
    results = db.select(func.json_agg(aggregate_order_by(result, row.index))).scalar_subquery()
    tasks = case((plan.c.possible, results), else_=_failed(judged))
    return db.select(done.label(DONE), plan.c.found, plan.c.change, tasks.label("tasks"))


def _failed(judged: CTE) -> Any:
    """Return a JSON array of the operations that are impossible."""
    row = judged.c
    task = task_from(func.coalesce(row.now, row.other))
    names = case((row.reason == "invalid", row.names))
    failure = func.json_build_object(
        *("index", row.index, "id", row.task_id, "reason", row.reason, "names", names),
        *("task", case((task.c.id.is_not(None), fields_of(task.c)))),
        type_=JSON,
    )
    query = db.select(func.json_agg(aggregate_order_by(failure, row.index))).select_from(judged.join(task, true()))
    return query.where(row.reason.is_not(None)).scalar_subquery()
