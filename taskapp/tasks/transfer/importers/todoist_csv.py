"""Todoist's CSV files: one project each, in the order of its list.

The columns are described in
https://www.todoist.com/help/articles/import-or-export-a-project-as-a-csv-file-in-todoist-YC8YvN.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import PurePath

from taskapp.tasks.transfer.importers.files import STDIN, InputFile, Row, rows_of
from taskapp.tasks.transfer.importers.found import FoundTask
from taskapp.tasks.transfer.importers.report import Report
from taskapp.tasks.transfer.importers.times import zone_or_own
from taskapp.tasks.transfer.importers.todoist_dates import find_due

# 1 is the highest here, and the lowest in the API.
_PRIORITIES = {"1": "urgent", "2": "high", "3": "medium"}
# Others say who wrote a task, and in which language its dates are.
_KNOWN = frozenset(
    {"TYPE", "CONTENT", "DESCRIPTION", "PRIORITY", "INDENT", "AUTHOR", "DATE", "DATE_LANG", "TIMEZONE"}
    | {"DURATION", "DURATION_UNIT", "DEADLINE", "DEADLINE_LANG"}
)
# The product has five levels. Without a bound, the path of each task could be as long as the file.
_INDENT = re.compile(r"[1-9]", re.ASCII)
_LABEL = re.compile(r"(?:^|\s)@(\S+)")


class _Project:
    """The state while the rows of a project are read, because a row depends on those above it."""

    def __init__(self, file_name: str, report: Report) -> None:
        # A backup names its files "Name [id].csv".
        self.name = "" if file_name == STDIN else re.sub(r" \[\w+\]$", "", PurePath(file_name).stem)
        self.report = report
        self.section = ""
        self.parents: list[tuple[int, str]] = []
        self.copies: Counter[tuple[str, ...]] = Counter()

    def task(self, row: Row, cells: Mapping[str, str]) -> FoundTask:
        """Return the task of a row. Its id is its path, since the file has none."""
        level = cells["INDENT"].strip()
        indent = int(level) if _INDENT.fullmatch(level) else 1
        self.parents = [parent for parent in self.parents if parent[0] < indent]
        title, labels = _split(cells["CONTENT"])
        path = (self.name, self.section, *(name for _, name in self.parents), title)
        self.copies[path] += 1
        task = FoundTask(
            row.place,
            source_id="\n".join((*path, str(self.copies[path]))),
            title=title,
            description=cells["DESCRIPTION"],
            priority=_PRIORITIES.get(cells["PRIORITY"].strip()),
            tags=[self.name, self.section, *labels],
        )
        if self.parents:
            task.add("Part of", self.parents[-1][1])
        self.parents.append((indent, title))
        return task


def read(file: InputFile, report: Report) -> Iterator[FoundTask]:
    """Yield the tasks of a project.

    Raises:
        WrongFile: it is no such file.
    """
    project, task = _Project(file.name, report), None
    for row in rows_of(file, ("TYPE", "CONTENT")):
        cells = {name: row.cells.get(name, "") for name in {*_KNOWN, *row.cells}}
        kind = cells["TYPE"].strip().lower()
        if kind == "note" and task:
            task.add("Comment", cells["CONTENT"])
            continue
        if task:
            yield task
            task = None
        if kind == "task":
            task = project.task(row, cells)
            _complete(task, cells, report)
        elif kind == "section":
            project.section, project.parents = cells["CONTENT"].strip(), []
        elif kind != "meta":  # How the project is shown.
            report.note(row.place, cells["CONTENT"], f'A row of the type "{kind}" that belongs to no task.')
    if task:
        yield task


def _split(content: str) -> tuple[str, list[str]]:
    """Return a title without its labels, and the labels."""
    title = " ".join(_LABEL.sub(" ", content).split(" ")).strip()
    title = re.sub(" {2,}", " ", title)
    return (title, _LABEL.findall(content)) if title else (content, [])


def _complete(task: FoundTask, cells: Mapping[str, str], report: Report) -> None:
    """Add when a task is due, and what has no field."""
    if text := cells["DATE"].strip():
        zone = zone_or_own(cells["TIMEZONE"], task, report)
        task.due = find_due(text, cells["DATE_LANG"], zone)
        if not task.due:
            task.add("Date", text)
            report.note(
                task.place, task.title, f'The date "{text}" is only in the description. It is no complete date.'
            )
    if deadline := cells["DEADLINE"].strip():
        due = find_due(deadline, cells["DEADLINE_LANG"], None)
        if due and not task.due and not cells["DATE"].strip():
            task.due = due
        else:
            task.add("Deadline", due.day if due else deadline)
    task.add("Duration", cells["DURATION"].strip() and f"{cells['DURATION']} {cells['DURATION_UNIT']}".strip())
    for name in sorted(cells.keys() - _KNOWN):
        if cells[name].strip():
            report.left_out(name)
