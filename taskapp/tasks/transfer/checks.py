"""Checks the lines of a file: each by itself, and that no two are about the same task."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, NamedTuple

import orjson
from marshmallow import ValidationError

from taskapp.tasks.changes.batch import MAXIMUM_OPERATIONS
from taskapp.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH
from taskapp.tasks.transfer.lines import Line
from taskapp.tasks.transfer.schemas import LineIn

MAXIMUM_LINES = MAXIMUM_OPERATIONS
# The key of errors of the file, or of its lines by number.
LINES = "lines"
_LENGTHS = {"title": TITLE_LENGTH, "description": DESCRIPTION_LENGTH}
# Of the uids that are made from the contents of lines. An arbitrary UUID, which must never change.
_NAMESPACE = uuid.UUID("6f3c8a52-41b7-4d0e-9c25-7e1a90d4b6f8")

_schema = LineIn()


class CheckedLine(NamedTuple):
    """A line that can be imported.

    Attributes:
        number: its number in the file, from 1.
        fields: the values of fields by name. It always has a ``uid``.
        cut: the names of the fields whose text was cut.
    """

    number: int
    fields: Mapping[str, Any]
    cut: tuple[str, ...] = ()


def check_lines(lines: Iterable[Line], *, cut: bool = False, seen: Counter[str] | None = None) -> list[CheckedLine]:
    """Return the lines of a file, checked.

    Args:
        lines: the lines.
        cut: whether to cut texts that are too long.
        seen: how often the file had which contents without a uid, in the lines before these. It is added to.

    Raises:
        ValidationError: some lines are wrong. Its messages are ``{"lines": {4: {"title": ["…"]}}}``.
    """
    errors: dict[int | None, Any] = {}
    checked: list[CheckedLine] = []
    made = Counter[str]() if seen is None else seen
    for line in islice(lines, MAXIMUM_LINES + 1):
        if line.errors:
            errors[line.number] = line.errors
            continue
        try:
            checked.append(_check(line, made, cut=cut))
        except ValidationError as error:
            errors[line.number] = error.messages_dict
    if len(checked) + len(errors) > MAXIMUM_LINES:
        raise ValidationError({LINES: [f"Must be at most {MAXIMUM_LINES:,}. Send the file in parts."]})
    for number, messages in _repeated(checked):
        errors.setdefault(number, messages)
    if errors:
        raise ValidationError({LINES: dict(sorted(errors.items()))})
    return checked


def _check(line: Line, made: Counter[str], *, cut: bool) -> CheckedLine:
    values, names = _shortened(line.values) if cut else (line.values, ())
    fields = {name: value for name, value in _schema.load(values).items() if name not in _UNUSED}
    if fields.get("uid") is None:
        fields["uid"] = _made_uid(fields, made)
    return CheckedLine(line.number, fields, names)


def _shortened(values: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """Return the values of fields with texts that are not too long, and the names of those that were."""
    texts = {name: str.strip(values[name]) for name in _LENGTHS if isinstance(values.get(name), str)}
    short = {name: text[: _LENGTHS[name]] for name, text in texts.items() if len(text) > _LENGTHS[name]}
    return {**values, **short}, tuple(short)


# Of another service.
_UNUSED = frozenset(name for name, field in _schema.fields.items() if field.metadata.get("undocumented"))


def _made_uid(fields: Mapping[str, Any], made: Counter[str]) -> str:
    """Return a uid made from the contents of a line, so that the same file is the same tasks when it is sent again.

    Lines that are equal are tasks of their own, so their uids also have their number among these.
    """
    contents = orjson.dumps(fields, option=orjson.OPT_SORT_KEYS).decode()
    made[contents] += 1
    return str(uuid.uuid5(_NAMESPACE, f"{made[contents]} {contents}"))


def _occurrence(fields: Mapping[str, Any]) -> tuple[str, str] | None:
    recurrence = fields.get("recurrence") or {}
    return (recurrence["series_id"], _day(fields)) if "series_id" in recurrence else None


def _day(fields: Mapping[str, Any]) -> str:
    day: str = fields["recurrence"].get("occurrence", fields["due_date"])
    return day


def _repeated(lines: Iterable[CheckedLine]) -> Iterable[tuple[int, dict[str | None, list[str]]]]:
    """Yield the numbers and the errors of lines that are about the task, or the occurrence, of an earlier one."""
    first: dict[Any, int] = {}
    for line in lines:
        of = first.setdefault(line.fields["uid"], line.number)
        if of != line.number:
            yield line.number, {"uid": [f"Is also the uid of line {of}."]}
        occurrence = _occurrence(line.fields)
        of = first.setdefault(occurrence, line.number) if occurrence else line.number
        if of != line.number:
            yield line.number, {"recurrence": [f"Line {of} has this occurrence of the series."]}
