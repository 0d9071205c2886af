"""Todoist: CSV files of projects, a ZIP of them as a backup is, and responses of its API."""

from collections.abc import Iterator

from taskapp.tasks.transfer.importers import todoist_csv, todoist_json
from taskapp.tasks.transfer.importers.files import InputFile, unpack
from taskapp.tasks.transfer.importers.found import FoundTask
from taskapp.tasks.transfer.importers.report import Report


def read(file: InputFile, time_zone: str | None, report: Report) -> Iterator[FoundTask]:
    """Yield the tasks of all projects in a file.

    Raises:
        WrongFile: it is none of the three.
    """
    if file.data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"{", b"["}:
        yield from todoist_json.read(file, time_zone, report)
        return
    for part in unpack(file, ".csv"):
        yield from todoist_csv.read(part, report)
