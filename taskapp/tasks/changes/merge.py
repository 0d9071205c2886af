"""Merging: an update of one version of a task takes effect on a later one, if nobody else changed the same fields.

A field is changed by an update if it sends another value than the field had in the version ``base``. So a client may
send a whole task, and what it did not change stays as others left it.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ClauseElement,
    Column,
    ColumnElement,
    and_,
    bindparam,
    case,
    cast,
    column,
    false,
    func,
    literal_column,
    not_,
    or_,
)
from sqlalchemy.dialects.postgresql import JSONB, array
from sqlalchemy.sql.visitors import replacement_traverse

from taskapp.tasks.changes.images import NO_COLUMNS
from taskapp.tasks.changes.since import BASE, IS_KNOWN, WAS
from taskapp.tasks.due import DUE_FIELDS
from taskapp.tasks.models import Task
from taskapp.tasks.recurrence.documents import is_sent_back

_TABLE = Task.__table__
_NULL: ColumnElement[Any] = literal_column("'null'::jsonb", JSONB)
_TAGS = {"add_tags": "tags", "remove_tags": "tags"}
# The task as it was in the version ``base``.
_base: Any = func.jsonb_populate_record(_TABLE.table_valued(), func.coalesce(WAS, NO_COLUMNS)).table_valued(
    *(column(each.key, each.type) for each in _TABLE.columns), name="base_task"
)


def merged_value(name: str, value: Any) -> ColumnElement[Any]:
    """Return the new value of a column: the one that an update sends, or that of others, if only they changed it."""
    return case((WAS.has_key(name), _TABLE.c[name]), else_=cast(value, _TABLE.c[name].type))


def in_base(expression: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return an expression of columns of a task for the task as it was in the version ``base``."""

    def replace(element: ClauseElement, **_: Any) -> Any:
        return _base.c[element.key] if isinstance(element, Column) and element.key in _TABLE.c else None

    replaced: ColumnElement[Any] = replacement_traverse(expression, {}, replace)
    return replaced


def _json(value: Any) -> ColumnElement[Any]:
    """Return a value as it is in the images of the log."""
    return func.coalesce(func.to_jsonb(value, type_=JSONB), _NULL, type_=JSONB)


def _is_mergeable(name: str) -> ColumnElement[bool]:
    """Return whether others did not change a field, or the update sends the value that it had in the version ``base``.

    This reads the images, because to compose the whole task in that version would take longer than all the rest.
    """
    sent = _json(cast(bindparam(f"new_{name}"), _TABLE.c[name].type))
    was = WAS.op("->")(name)
    if name == "recurrence":
        return _is_recurrence_mergeable(was, sent)
    if name not in DUE_FIELDS:
        return func.coalesce(was, sent) == sent
    # If two edits each changed a part of the instant, the result would be a time that nobody chose.
    return or_(not_(WAS.has_any(array(DUE_FIELDS))), func.coalesce(was, _json(_TABLE.c[name])) == sent)


def _is_recurrence_mergeable(was: Any, sent: Any) -> ColumnElement[bool]:
    """Return the same for the recurrence. A new one begins on the day that is sent with it, and goes by its zone."""
    base = func.coalesce(was, _json(_TABLE.c.recurrence), type_=JSONB)
    ends = and_(sent == _NULL, func.coalesce(was, sent) == sent)
    is_free = not_(WAS.has_any(array(("recurrence", "due_date", "time_zone"))))
    return or_(func.coalesce(is_sent_back(base, sent), false()), ends, is_free)


def is_disjoint(fields: Iterable[str], *, relative: bool = False) -> ColumnElement[bool]:
    """Return the condition that an update may be merged: the task has the version ``base``, or one known to follow it,
    and others changed none of the fields that the update changes.

    Args:
        fields: the names of the fields that the update sends, as for :func:`taskapp.tasks.values.changed_values`.
        relative: whether their new values depend on the current ones, so that they have no parameters.
    """
    conditions = (
        not_(WAS.has_key(_TAGS.get(name, name))) if relative or name in _TAGS else _is_mergeable(name)
        for name in sorted(fields)
    )
    return or_(Task.version == BASE, and_(IS_KNOWN, *conditions))
