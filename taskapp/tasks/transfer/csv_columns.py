"""Tasks as rows of CSV, in both directions. Pure functions on JSON values.

Nothing is lost. ``from_cells`` of what ``to_cells`` made of a task is that task again.

- The recurrence takes six columns. The one that is called ``recurrence`` has the rule. The reminder takes two.
- Tags have commas between, because no tag contains one.
- Null is an empty cell. An empty text, which is not null, is a cell with only an apostrophe.
- Spreadsheets take a cell such as ``=1+1`` for a formula (https://owasp.org/www-community/attacks/CSV_Injection). So
  such a cell gets an apostrophe in front, and so does one that begins with an apostrophe. Readers remove exactly one.
"""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any

from taskapp.tasks.representation import FIELDS

# The columns of a recurrence, and the members of its object.
RECURRENCE: Mapping[str, str] = MappingProxyType(
    {
        "recurrence": "rule",
        "recurrence_from": "from",
        "recurrence_series_id": "series_id",
        "recurrence_occurrence": "occurrence",
        "recurrence_next": "next",
        "recurrence_last": "last",
    }
)
# The same of a reminder. One of them is empty.
REMINDER: Mapping[str, str] = MappingProxyType({"reminder_minutes_before": "minutes_before", "reminder_at": "at"})
# The fields that take several columns, the last one first.
_OBJECTS: Mapping[str, Mapping[str, str]] = MappingProxyType({"reminder": REMINDER, "recurrence": RECURRENCE})
# Those that may be null in a recurrence.
_NULLABLE_MEMBERS = ("recurrence_next", "recurrence_last")
# Fields that are never null. An empty cell then stands for a field that was not given, as in a row made by hand.
_NEVER_NULL = frozenset({"id", "uid", "user_id", "title", "completed", "created_at", "updated_at", "version"})
_APOSTROPHE = "'"
# What begins a formula in some spreadsheet or some locale. The last four are the full-width forms.
_ESCAPED = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20" + _APOSTROPHE)
_INTEGER_DIGITS = 19
_BOOLEANS = MappingProxyType({"true": True, "false": False})


def columns_of(fields: Collection[str]) -> tuple[str, ...]:
    """Return the columns of fields of tasks, in their order.

    Args:
        fields: the names of the fields.
    """
    return tuple(column for name in fields for column in _OBJECTS.get(name, (name,)))


# The columns of whole tasks.
COLUMNS = columns_of(FIELDS)


def to_cells(task: Mapping[str, Any]) -> list[str]:
    """Return the row of a task.

    Args:
        task: the fields of a task and their JSON values.

    Returns:
        A cell for each of ``columns_of(task)``.
    """
    values = [*task.values()]
    for name, columns in _OBJECTS.items():
        if name in task:
            place, value = [*task].index(name), task[name] or {}
            values[place : place + 1] = [value.get(member) for member in columns.values()]
    return [_WRITERS[type(value)](value) for value in values]


def _escape(text: str) -> str:
    return text if text and text[0] not in _ESCAPED else _APOSTROPHE + text


# By the type of a JSON value. A page has 21,000 cells, so a lookup is faster than a chain of conditions.
_WRITERS: Mapping[type, Callable[[Any], str]] = MappingProxyType(
    {
        str: _escape,
        type(None): lambda _: "",
        bool: lambda value: "true" if value else "false",
        int: str,
        list: lambda tags: _escape(",".join(tags)) if tags else "",
    }
)


def from_cells(cells: Mapping[str, str]) -> dict[str, Any]:
    """Return the task of a row, as a line of NDJSON has it.

    The values are not validated. A cell that does not have the form of its column is returned as text, which no field
    of that kind accepts. Columns that no task has are returned as they are.

    Args:
        cells: the columns and their cells. Any column may be missing.
    """
    task: dict[str, Any] = {}
    for name, cell in cells.items():
        if name in RECURRENCE:
            task["recurrence"] = None  # Keeps the order of fields.
        elif name in REMINDER:
            task["reminder"] = None
        elif name == "tags":
            task[name] = _unescape(cell).split(",") if cell else []
        elif cell:
            task[name] = _READERS.get(name, _unescape)(cell)
        elif name not in _NEVER_NULL:
            task[name] = None
    if recurrence := _recurrence_from(cells):
        task["recurrence"] = recurrence
    if reminder := _reminder_from(cells):
        task["reminder"] = reminder
    return task


def _recurrence_from(cells: Mapping[str, str]) -> dict[str, Any]:
    members: dict[str, Any] = {member: _unescape(cells[name]) for name, member in RECURRENCE.items() if cells.get(name)}
    if "series_id" not in members:  # It begins a series, in a row made by hand.
        return members
    absent = (RECURRENCE[name] for name in _NULLABLE_MEMBERS if name in cells)
    return {**dict.fromkeys(absent), **members}


def _reminder_from(cells: Mapping[str, str]) -> dict[str, Any]:
    sent = {member: cells[name] for name, member in REMINDER.items() if cells.get(name)}
    return {member: _READERS.get(member, _unescape)(cell) for member, cell in sent.items()}


def _unescape(cell: str) -> str:
    return cell.removeprefix(_APOSTROPHE)


def _to_integer(cell: str) -> int | str:
    is_integer = cell.isascii() and cell.isdigit() and len(cell) <= _INTEGER_DIGITS
    return int(cell) if is_integer else _unescape(cell)


def _to_boolean(cell: str) -> bool | str:
    return _BOOLEANS.get(cell.lower(), cell)  # Spreadsheets write them in upper case.


_READERS: Mapping[str, Callable[[str], Any]] = MappingProxyType(
    {"id": _to_integer, "version": _to_integer, "completed": _to_boolean, "minutes_before": _to_integer}
)
