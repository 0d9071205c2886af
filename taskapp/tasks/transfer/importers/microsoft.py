"""Microsoft To Do: the tasks that Microsoft Graph returns. The product itself has no export.

A task is as in https://learn.microsoft.com/graph/api/resources/todotask. ``$expand=checklistItems`` includes the steps.
"""

from collections.abc import Iterator, Mapping
from datetime import time
from typing import Any

from taskapp.tasks.transfer.importers.documents import Items, as_object, as_text, report_unknown
from taskapp.tasks.transfer.importers.files import InputFile, json_of, unpack
from taskapp.tasks.transfer.importers.found import Due, FoundTask
from taskapp.tasks.transfer.importers.html import text_of_html
from taskapp.tasks.transfer.importers.microsoft_rules import rule_of
from taskapp.tasks.transfer.importers.report import Report, WrongFile
from taskapp.tasks.transfer.importers.rules import NotTaken
from taskapp.tasks.transfer.importers.times import due_in, find_instant, find_zone, require_zone

_PRIORITIES = {"high": "high", "low": "low"}
_STATES = {"inProgress": "in progress", "waitingOnOthers": "waiting on others", "deferred": "deferred"}
_KNOWN = frozenset(
    {"id", "title", "body", "importance", "status", "categories", "createdDateTime", "lastModifiedDateTime"}
    | {"completedDateTime", "dueDateTime", "startDateTime", "reminderDateTime", "isReminderOn", "recurrence"}
    | {"checklistItems", "linkedResources", "bodyLastModifiedDateTime", "@odata.etag", "@odata.type"}
    | {"checklistItems@odata.context", "linkedResources@odata.context"}
)


def read(file: InputFile, time_zone: str | None, report: Report) -> Iterator[FoundTask]:
    """Yield the tasks of a response of Microsoft Graph, or of lists with their ``tasks``.

    Raises:
        WrongFile: the file has no tasks, or a day needs a time zone.
    """
    for part in unpack(file, ".json"):
        document = json_of(part)
        values = document if isinstance(document, list) else as_object(document).get("value")
        if not isinstance(values, list):
            raise WrongFile(f"{part.name} has no tasks. It must be an array, or have one as value, as Graph returns.")
        if as_object(document).get("@odata.nextLink"):
            report.note(part.name, "", "There are more tasks, at the URL in @odata.nextLink. Convert them, too.")
        for item in Items(part.name, values):
            if "tasks" in item.value:
                name = as_text(item.value.get("displayName"))
                tasks = Items(f"{part.name}, list {name}", item.value["tasks"])
                yield from (_task(task.place, name, task.value, time_zone, report) for task in tasks)
            else:
                yield _task(item.place, "", item.value, time_zone, report)


def _task(place: str, name: str, fields: Mapping[str, Any], time_zone: str | None, report: Report) -> FoundTask:
    report_unknown(fields, _KNOWN, report)
    status = as_text(fields.get("status"))
    categories = fields.get("categories")
    task = FoundTask(
        place,
        source_id=as_text(fields.get("id")) or f"{place}\n{as_text(fields.get('title'))}",
        title=as_text(fields.get("title")),
        description=_body(as_object(fields.get("body"))),
        completed=status == "completed",
        # A day without a time, in UTC, whatever the zone: https://github.com/microsoftgraph/microsoft-graph-docs/issues/8192
        completed_at=find_instant(as_text(as_object(fields.get("completedDateTime")).get("dateTime"))),
        created_at=find_instant(as_text(fields.get("createdDateTime"))),
        updated_at=find_instant(as_text(fields.get("lastModifiedDateTime"))),
        priority=_PRIORITIES.get(as_text(fields.get("importance"))),
        tags=[name, *map(as_text, categories if isinstance(categories, list) else [])],
        due=_day(place, as_object(fields.get("dueDateTime")), time_zone),
    )
    _set_rule(task, as_object(fields.get("recurrence")), report)
    _add_extras(task, fields)
    task.add("Status", _STATES.get(status))
    return task


def _body(body: Mapping[str, Any]) -> str:
    text = as_text(body.get("content"))
    return text_of_html(text) if body.get("contentType") == "html" else text


def _day(place: str, fields: Mapping[str, Any], time_zone: str | None) -> Due | None:
    """Return the day of a due date, which has no time in the product.

    It is midnight in the zone that the object names, or, if a client wrote it so, midnight of the user in UTC
    (https://github.com/RogerSelwyn/MS365-ToDo/issues/29).
    """
    instant, name = find_instant(as_text(fields.get("dateTime"))), as_text(fields.get("timeZone"))
    if instant is None:
        return None
    if instant.time() == time.min or find_zone(name or "UTC") not in {"UTC", "Etc/UTC"}:
        return Due(instant.date())
    zone = require_zone(time_zone, place, "The due date is an instant.")
    return Due(due_in(instant, zone).day)


def _set_rule(task: FoundTask, recurrence: Mapping[str, Any], report: Report) -> None:
    if not recurrence:
        return
    try:
        task.rule = rule_of(recurrence, task.due)
    except NotTaken as error:
        kind = as_text(as_object(recurrence.get("pattern")).get("type"))
        task.add("Repeats", kind or "in a way that Microsoft Graph does not name")
        report.note(task.place, task.title, f"The recurrence was left out. {error}")


def _add_extras(task: FoundTask, fields: Mapping[str, Any]) -> None:
    for step in Items(task.place, fields.get("checklistItems") or []):
        done = "x" if step.value.get("isChecked") is True else " "
        task.extras.append(f"- [{done}] {as_text(step.value.get('displayName'))}")
    for link in Items(task.place, fields.get("linkedResources") or []):
        parts = (link.value.get("applicationName"), link.value.get("displayName"), link.value.get("webUrl"))
        task.add("Link", " ".join(filter(None, map(as_text, parts))))
    for name, label in (("startDateTime", "Start"), ("reminderDateTime", "Reminder")):
        value = as_object(fields.get(name))
        text = as_text(value.get("dateTime")).partition(".")[0].replace("T", " ")
        task.add(label, f"{text} {as_text(value.get('timeZone'))}".strip())
