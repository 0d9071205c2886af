"""The lines of a file of tasks, before they are checked."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from taskapp.http.json_text import DuplicateName, InvalidJSON, parse_object

# A line that is wrong as a whole has its error under this key, as in taskapp.http.input_errors.
WHOLE = None
Messages = Mapping[str | None, list[Any]]


class Line(NamedTuple):
    """A line of a file.

    Attributes:
        number: its number in the file, from 1.
        values: the fields of a task by name, as in JSON.
        errors: sentences by field, if the line could not be read.
    """

    number: int
    values: Mapping[str, Any]
    errors: Messages = MappingProxyType({})


def read_ndjson(lines: Iterable[str]) -> Iterator[Line]:
    """Yield the lines of newline-delimited JSON. Empty ones are skipped.

    Args:
        lines: the lines of the file, with their ends.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield Line(number, parse_object(line.rstrip("\r\n"), "The line"))
        except DuplicateName as error:
            yield Line(number, {}, {error.name: ["Appears more than once."]})
        except InvalidJSON as error:
            yield Line(number, {}, {WHOLE: [str(error)]})


Reader = Callable[[Iterable[str]], Iterator[Line]]
