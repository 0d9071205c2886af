"""The statement that takes changes back. Undo and restore share it.

A change is taken back if the columns that it changed still have the values that it gave them. So it takes nothing but
the change and the task. Values are compared one by one: with ``@>``, a list of tags would contain a shorter one.

All or nothing: every part that writes depends on whether all changes can be taken back.
"""

from typing import Any

from sqlalchemy import (
    CTE,
    and_,
    any_,
    case,
    cast,
    false,
    func,
    or_,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, array

from taskapp.db import db
from taskapp.db.idempotency import DONE
from taskapp.db.one_node import ON_ONE_NODE, TRUE
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.batch import (
    COLUMNS,
    CREATED,
    DELETED,
    MAXIMUM_CHANGES,
    TABLE,
    UPDATED,
    delete_tasks,
    fields_of,
    part,
    row_image,
    tasks_among,
    uid_owners,
    update_tasks,
)
from taskapp.tasks.changes.entries import COMPARED_FIELDS
from taskapp.tasks.changes.images import (
    NO_COLUMNS,
    each_value,
    merged,
    task_from,
    value_in,
    what_changed,
    with_columns,
)
from taskapp.tasks.changes.log import NOT_LOGGED, last_change, without
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task
from taskapp.tasks.reminders.documents import remind_at_of, reminded_at

_COLUMN_LIST = ", ".join(COLUMNS)


def take_back(changes: Any, *, dry_run: bool) -> Any:
    """Return the statement that takes changes back. It returns one row.

    The row has whether it has done so, ``done``; the number of changes that it found, ``found``; the number of the
    write, ``change``; and ``tasks``, a JSON array, null if it is empty. If all changes can be taken back, it has each
    task with what happens to it, ``type``, and the fields that it gets, ``task``, or null. Otherwise it has the tasks
    that are in the way, with the names of the columns that are, ``changed``, and their fields. The column ``id`` stands
    for a task that exists, or no longer does, and ``uid`` for one that another task has. Then ``task`` is that other
    task.

    Args:
        changes: a query of changes of different tasks. Its columns are ``number``, ``write``, ``task_id``,
            ``previous``, ``previous_at``, ``before`` and ``after``.
        dry_run: whether to write nothing. The tasks then keep their versions.
    """
    entry = part(changes, "entry")
    judged = _judged(_found(entry, lock=not dry_run))
    plan = _plan(entry, judged)
    outcome = _outcome(judged, plan, dry_run=dry_run)
    result = _result(plan, outcome, dry_run=dry_run)
    return result if dry_run else result.add_cte(outcome, *_writes(outcome))


def _found(entry: CTE, *, lock: bool) -> CTE:
    """Return the changes with what to set, ``put``, and what they had set, ``was``, as images.

    ``put`` is null if the task was created and has to go, and ``was`` if it was deleted and has to come back. ``now``
    is the image of the task, null if it does not exist. ``deleted`` is that of the task when it was last deleted, and
    ``other`` that of another task that has its uid.
    """
    before, after = entry.c.before, entry.c.after
    columns = (row_image(TABLE).label("image"), TABLE.c.version, TABLE.c.updated_at)
    current = part(tasks_among(TABLE.c.id, entry.c.task_id, *columns, lock=lock), "current")
    deletion = (
        db.select(Change.number, Change.before)
        .where(Change.user_id == ACTING_USER, Change.task_id == entry.c.task_id, Change.after.is_(None))
        .where(after.is_(None))
        .order_by(Change.number.desc())
        .limit(1)
        .lateral("deletion")
    )
    other, has_uid = uid_owners(before, after.is_(None))
    found = db.select(
        *(entry.c[name] for name in ("number", "write", "task_id", "previous", "previous_at", "before")),
        # The last change is taken back first.
        func.row_number().over(order_by=entry.c.number.desc()).label("rank"),
        what_changed(before, after).label("put"),
        what_changed(after, before).label("was"),
        current.c.image.label("now"),
        current.c.version.label("current"),
        current.c.updated_at.label("current_at"),
        deletion.c.before.label("deleted"),
        func.coalesce(current.c.version, deletion.c.number).label("last"),
        other.c.image.label("other"),
    )
    joined = entry.outerjoin(current, current.c.id == entry.c.task_id).outerjoin(deletion, true())
    joined = joined.outerjoin(other, and_(has_uid, other.c.id != entry.c.task_id))
    return part(found.select_from(joined), "found")


def _judged(found: CTE) -> CTE:
    """Return the changes with the names of the columns in the way, ``changed``, and what is to happen, ``type``."""
    row = found.c
    was_created, was_deleted, exists = row.put.is_(None), row.was.is_(None), row.now.is_not(None)
    # A task that was deleted is compared with what it was when it was deleted last.
    each = each_value(func.coalesce(row.was, row.before))
    differs = each.c.value.is_distinct_from(value_in(func.coalesce(row.now, row.deleted), each.c.key))
    names = db.select(func.jsonb_agg(aggregate_order_by(each.c.key, each.c.key)))
    names = names.where(differs, each.c.key == any_(array(COMPARED_FIELDS))).scalar_subquery()
    changed = case(
        (was_deleted == exists, func.jsonb_build_array("id")),
        (row.other.is_not(None), func.jsonb_build_array("uid")),
        else_=names,
    )
    kind = case((was_created, DELETED), (was_deleted, CREATED), else_=UPDATED)
    return part(db.select(found, changed.label("changed"), kind.label("type")), "judged")


def _plan(entry: CTE, judged: CTE) -> CTE:
    """Return one row: the number and the time of the write, and whether it is possible."""
    last = last_change()
    found = db.select(func.count(entry.c.number)).scalar_subquery()
    plan = db.select(
        (func.greatest(func.max(last.c.number), func.max(judged.c.current)) + 1).label("change"),
        func.max(last.c.now).label("at"),
        found.label("found"),
        and_(found.between(1, MAXIMUM_CHANGES), func.count(judged.c.changed) == 0).label("possible"),
    )
    return part(plan.select_from(last.outerjoin(judged, true())), "plan")


def _outcome(judged: CTE, plan: CTE, *, dry_run: bool) -> CTE:
    """Return the changes with the columns of each task as they become, or as they are if that is impossible."""
    row = judged.c
    version: Any = plan.c.change - 1 + row.rank
    at: Any = plan.c.at
    if dry_run:
        version = func.coalesce(row.current, row.previous)
        at = func.coalesce(row.current_at, row.previous_at)
    new = merged(func.coalesce(row.now, NO_COLUMNS), row.put)
    new = with_columns(new, id=row.task_id, version=version, updated_at=at)
    shown = func.coalesce(row.now, row.other)
    task = task_from(case((plan.c.possible, new), else_=shown))
    # What the write changed may make another instant with what others changed since.
    instant = case((plan.c.possible, remind_at_of(task.c)), else_=task.c.remind_at)
    # When the service reminded belongs to the instant that was taken back with it, or to that of now.
    of_now = cast(row.now.op("->>")("remind_at"), task.c.remind_at.type)
    reminded_for = case((row.put.has_key("reminded_at"), task.c.remind_at), else_=of_now)
    computed = {"remind_at": instant, "reminded_at": reminded_at(task.c.reminded_at, reminded_for, instant)}
    columns = (computed[each.key].label(each.key) if each.key in computed else each for each in task.c)
    # The others are not used from here on.
    kept = ("number", "rank", "write", "task_id", "put", "was", "now", "current_at", "last", "changed", "type")
    outcome = db.select(*(row[name] for name in kept), plan, *columns)
    return part(outcome.select_from(judged.join(plan, true()).join(task, true())), "outcome")


def _result(plan: CTE, outcome: CTE, *, dry_run: bool) -> Any:
    row = outcome.c
    shown = func.json_build_object(
        *("task_id", row.task_id, "type", row.type, "changed", row.changed),
        *("task", case((row.id.is_not(None), fields_of(row)))),
    )
    tasks = db.select(func.json_agg(aggregate_order_by(shown, row.number)))
    tasks = tasks.where(row.possible | row.changed.is_not(None)).scalar_subquery()
    done = false() if dry_run else plan.c.possible
    return db.select(done.label(DONE), plan.c.found, plan.c.change, tasks.label("tasks")).where(ON_ONE_NODE)


def _writes(outcome: CTE) -> list[CTE]:
    """Return the parts that create, change and delete the tasks, and log it."""
    # Only with this clause may a row have an id that PostgreSQL did not make.
    new = text(
        f"OVERRIDING SYSTEM VALUE SELECT {_COLUMN_LIST} FROM outcome"  # noqa: S608 # These are constants.
        f" WHERE possible AND type = 'created' AND {TRUE}"
    ).columns(*TABLE.columns)
    inserted = db.insert(Task).from_select(COLUMNS, new).returning(Task.id)
    writes = {
        "created": inserted,
        "updated": update_tasks(outcome).returning(Task.id),
        "deleted": delete_tasks(outcome),
        "logged": _logged(outcome),
    }
    return [write.cte(name) for name, write in writes.items()]


def _logged(outcome: CTE) -> Any:
    row = outcome.c
    before, after = (merged(image, each) for image, each in zip((row.was, row.put), _reminders(row), strict=True))
    columns = {
        "user_id": ACTING_USER,
        "number": row.change - 1 + row.rank,
        "operation": case((row.found > 1, row.change)),
        "undoes": row.write,
        "task_id": row.task_id,
        "previous": row.last,
        "previous_at": row.current_at,
        "at": row.at,
        "before": case((row.type == DELETED, without(row.now, *NOT_LOGGED)), (row.type == UPDATED, before)),
        "after": case((row.type == CREATED, without(after, "created_at")), (row.type == UPDATED, after)),
    }
    entries = db.select(*columns.values()).where(row.possible, ON_ONE_NODE)
    return db.insert(Change).from_select(list(columns), entries).returning(Change.number)


def _reminders(row: Any) -> Any:
    """Return images of the reminder of a task before and after, as far as undo does not take back just what it was.

    A change of the service is not in the way of undo, and the instant follows from other columns.
    """
    names = ("remind_at", "reminded_at")
    was = func.jsonb_build_object(*(each for name in names for each in (name, value_in(row.now, name))), type_=JSONB)
    new = func.jsonb_build_object(*(each for name in names for each in (name, row[name])), type_=JSONB)
    concerned = or_(was.is_distinct_from(new), row.put.has_any(array(names)))
    return (case((concerned, each), else_=NO_COLUMNS) for each in (was, new))
