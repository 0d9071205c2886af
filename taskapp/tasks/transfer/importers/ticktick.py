"""TickTick: the CSV file of Settings, Account, Backup. It has some lines about itself above the header.

Columns and values are those of backups that people published, such as
https://gist.github.com/mitul45/5028226c709f2c6e555c40b28acdd565. TickTick does not document them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from taskapp.tasks.transfer.importers.files import InputFile, Row, rows_of, unpack
from taskapp.tasks.transfer.importers.found import Due, FoundTask
from taskapp.tasks.transfer.importers.report import Report
from taskapp.tasks.transfer.importers.times import due_in, find_instant, require_zone, zone_or_own

_NEEDED = ("List Name", "Title", "Due Date", "Priority", "Status")
_PRIORITIES = {"5": "high", "3": "medium", "1": "low"}
_ABANDONED = "-1"
# Others are the place of a task among others, how a list is drawn, or follow from other columns.
_KNOWN = frozenset(
    {*_NEEDED, "Folder Name", "Kind", "Tags", "Content", "Is Check list", "Start Date", "Reminder", "Repeat"}
    | {"Created Time", "Completed Time", "Order", "Timezone", "Is All Day", "Is Floating", "Column Name"}
    | {"Column Order", "View Mode", "taskId", "parentId", "projectKind"}
)


def read(file: InputFile, time_zone: str | None, report: Report) -> Iterator[FoundTask]:
    """Yield the tasks of a backup.

    Raises:
        WrongFile: it is no backup, or an instant needs a time zone.
    """
    for part in unpack(file, ".csv"):
        rows = list(rows_of(part, _NEEDED))
        # A child may come before its parent.
        titles = {row.cells.get("taskId", ""): row.cells.get("Title", "") for row in rows}
        yield from _Backup(titles, time_zone, report).tasks(rows)


class _Backup:
    """The tasks of a backup.

    Args:
        titles: the titles of tasks by ``taskId``. This is the number of a row: in the next backup, another task has it.
        time_zone: that of the user.
        report: what has no place.
    """

    def __init__(self, titles: Mapping[str, str], time_zone: str | None, report: Report) -> None:
        self._titles = titles
        self._time_zone = time_zone
        self._report = report
        self._copies: Counter[str] = Counter()

    def tasks(self, rows: Iterable[Row]) -> Iterator[FoundTask]:
        """Yield the tasks of the rows."""
        for row in rows:
            cells = {name: row.cells.get(name, "").strip() for name in {*_KNOWN, *row.cells}}
            for name in sorted(cells.keys() - _KNOWN):
                if cells[name]:
                    self._report.left_out(name or "a column without a name")
            yield self._task(row.place, cells)

    def _task(self, place: str, cells: Mapping[str, str]) -> FoundTask:
        key = f"{cells['Created Time']}\n{cells['Title']}"
        self._copies[key] += 1
        task = FoundTask(
            place,
            source_id=f"{key}\n{self._copies[key]}",
            title=cells["Title"],
            description=cells["Content"],
            completed=cells["Status"] not in {"", "0"},
            completed_at=find_instant(cells["Completed Time"]),
            created_at=find_instant(cells["Created Time"]),
            priority=_PRIORITIES.get(cells["Priority"]),
            tags=[cells["Folder Name"], cells["List Name"], cells["Column Name"], *cells["Tags"].split(",")],
            rule=cells["Repeat"],
        )
        if cells["Kind"] == "NOTE":
            task.tags.append("note")
        if cells["Status"] == _ABANDONED:
            task.add("Status", "Won't do")
        if parent := cells["parentId"]:
            task.add("Part of", self._titles.get(parent, parent))
        due, start = (self._due(task, cells, name) for name in ("Due Date", "Start Date"))
        task.due = due or start
        if start and start != task.due:
            task.add("Start", " ".join(map(str, filter(None, (start.day, start.clock)))))
        task.add("Reminder", ", ".join(cells["Reminder"].split()))
        return task

    def _due(self, task: FoundTask, cells: Mapping[str, str], column: str) -> Due | None:
        """Return the day or time of a column: an instant, which is a day in the time zone of the row."""
        text, name = cells[column], cells["Timezone"]
        if not text:
            return None
        instant = find_instant(text)
        if instant is None:
            self._report.note(task.place, task.title, f'"{text}" in {column} is no time.')
            return None
        zone = zone_or_own(name, task, self._report) or self._time_zone
        reason = "Days are instants in this file, but the row has no time zone."
        zone = require_zone(zone, task.place, reason)
        return due_in(instant, zone, all_day=cells["Is All Day"].lower() == "true")
