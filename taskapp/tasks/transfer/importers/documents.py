"""Parts of JSON documents that somebody else wrote: nothing about their types is certain."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from taskapp.tasks.transfer.importers.report import Report, WrongFile


class Item(NamedTuple):
    """An object in an array, and where it is."""

    place: str
    value: Mapping[str, Any]


class Items:
    """The objects of an array.

    Args:
        place: where the array is.
        values: the array.

    Raises:
        WrongFile: it is no array, or has something other than objects.
    """

    def __init__(self, place: str, values: Any) -> None:
        if not isinstance(values, list):
            raise WrongFile(f"{place}: This must be an array.")
        self._place, self._values = place, values

    def __iter__(self) -> Iterator[Item]:
        """Yield each object with its place."""
        for number, value in enumerate(self._values, start=1):
            place = f"{self._place}, item {number}"
            if not isinstance(value, dict):
                raise WrongFile(f"{place}: This must be an object.")
            yield Item(place, value)


def as_text(value: Any) -> str:
    """Return a string or a number as text; empty for anything else, which these fields never have."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def as_object(value: Any) -> Mapping[str, Any]:
    """Return an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def report_unknown(fields: Mapping[str, Any], known: Collection[str], report: Report) -> None:
    """Count the fields that have a value but no place."""
    for name, value in fields.items():
        if name not in known and value not in (None, "", [], {}, False):
            report.left_out(name)
