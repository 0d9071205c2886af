"""Google Tasks: ``Tasks.json`` of Google Takeout, or lists of the Tasks API.

Each task is as in https://developers.google.com/workspace/tasks/reference/rest/v1/tasks. Takeout puts the tasks into
``items`` of their list, and the lists into ``items`` of the file.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from taskapp.tasks.transfer.importers.documents import Items, as_text, report_unknown
from taskapp.tasks.transfer.importers.files import InputFile, json_of, unpack
from taskapp.tasks.transfer.importers.found import Due, FoundTask
from taskapp.tasks.transfer.importers.report import Report, WrongFile
from taskapp.tasks.transfer.importers.times import find_day, find_instant

# Others name the task in the product, its place among others, or follow from other fields.
_KNOWN = frozenset(
    {"kind", "id", "etag", "title", "updated", "selfLink", "webViewLink", "parent", "position", "notes", "status"}
    | {"due", "completed", "created", "deleted", "hidden", "links", "task_type"}
)


def read(file: InputFile, _time_zone: str | None, report: Report) -> Iterator[FoundTask]:
    """Yield the tasks of all lists.

    Raises:
        WrongFile: the file has no lists of tasks.
    """
    for part in unpack(file, "tasks.json"):
        document = json_of(part)
        if not isinstance(document, dict) or not isinstance(document.get("items"), list):
            raise WrongFile(f"{part.name} has no lists of tasks. It must have items, as Tasks.json of Takeout has.")
        if document.get("kind") == "tasks#tasks":  # One list, as the API returns it.
            document = {"items": [document]}
        for number, tasks in enumerate(Items(part.name, document["items"]), start=1):
            name = as_text(tasks.value.get("title"))
            place = f"{part.name}, list {name or number}"
            yield from _tasks(name, Items(place, tasks.value.get("items", [])), report)


def _tasks(name: str, items: Items, report: Report) -> Iterator[FoundTask]:
    titles = {as_text(item.value.get("id")): as_text(item.value.get("title")) for item in items}
    for item in items:
        fields = item.value
        if fields.get("deleted") is True:
            report.refuse(item.place, as_text(fields.get("title")), "It was deleted.")
            continue
        report_unknown(fields, _KNOWN, report)
        yield _task(item.place, name, fields, titles)


def _task(place: str, name: str, fields: Mapping[str, Any], titles: Mapping[str, str]) -> FoundTask:
    task = FoundTask(
        place,
        source_id=as_text(fields.get("id")) or f"{place}\n{as_text(fields.get('title'))}",
        title=as_text(fields.get("title")),
        description=as_text(fields.get("notes")),
        completed=fields.get("status") == "completed",
        completed_at=find_instant(as_text(fields.get("completed"))),
        created_at=find_instant(as_text(fields.get("created"))),
        updated_at=find_instant(as_text(fields.get("updated"))),
        tags=[name],
    )
    # A day, written as midnight in UTC. Read as an instant, it would be the day before in the west.
    if day := find_day(as_text(fields.get("due"))):
        task.due = Due(day)
    if parent := as_text(fields.get("parent")):
        task.add("Part of", titles.get(parent, parent))
    for link in Items(place, fields.get("links", [])):
        task.add("Link", " ".join(filter(None, map(as_text, (link.value.get("description"), link.value.get("link"))))))
    return task
