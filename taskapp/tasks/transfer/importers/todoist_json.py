"""Responses of Todoist's API: tasks, or all resources of a synchronization (https://developer.todoist.com/api/v1/)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from taskapp.tasks.transfer.importers.documents import Item, Items, as_object, as_text, report_unknown
from taskapp.tasks.transfer.importers.files import InputFile, json_of
from taskapp.tasks.transfer.importers.found import Due, FoundTask
from taskapp.tasks.transfer.importers.report import Report, WrongFile
from taskapp.tasks.transfer.importers.rules import NotTaken
from taskapp.tasks.transfer.importers.times import due_in, find_day, find_instant, zone_or_own
from taskapp.tasks.transfer.importers.todoist_dates import find_rule

_PRIORITIES = {4: "urgent", 3: "high", 2: "medium"}
# Others name users and the task in the product, its place among others, or follow from other fields.
_KNOWN = frozenset(
    {"id", "v2_id", "content", "description", "priority", "labels", "due", "deadline", "duration", "parent_id"}
    | {"project_id", "section_id", "checked", "is_completed", "completed_at", "added_at", "created_at", "updated_at"}
    | {"user_id", "added_by_uid", "creator_id", "assigned_by_uid", "sync_id", "child_order", "order", "day_order"}
    | {"url", "note_count", "comment_count", "is_collapsed", "collapsed", "is_deleted", "goal_ids", "completed_by_uid"}
)


def read(file: InputFile, time_zone: str | None, report: Report) -> Iterator[FoundTask]:
    """Yield the tasks of a response.

    Raises:
        WrongFile: it has no tasks.
    """
    document = json_of(file)
    resources = as_object(document)
    tasks = document if isinstance(document, list) else None
    for name in ("items", "results", "tasks"):
        tasks = resources.get(name) if tasks is None else tasks
    if not isinstance(tasks, list):
        raise WrongFile(f"{file.name} has no tasks. It must be an array, or have one as items, results or tasks.")
    if resources.get("next_cursor"):
        report.note(file.name, "", "There are more tasks, on the page of next_cursor. Convert them, too.")
    names = {
        kind: {as_text(item.value.get("id")): as_text(item.value.get("name")) for item in _items(file, resources, kind)}
        for kind in ("projects", "sections")
    }
    comments = defaultdict(list)
    for item in _items(file, resources, "notes"):
        comments[as_text(item.value.get("item_id"))].append(as_text(item.value.get("content")))
    items = [item for item in Items(file.name, tasks) if not _is_deleted(item, report)]
    titles = {as_text(item.value.get("id")): as_text(item.value.get("content")) for item in items}
    for item in items:
        task = _task(item, names, titles, time_zone, report)
        for comment in comments[as_text(item.value.get("id"))]:
            task.add("Comment", comment)
        yield task


def _items(file: InputFile, resources: Mapping[str, Any], name: str) -> Items:
    return Items(f"{file.name}, {name}", resources.get(name) or [])


def _is_deleted(item: Item, report: Report) -> bool:
    if item.value.get("is_deleted") is not True:
        return False
    report.refuse(item.place, as_text(item.value.get("content")), "It was deleted.")
    return True


def _task(
    item: Item,
    names: Mapping[str, Mapping[str, str]],
    titles: Mapping[str, str],
    time_zone: str | None,
    report: Report,
) -> FoundTask:
    fields = item.value
    report_unknown(fields, _KNOWN, report)
    labels, priority = fields.get("labels"), fields.get("priority")
    title = as_text(fields.get("content"))
    task = FoundTask(
        item.place,
        source_id=as_text(fields.get("id")) or f"{item.place}\n{title}",
        title=title,
        description=as_text(fields.get("description")),
        completed=True in {fields.get("checked") is True, fields.get("is_completed") is True},
        completed_at=find_instant(as_text(fields.get("completed_at"))),
        created_at=find_instant(as_text(fields.get("added_at") or fields.get("created_at"))),
        updated_at=find_instant(as_text(fields.get("updated_at"))),
        priority=_PRIORITIES.get(priority) if isinstance(priority, int) else None,
        tags=[
            names["projects"].get(as_text(fields.get("project_id")), ""),
            names["sections"].get(as_text(fields.get("section_id")), ""),
            *map(as_text, labels if isinstance(labels, list) else []),
        ],
    )
    if parent := as_text(fields.get("parent_id")):
        task.add("Part of", titles.get(parent, parent))
    _set_due(task, as_object(fields.get("due")), time_zone, report)
    _set_deadline(task, as_object(fields.get("deadline")))
    duration = as_object(fields.get("duration"))
    task.add("Duration", f"{as_text(duration.get('amount'))} {as_text(duration.get('unit'))}".strip())
    return task


def _set_due(task: FoundTask, due: Mapping[str, Any], time_zone: str | None, report: Report) -> None:
    if not due:
        return
    text, name = as_text(due.get("datetime") or due.get("date")), as_text(due.get("timezone"))
    task.due = _due(text, zone_or_own(name, task, report), time_zone)
    if not task.due:
        report.note(task.place, task.title, f'The date "{text}" is neither a day nor a time.')
    if due.get("is_recurring") is not True:
        return
    words = as_text(due.get("string"))
    try:
        task.rule, task.from_completion = find_rule(words, as_text(due.get("lang")))
    except NotTaken as error:
        task.add("Repeats", words)
        report.note(task.place, task.title, f"The recurrence is only in the description. {error}")


def _due(text: str, zone: str | None, time_zone: str | None) -> Due | None:
    """Return a day; a time on any clock; or a time in UTC, which is one on the clock of the task's zone."""
    day, instant = find_day(text), find_instant(text)
    if day is None or instant is None:
        return None
    if len(text) == len("2026-12-24"):
        return Due(day)
    if text.endswith("Z"):
        return due_in(instant, zone or time_zone or "UTC")
    return Due(instant.date(), instant.time().replace(microsecond=0), zone)


def _set_deadline(task: FoundTask, deadline: Mapping[str, Any]) -> None:
    day = find_day(as_text(deadline.get("date")))
    if day and not task.due:
        task.due = Due(day)
    else:
        task.add("Deadline", day)
