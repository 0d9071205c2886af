"""What changed a task since one of its versions: for the details of a conflict, and for merging."""

from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    func,
    true,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task

# The parameter for the version.
BASE = cast(bindparam("base"), BigInteger)


def _steps() -> Any:
    """Return the changes of the task ``task_id`` since the version ``base``.

    ``whole`` is whether a change is an update of the version that the one before made. No field outlives a deletion.
    """
    version_before = func.lag(Change.number, 1, BASE).over(order_by=Change.number)
    # The version and the time of an update are not in its image.
    of_all = func.jsonb_build_object("version", Change.previous, "updated_at", Change.previous_at, type_=JSONB)
    is_update = and_(Change.before.is_not(None), Change.after.is_not(None))
    columns = (
        Change.number,
        Change.before.op("||")(of_all).label("before"),
        Change.after,
        and_(is_update, Change.previous == version_before).label("whole"),
    )
    owned = Change.user_id == ACTING_USER
    return (
        db.select(*columns).where(owned, Change.task_id == bindparam("task_id"), Change.number > BASE).subquery("step")
    )


def _since() -> CTE:
    """Return a row about all of these changes, with the object ``was``; null if none of them or not all are known.

    The object has the columns that changed, each with its value in the version ``base``, and the ``number`` of the last
    change.
    """
    step = _steps()
    fields = func.jsonb_each(step.c.before).table_valued(column("key", Text), column("value", JSONB))
    field = fields.lateral("field")
    differs = field.c.value.is_distinct_from(step.c.after.op("->")(field.c.key))
    # Of several values for one key, an object has the last one.
    first_values = func.jsonb_object_agg(field.c.key, field.c.value).aggregate_order_by(step.c.number.desc())
    last = func.jsonb_build_object("number", func.max(step.c.number), type_=JSONB)
    was = case((func.bool_and(step.c.whole), last.op("||")(first_values.filter(differs))))
    since: CTE = db.select(was.label("was")).select_from(step.outerjoin(field, true())).cte("since")
    return since


_SINCE = _since()
# The columns that changed since, as an object with their values in the version ``base``.
WAS: ColumnElement[Any] = type_coerce(db.select(_SINCE.c.was).scalar_subquery(), JSONB)
# Whether the log has all changes between the version ``base`` and that of the task. It has not if some were purged, if
# a release without the log made some, or if the task never had this version.
IS_KNOWN: ColumnElement[bool] = cast(WAS.op("->>")("number"), BigInteger) == Task.version
