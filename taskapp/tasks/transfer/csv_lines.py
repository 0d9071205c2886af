"""The lines of a CSV file of tasks (RFC 4180), before they are checked. The first line has the names of the columns."""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

from taskapp.http.unknown_names import MAXIMUM_NAMES, unknown_names
from taskapp.tasks.transfer.csv_columns import RECURRENCE, REMINDER, from_cells
from taskapp.tasks.transfer.lines import WHOLE, Line
from taskapp.tasks.transfer.schemas import IGNORED, LineIn

_schema = LineIn()
_KNOWN = frozenset((*_schema.fields, *RECURRENCE, *REMINDER, *IGNORED))
# Spreadsheets write semicolons in countries where a comma separates decimals.
_DELIMITERS = (",", ";", "\t")
# The sentences for the errors of the reader that a file can cause, by a part of their text.
_ERRORS = {
    "unexpected end of data": "A quote is opened, and never closed.",
    "expected after": "A quote ends within a cell. Write a quote in a quoted cell as two.",
    "field limit": "A cell is longer than 1 MiB. Is a quote never closed?",
}
# A text in a cell may have any length, as in JSON. This is the limit of a body, too, and bounds memory in larger files.
csv.field_size_limit(2**20)


def read_csv(lines: Iterable[str]) -> Iterator[Line]:
    """Yield the lines of CSV with commas, semicolons or tabs. Empty ones are skipped.

    The number of a line is that of the line in the file on which it begins, because cells may have several.

    Args:
        lines: the lines of the file, with their ends.
    """
    columns: list[str] = []
    for number, cells, error in _rows(iter(lines)):
        if error:
            yield Line(number, {}, {WHOLE: [error]})
        elif not any(cells):
            continue
        elif not columns:
            columns = [name.strip() for name in cells]
            if errors := _errors_of(columns):
                yield Line(number, {}, errors)
                return
        elif len(cells) != len(columns):
            sentence = f"Has {len(cells)} cell{'s' if len(cells) > 1 else ''}. The first line has {len(columns)}."
            yield Line(number, {}, {WHOLE: [sentence]})
        else:
            yield Line(number, from_cells(dict(zip(columns, cells, strict=True))))


def _rows(lines: Iterator[str]) -> Iterator[tuple[int, Sequence[str], str | None]]:
    """Yield the number, the cells and the error of each row."""
    head = []
    for line in lines:
        head.append(line)
        if line.strip():
            break
    reader = csv.reader(chain(head, lines), delimiter=_delimiter(head), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            yield number, next(reader), None
        except StopIteration:
            return
        except csv.Error as error:
            sentences = (sentence for part, sentence in _ERRORS.items() if part in str(error))
            yield number, (), next(sentences, f"Is not CSV: {error}.")


def _delimiter(head: Sequence[str]) -> str:
    """Return the delimiter with which the first line that is not empty has the most columns of a task."""
    first = head[-1] if head else ""

    def number(delimiter: str) -> int:
        return len(_KNOWN.intersection(name.strip('" \r\n') for name in first.split(delimiter)))

    return max(_DELIMITERS, key=number)


def _errors_of(columns: Sequence[str]) -> dict[str | None, list[Any]]:
    """Return what is wrong with the names of the columns."""
    repeated = islice((name for name, times in Counter(columns).items() if times > 1), MAXIMUM_NAMES)
    errors: dict[str | None, list[Any]] = {name: ["Appears more than once."] for name in repeated}
    if "" in columns:
        errors = {WHOLE: ["A column has no name."]}
    elif "title" not in columns and "title" not in errors:
        errors["title"] = ["Is missing. The first line must have the names of the columns."]
    return {**errors, **unknown_names([name for name in columns if name and name not in _KNOWN], _schema)}
