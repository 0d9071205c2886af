"""Checks the lines of a file: each by itself, and that no two are about the same task."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import sha256
from itertools import islice
from typing import Any, NamedTuple

import orjson
from marshmallow import ValidationError

from taskapp.tasks.changes.batch import MAXIMUM_OPERATIONS
from taskapp.tasks.models import DESCRIPTION_LENGTH, TITLE_LENGTH
from taskapp.tasks.transfer.lines import WHOLE, Line
from taskapp.tasks.transfer.schemas import IGNORED, LineIn

MAXIMUM_LINES = MAXIMUM_OPERATIONS
# The key of errors of the file, or of its lines by number.
LINES = "lines"
_LENGTHS = {"title": TITLE_LENGTH, "description": DESCRIPTION_LENGTH}
# Of the uids that are made from the contents of lines. An arbitrary UUID, which must never change.
_NAMESPACE = uuid.UUID("6f3c8a52-41b7-4d0e-9c25-7e1a90d4b6f8")

_DEFAULTS: tuple[Any, ...] = (None, False, [])

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


class Seen:
    """What the lines of a file had so far, if it is checked in parts.

    Attributes:
        first: the first line of each uid, and of each occurrence of a series.
        contents: how many lines without a uid had which contents.
    """

    def __init__(self) -> None:
        self.first: dict[str | tuple[str, str], int] = {}
        self.contents = Counter[str]()


def check_lines(lines: Iterable[Line], *, cut: bool = False, seen: Seen | None = None) -> list[CheckedLine]:
    """Return the lines of a file, or of a part of it, checked.

    Args:
        lines: the lines.
        cut: whether to cut texts that are too long.
        seen: what the file had before these lines, which are added.

    Raises:
        ValidationError: some lines are wrong. Its messages are ``{"lines": {4: {"title": ["…"]}}}``.
    """
    errors: dict[int | None, Any] = {}
    checked: list[CheckedLine] = []
    seen = seen or Seen()
    for line in islice(lines, MAXIMUM_LINES + 1):
        try:
            checked.append(_check(line, seen, cut=cut))
        except ValidationError as error:
            errors[line.number] = error.messages_dict
    if len(checked) + len(errors) > MAXIMUM_LINES:
        errors[WHOLE] = [f"Must be at most {MAXIMUM_LINES:,}. Send the file in parts."]
    if errors:
        raise ValidationError({LINES: errors})
    return checked


def _check(line: Line, seen: Seen, *, cut: bool) -> CheckedLine:
    if line.errors:
        raise ValidationError(dict(line.errors))
    values = {name: value for name, value in line.values.items() if name not in IGNORED}
    values, names = _shortened(values) if cut else (values, ())
    fields = _schema.load(values)
    if fields.get("uid") is None:
        fields["uid"] = _made_uid(fields, seen)
    _check_that_it_is_first(line.number, fields, seen)
    return CheckedLine(line.number, fields, names)


def _shortened(values: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the values of fields with texts that are not too long, and the names of those that were."""
    texts = {name: str.strip(values[name]) for name in _LENGTHS if isinstance(values.get(name), str)}
    short = {name: text[: _LENGTHS[name]] for name, text in texts.items() if len(text) > _LENGTHS[name]}
    return {**values, **short}, tuple(short)


def _made_uid(fields: Mapping[str, Any], seen: Seen) -> str:
    """Return a uid made from the contents of a line, so that the same file is the same tasks when it is sent again.

    A value that is the default is as good as none, because CSV has a cell for it. Lines that are equal are tasks of
    their own, so their uids also have their number among these.
    """
    values = {name: value for name, value in fields.items() if value not in _DEFAULTS}
    contents = sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()
    seen.contents[contents] += 1
    return str(uuid.uuid5(_NAMESPACE, f"{contents} {seen.contents[contents]}"))


def _check_that_it_is_first(number: int, fields: Mapping[str, Any], seen: Seen) -> None:
    """Reject a line that is about the task, or the occurrence of a series, of an earlier one.

    Raises:
        ValidationError: there is an earlier one.
    """
    of = seen.first.setdefault(fields["uid"], number)
    if of != number:
        raise ValidationError({"uid": [f"Is also the uid of line {of}."]})
    recurrence = fields.get("recurrence") or {}
    if "series_id" not in recurrence:
        return
    occurrence = recurrence["series_id"], recurrence.get("occurrence", fields["due_date"])
    of = seen.first.setdefault(occurrence, number)
    if of != number:
        raise ValidationError({"recurrence": [f"Is the same occurrence of the series as that of line {of}."]})
