"""The statement of lists as of a number or a time, which takes back what changed since."""

from functools import lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    DateTime,
    bindparam,
    case,
    cast,
    column,
    exists,
    false,
    func,
    not_,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.entries import MARKER
from taskapp.tasks.changes.images import NO_COLUMNS, whole
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task
from taskapp.tasks.orders import sorted_by
from taskapp.tasks.pages import with_facts
from taskapp.tasks.representation import expressions

_owned = Change.user_id == ACTING_USER
_TABLE = Task.__table__


def _number_of_time(time: Any) -> Any:
    """Return the number of the newest change that was made at a time or before; 0 if there is none."""
    # OFFSET keeps PostgreSQL from looking for early times anywhere but in the user's part of the key, from its end.
    newest_first = db.select(Change.number, Change.at).where(_owned).order_by(Change.number.desc()).offset(0).subquery()
    number = db.select(newest_first.c.number).where(newest_first.c.at <= time).limit(1).scalar_subquery()
    point = db.select(func.coalesce(number, 0).label("number")).cte("point")
    return db.select(point.c.number).scalar_subquery()


def _touched_tasks(since: CTE) -> Any:
    """Return the tasks that changed since a number, as they were then: the columns of tasks. New ones are left out.

    The earliest value of each column since then is what it was. A column without one has not changed.
    """
    row = since.c
    first = db.select(row.task_id, row.before.is_(None).label("created"), row.previous, row.previous_at)
    first = first.ext(distinct_on(row.task_id)).order_by(row.task_id, row.number).subquery("first")
    pair = func.jsonb_each(row.before).table_valued("key", column("value", JSONB), name="pair")
    earliest = db.select(row.task_id, pair.c.key, pair.c.value).select_from(since.join(pair, true()))
    earliest = earliest.ext(distinct_on(row.task_id, pair.c.key)).order_by(row.task_id, pair.c.key, row.number)
    values = earliest.subquery("earliest")
    old = db.select(values.c.task_id, func.jsonb_object_agg(values.c.key, values.c.value).label("values"))
    old = old.group_by(values.c.task_id).subquery("old")
    now = db.select(_TABLE.table_valued().label("row"))
    now = now.where(Task.user_id == ACTING_USER, Task.id == first.c.task_id).offset(0).lateral("now")
    # It knows the types of the columns. A task without a row was deleted, and that change has all columns of its time.
    columns = [column(each.key, each.type) for each in _TABLE.columns]
    changed = func.coalesce(old.c["values"], NO_COLUMNS)
    image = case((now.c.row.is_(None), whole(changed)), else_=changed)
    then = func.jsonb_populate_record(now.c.row, image).table_valued(*columns, name="then")
    moved = {
        "user_id": cast(ACTING_USER, _TABLE.c.user_id.type),
        "id": first.c.task_id,
        "version": first.c.previous,
        "updated_at": first.c.previous_at,
    }
    source = first.outerjoin(old, old.c.task_id == first.c.task_id).outerjoin(now, true()).join(then, true())
    tasks = db.select(*(moved.get(each.key, then.c[each.key]).label(each.key) for each in columns))
    return tasks.select_from(source).where(not_(first.c.created)).cte("touched")


def _proof(number: Any, since: CTE, future: Any) -> Any:
    """Return a row with the number, the first logged number that is not smaller, and two flags.

    The flags are whether changes after the number are unknown, and whether it belongs to a time in the future.
    """
    logged = db.select(Change.number).where(_owned, Change.number >= number).order_by(Change.number).limit(1)
    return db.select(
        number.label("number"),
        logged.scalar_subquery().label("first"),
        exists().where(since.c.task_id == MARKER).label("hidden"),
        future.label("future"),
    ).subquery("proof")


def _follows(task_id: Any, sort: str) -> Any:
    position: Any = bindparam("after_id", type_=BigInteger)
    return task_id < position if sort.startswith("-") else task_id > position


def _has_status(completed: Any, status: str) -> Any:
    return {"all": true(), "pending": not_(completed), "completed": completed}[status]


# Each takes 300 KB. A user can send any combination of fields.
@lru_cache(128)
def list_tasks_as_of(
    status: str, sort: str, fields: tuple[str, ...], *, timed: bool, continued: bool, counted: bool
) -> Any:
    """Return the statement that lists tasks as they were after change ``as_of``, or at the time ``as_of``.

    Tasks that have not changed since come from the table in the order of its key. Only those that have are rebuilt.

    Args:
        status: one of the names in :data:`taskapp.tasks.service.STATUSES`.
        sort: ``id`` or ``-id``.
        fields: the fields to select, the id first.
        timed: whether ``as_of`` is a time.
        continued: whether to start after the id ``after_id``.
        counted: whether to select the number of all tasks of the list after the fields.

    Returns:
        The statement. Its last columns are those of :func:`_proof`. It has at least one row. If the page is empty, the
        fields are null.
    """
    time = bindparam("as_of", type_=DateTime(timezone=True))
    number = _number_of_time(time) if timed else bindparam("as_of", type_=BigInteger)
    since = db.select(Change.number, Change.task_id, Change.previous, Change.previous_at, Change.before)
    since = since.where(_owned, Change.number > number).cte("since")
    touched = _touched_tasks(since)
    is_touched = Task.id.in_(db.select(since.c.task_id))
    untouched = db.select(*_TABLE.columns).where(
        Task.user_id == ACTING_USER, _has_status(Task.completed, status), not_(is_touched)
    )
    rebuilt = db.select(*touched.c).where(_has_status(touched.c.completed, status))
    counts = [db.select(func.count()).select_from(each.subquery()).scalar_subquery() for each in (untouched, rebuilt)]
    if continued:
        untouched = untouched.where(_follows(Task.id, sort))
        rebuilt = rebuilt.where(_follows(touched.c.id, sort))
    size: Any = bindparam("page_size")
    tasks = union_all(sorted_by(untouched, [Task.id], sort).limit(size), rebuilt).subquery("task")
    page = sorted_by(db.select(*(expressions(tasks.c)[name] for name in fields)), [tasks.c.id], sort).limit(size)
    facts = [_proof(number, since, time > func.now() if timed else false())]
    if counted:
        facts.insert(0, db.select((counts[0] + counts[1]).label("total")).subquery("counted"))
    return with_facts(page, [tasks.c.id], sort, facts)
