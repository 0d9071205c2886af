"""Converts a file of another product to lines for the import."""

import uuid
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

from marshmallow import ValidationError

from taskapp.http.input_errors import describe_errors
from taskapp.tasks.schemas import TaskIn
from taskapp.tasks.transfer.importers.documents import as_object
from taskapp.tasks.transfer.importers.files import InputFile
from taskapp.tasks.transfer.importers.found import FoundTask
from taskapp.tasks.transfer.importers.report import Report, WrongFile
from taskapp.tasks.transfer.importers.rules import NotTaken, recurrence_of
from taskapp.tasks.transfer.importers.texts import TooLong, clean, fit_description, fit_tags, fit_title
from taskapp.tasks.transfer.importers.times import clock_time, require_zone, rfc3339

# More than any product lets one user have. A small file may have millions of empty tasks.
MAXIMUM_TASKS = 100_000
# The fields of a line that only the import takes. A POST sets them itself.
IMPORT_ONLY = ("completed_at", "created_at", "updated_at")
# With the source and its id, this makes the uid of a task. It must never change.
_NAMESPACE = uuid.UUID("6f0f5d8e-3c0b-4a63-9b0e-2f1a7a1f6c55")
_SCHEMA = TaskIn()


class Options(NamedTuple):
    """How to convert.

    Args:
        time_zone: the IANA name of the time zone of the user, for times without one.
        cut: whether to cut what is too long. Otherwise, its task is left out.
        tag: a tag for all tasks.
    """

    time_zone: str | None = None
    cut: bool = False
    tag: str | None = None


def convert(source: str, file: InputFile, options: Options, report: Report) -> Iterator[dict[str, Any]]:
    """Yield each task of a file as a line for the import. What has no place goes into the report.

    Args:
        source: the name of a module in SOURCES.
        file: the file of that product.
        options: how to convert.
        report: receives an entry for everything that is not in the lines.

    Raises:
        WrongFile: the file cannot be read, has too many tasks, or needs a time zone. This can happen after some lines.
    """
    known: set[str] = set()
    tasks: Iterator[FoundTask] = import_module(f"{__package__}.{source}").read(file, options.time_zone, report)
    for number, task in enumerate(tasks, start=1):
        if number > MAXIMUM_TASKS:
            raise WrongFile(f"{task.place}: A file may have at most {MAXIMUM_TASKS:,} tasks.")
        line = _line(source, task, options, report)
        if line is None:
            continue
        if line["uid"] in known:
            report.refuse(task.place, task.title, "A task before it has the same id.")
            continue
        known.add(line["uid"])
        yield line


def uid_of(source: str, source_id: str) -> str:
    """Return the uid of a task, which is the same in each conversion."""
    return str(uuid.uuid5(_NAMESPACE, f"{source}\n{source_id}".encode(errors="replace").decode()))


def _line(source: str, task: FoundTask, options: Options, report: Report) -> dict[str, Any] | None:
    """Return the line of a task; None if it is left out."""
    clean(task, report)
    due = _due(task, options, report)
    try:
        line: dict[str, Any] = {
            "uid": uid_of(source, task.source_id),
            "title": fit_title(task, report, cut=options.cut),  # It may go to the description, too, and comes first.
            "description": fit_description(task, report, cut=options.cut),
            "completed": task.completed,
            "priority": task.priority,
            "tags": fit_tags(task, report, options.tag),
            **due,
        }
        _SCHEMA.load(line)
    except TooLong as error:
        report.refuse(task.place, task.title, str(error))
        return None
    except ValidationError as error:
        details = describe_errors(as_object(error.messages), "body")
        report.refuse(task.place, task.title, " ".join(f"{name}: {' '.join(texts)}" for name, texts in details.items()))
        return None
    return line | {name: rfc3339(instant) for name in IMPORT_ONLY if (instant := getattr(task, name))}


def _due(task: FoundTask, options: Options, report: Report) -> dict[str, Any]:
    """Return the fields that say when a task is due. A rule that the service does not have goes to the description.

    Raises:
        WrongFile: the task needs a time zone.
    """
    due, recurrence = task.due, None
    zone = due.zone if due else None
    if due and (due.clock or task.rule):
        reason = "The task has a time without a time zone." if due.clock else "The task recurs, but has no time zone."
        zone = require_zone(zone or options.time_zone, task.place, reason)
    if task.rule:
        try:
            recurrence = recurrence_of(task.rule, due and due.day, zone or "UTC", from_completion=task.from_completion)
        except NotTaken as error:
            task.add("Repeats", task.rule)
            report.note(task.place, task.title, f"The recurrence is only in the description. {error}")
    return {
        "due_date": due and due.day.isoformat(),
        "due_time": due and due.clock and clock_time(due.clock),
        "time_zone": zone,
        "recurrence": recurrence,
    }
