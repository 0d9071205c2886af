"""The filters of lists: from the names of parameters to conditions, and which lists are costly.

A condition that PostgreSQL can look up in an index must compare a plain column with operators that are leakproof, since
row-level security comes first (https://www.postgresql.org/docs/current/rules-privileges.html). Those on days, times,
numbers and texts are; those on arrays and time zones are not. So some filters state a bound of the sort column, which
they imply, beside their own condition.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    SmallInteger,
    String,
    Text,
    any_,
    bindparam,
    case,
    cast,
    collate,
    func,
    literal_column,
    not_,
    or_,
    true,
)

from taskapp.tasks.due import NEVER, is_over
from taskapp.tasks.models import PRIORITIES, Task

_TAGS = Task.__table__.c.tags.type
_COMPLETED: ColumnElement[bool] = Task.__table__.c.completed
_RANGES = ("created", "updated", "completed")


def _fold(text: Any) -> ColumnElement[str]:
    """Return an expression that is equal for texts that differ only in case or in their code points.

    Canonically equivalent texts have the same NFC (https://www.unicode.org/reports/tr15/). Upper case comes before
    lower case, because some letters have two small forms, such as the Greek sigma. Most texts are ASCII or already NFC.
    To find that out is cheaper than to normalize them.
    """
    composed = case((func.is_normalized(text, "NFC"), text), else_=func.normalize(text))
    is_ascii = func.octet_length(text) == func.char_length(text)
    return case((is_ascii, func.lower(text)), else_=func.lower(func.upper(composed)))


def _contains(column: Any) -> ColumnElement[bool]:
    # Unlike LIKE, strpos has no wildcards to escape. Upper and lower case follow the locale of the database, although
    # titles sort by code point.
    q = bindparam("q", type_=Text)
    return func.strpos(_fold(collate(column, "default")), _fold(q)) > 0


def _due_from() -> ColumnElement[bool]:
    day = bindparam("due_from", type_=Date)
    return (Task.due_date >= day) & (Task.due_order >= day) & (Task.due_order < NEVER)


def _due_before() -> ColumnElement[bool]:
    day = bindparam("due_before", type_=Date)
    return (Task.due_date < day) & (Task.due_order <= day)  # A day without a time ends when the next one begins.


def _overdue() -> ColumnElement[bool]:
    # No clock is a day ahead of UTC, the time zone of each statement.
    latest = func.localtimestamp().op("+")(literal_column("interval '1 day'"))
    return not_(_COMPLETED) & (Task.due_order < latest) & is_over(bindparam("time_zone", type_=String))


def _tags(name: str) -> Any:
    return cast(bindparam(name), _TAGS)


def _range(name: str) -> Iterable[tuple[str, ColumnElement[bool]]]:
    column: Any = getattr(Task, f"{name}_at")
    # A release before completed_at existed may leave it behind when it reopens a task.
    condition = _COMPLETED if name == "completed" else true()
    instant = DateTime(timezone=True)
    yield f"{name}_from", condition & (column >= bindparam(f"{name}_from", type_=instant))
    yield f"{name}_before", condition & (column < bindparam(f"{name}_before", type_=instant))


# In the form of the predicates of partial indexes.
STATUSES: Mapping[str, ColumnElement[bool]] = MappingProxyType(
    {"all": true(), "pending": not_(_COMPLETED), "completed": _COMPLETED}
)
# The conditions of optional filters, by the names of their parameters; those of a choice by the name and the value. The
# values of parameters are bind parameters of the same names.
FILTERS: Mapping[str, ColumnElement[bool]] = MappingProxyType(
    {
        "q": or_(_contains(Task.title), _contains(Task.description)),
        "due_from": _due_from(),
        "due_before": _due_before(),
        "due=any": Task.due_order < NEVER,
        "due=none": Task.due_order == NEVER,
        "overdue": _overdue(),
        "priority": Task.priority == any_(cast(bindparam("priority"), ARRAY(SmallInteger))),
        "tags_all": Task.tags.op("@>", is_comparison=True)(_tags("tags_all")),
        "tags_any": Task.tags.op("&&", is_comparison=True)(_tags("tags_any")),
        "tags_none": not_(Task.tags.op("&&", is_comparison=True)(_tags("tags_none"))),
        "tagged": (func.cardinality(Task.tags) > 0) == bindparam("tagged", type_=Boolean),
        **{key: condition for name in _RANGES for key, condition in _range(name)},
    }
)
# Values that a filter needs beside its own.
_PARTS = frozenset({"time_zone"})
# The sort order whose index bounds the work of a filter. No index bounds that of the other filters.
_BOUNDED_BY: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("due", "due_from", "due_before", "overdue"), "due"),
        **{f"{name}_{end}": f"{name}_at" for name in _RANGES for end in ("from", "before")},
    }
)
# The parameters that filter, other than the status.
FILTER_NAMES = frozenset(name.partition("=")[0] for name in FILTERS)


def filters_in_use(values: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the :data:`FILTERS` for the values of parameters."""
    return frozenset(
        name if name in FILTERS else f"{name}={value}" for name, value in values.items() if name not in _PARTS
    )


def filter_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the bind parameters of filters. Priorities are stored as numbers."""
    parameters = dict(values)
    if "priority" in values:
        parameters["priority"] = [PRIORITIES.index(word) for word in values["priority"]]
    return parameters


def costly_names(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the parameters that make a list costly; none if it is not.

    The work of a costly list grows with all tasks of the user, or with all their changes since ``as_of``. That of any
    other list is bounded by an index and by ``limit``. An index bounds filters by the sort column only, and the order
    ``due`` only of pending tasks.

    Args:
        values: the parameters of the list, as values or as the text that the client sent.
    """
    sort = values.get("sort", "").removeprefix("-")
    pending = values.get("status") == "pending" or "overdue" in values
    unbounded = {
        "sort": sort == "priority" or (sort == "due" and not pending),
        "count": values.get("count") in (True, "true"),
        "as_of": values.get("as_of", "now") not in ("now", ""),
        **{name: values[name] != "" for name in FILTER_NAMES & values.keys() if _BOUNDED_BY.get(name) != sort},
    }
    return tuple(sorted(name for name, is_unbounded in unbounded.items() if is_unbounded))
