"""Calendars (RFC 5545): the VTODO components of one or several VCALENDAR objects."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple

from taskapp.tasks.transfer.importers.files import InputFile, text_of, unpack
from taskapp.tasks.transfer.importers.found import Due, FoundTask
from taskapp.tasks.transfer.importers.report import Report, WrongFile
from taskapp.tasks.transfer.importers.times import due_in, zone_or_own

if TYPE_CHECKING:
    from icalendar.parser import Contentline

_EXTRAS = {"LOCATION": "Location", "URL": "Link", "ATTACH": "Attachment", "COMMENT": "Comment", "CONTACT": "Contact"}
_STATES = {"CANCELLED": "cancelled", "IN-PROCESS": "in process"}
# The fields of a task, and what says nothing about it but how it was stored.
_KNOWN = frozenset(
    {"UID", "RECURRENCE-ID", "SUMMARY", "DESCRIPTION", "STATUS", "PRIORITY", "CATEGORIES", "DUE", "DTSTART", "RRULE"}
    | {"COMPLETED", "CREATED", "LAST-MODIFIED", "PERCENT-COMPLETE", "RELATED-TO", "DTSTAMP", "SEQUENCE", "CLASS"}
    | {*_EXTRAS, "X-APPLE-SORT-ORDER"}
)
_LONGEST_EXTRA = 500  # An attachment may be a whole file.


class _Property(NamedTuple):
    value: str
    parameters: Mapping[str, str]
    raw: str


_Properties = Mapping[str, Sequence[_Property]]
_NONE = _Property("", {}, "")


def read(file: InputFile, time_zone: str | None, report: Report) -> Iterator[FoundTask]:
    """Yield the tasks of all calendars in a file.

    Raises:
        WrongFile: it is no calendar, or ends within a component.
    """
    for part in unpack(file, ".ics"):
        text = text_of(part)
        if not re.search(r"^BEGIN:VCALENDAR\s*$", text, re.MULTILINE | re.IGNORECASE):
            raise WrongFile(f"{part.name} is no calendar. It has no BEGIN:VCALENDAR.")
        for kind in re.findall(r"^BEGIN:(VEVENT|VJOURNAL)\s*$", text, re.MULTILINE | re.IGNORECASE):
            report.left_out(kind.upper())
        todos = [(place, _properties(place, lines, report)) for place, lines in _components(part.name, text)]
        titles = {_first(todo, "UID").value: _first(todo, "SUMMARY").value for _, todo in todos}
        for place, todo in todos:
            yield _task(place, todo, titles, time_zone, report)


def _components(name: str, text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each VTODO with its place. The library knows no lines, and gives up a whole file for one wrong value."""
    lines: list[str] | None = None
    place = ""
    for number, line in enumerate(text.split("\n"), start=1):
        mark = line.strip().upper()
        if mark == "BEGIN:VTODO":
            if lines is not None:
                break
            lines, place = [], f"{name}, line {number}"
        elif mark == "END:VTODO" and lines is not None:
            yield place, lines
            lines = None
        elif lines is not None:
            lines.append(line)
    if lines is not None:
        raise WrongFile(f"{place}: The task that begins here does not end.")


def _properties(place: str, lines: Sequence[str], report: Report) -> _Properties:
    """Return the properties of a VTODO, by name, without those of components in it, such as alarms."""
    from icalendar.parser import Contentlines  # noqa: PLC0415 # Loaded only if a calendar is read.

    properties: dict[str, list[_Property]] = defaultdict(list)
    inside = 0
    for line in Contentlines.from_ical("\r\n".join(lines) + "\r\n"):  # type: ignore[no-untyped-call]
        if not line:
            continue
        try:
            name, parameters, value = line.parts()
        except ValueError:
            report.note(place, "", f'"{line}" is no property.')
            continue
        if name.upper() in {"BEGIN", "END"}:
            if name.upper() == "BEGIN" and not inside:
                properties[value.upper()].append(_NONE)
            inside += 1 if name.upper() == "BEGIN" else -1
        elif not inside:
            texts = {key.upper(): text if isinstance(text, str) else ",".join(text) for key, text in parameters.items()}
            properties[name.upper()].append(_Property(value, texts, _raw(line)))
    return properties


def _raw(line: "Contentline") -> str:
    """Return the value of a property as it is written, with escaped commas."""
    return str(line)[line.value_separator_index() + 1 :]


def _first(properties: _Properties, name: str) -> _Property:
    return next(iter(properties.get(name, ())), _NONE)


def _task(place: str, todo: _Properties, titles: Mapping[str, str], time_zone: str | None, report: Report) -> FoundTask:
    status = _first(todo, "STATUS").value.upper()
    task = FoundTask(
        place,
        source_id=_source_id(todo),
        title=_first(todo, "SUMMARY").value,
        description=_first(todo, "DESCRIPTION").value,
        completed=status in {"COMPLETED", "CANCELLED"} or (not status and "COMPLETED" in todo),
        completed_at=_instant(_first(todo, "COMPLETED").value),
        created_at=_instant(_first(todo, "CREATED").value),
        updated_at=_instant(_first(todo, "LAST-MODIFIED").value),
        priority=_priority(_first(todo, "PRIORITY").value, place, report),
        tags=_categories(todo),
        rule=" ".join(rule.raw for rule in todo.get("RRULE", ())),
    )
    task.due = _due(task, _first(todo, "DUE"), time_zone, report)
    task.add("Status", _STATES.get(status))
    _add_extras(task, todo, titles, report)
    return task


def _source_id(todo: _Properties) -> str:
    """Return what identifies a task: an occurrence that was changed has the UID of its series."""
    uid = _first(todo, "UID").value or "\n".join(_first(todo, name).raw for name in ("SUMMARY", "DTSTAMP", "CREATED"))
    return f"{uid}\n{_first(todo, 'RECURRENCE-ID').raw}"


def _instant(text: str) -> datetime | None:
    try:
        return datetime.strptime(text.removesuffix("Z"), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _priority(text: str, place: str, report: Report) -> str | None:
    """Return the priority of a number, 1 for the highest and 9 for the lowest (RFC 5545, section 3.8.1.9)."""
    words = {"": None, "0": None, "1": "urgent", "5": "medium"} | dict.fromkeys("234", "high")
    words |= dict.fromkeys("6789", "low")
    if text.strip() not in words:
        report.note(place, "", f'PRIORITY "{text}" is not 0 to 9.')
    return words.get(text.strip())


def _categories(todo: _Properties) -> list[str]:
    from icalendar.parser import split_on_unescaped_comma  # noqa: PLC0415 # As above.

    return [name for line in todo.get("CATEGORIES", ()) for name in split_on_unescaped_comma(line.raw)]


def _due(task: FoundTask, due: _Property, time_zone: str | None, report: Report) -> Due | None:
    """Return when a task is due: a day, a time in UTC, a time in a zone, or one on any clock (section 3.3.5)."""
    text, name = due.value.strip(), due.parameters.get("TZID", "")
    if not text:
        return None
    if re.fullmatch(r"\d{8}", text) and (day := _day(text)):
        return Due(day)
    instant = _instant(text)
    if instant is None:
        report.note(task.place, task.title, f'DUE "{text}" is neither a day nor a time.')
        return None
    if text.endswith("Z"):
        return due_in(instant, time_zone or "UTC")
    return Due(instant.date(), instant.time(), zone_or_own(name, task, report))


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None


def _add_extras(task: FoundTask, todo: _Properties, titles: Mapping[str, str], report: Report) -> None:
    for related in todo.get("RELATED-TO", ()):
        if related.parameters.get("RELTYPE", "PARENT").upper() == "PARENT":
            task.add("Part of", titles.get(related.value) or related.value)
        else:
            report.left_out(f"RELATED-TO with {related.parameters['RELTYPE']}")
    task.add("Start", _first(todo, "DTSTART").raw)
    if (percent := _first(todo, "PERCENT-COMPLETE").value) not in {"0", "100"}:
        task.add("Done", percent and f"{percent} %")
    for name, label in _EXTRAS.items():
        for value in todo.get(name, ()):
            if len(value.value) <= _LONGEST_EXTRA:
                task.add(label, value.value)
            else:
                report.left_out(name)
    for name in todo.keys() - _KNOWN:
        report.left_out(name)
