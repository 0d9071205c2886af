"""Titles, descriptions and tags of other products, in the lengths that tasks have here."""

import re
import unicodedata

from taskapp.http.fields import has_visible_character
from taskapp.tasks.models import DESCRIPTION_LENGTH, MAXIMUM_TAGS, TAG_LENGTH, TITLE_LENGTH
from taskapp.tasks.transfer.importers.found import FoundTask
from taskapp.tasks.transfer.importers.report import Report

# What PostgreSQL cannot store as text: NUL, and halves of pairs of UTF-16, which JSON may contain.
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class TooLong(Exception):
    """A text is longer than the field, and must not be cut. Its message is a sentence."""


def clean(task: FoundTask, report: Report) -> None:
    """Replace what no text may contain, and the ends of lines of other systems."""
    texts = (task.title, task.description, *task.tags, *task.extras)
    if any(map(_UNSTORABLE.search, texts)):
        report.note(task.place, _storable(task.title), "Characters that no text can have were replaced by \ufffd.")
    task.title = _storable(task.title).strip()
    task.description = _storable(task.description).replace("\r\n", "\n").replace("\r", "\n").rstrip()
    task.tags = [_storable(tag) for tag in task.tags]
    task.extras = [_storable(extra) for extra in task.extras]


def _storable(text: str) -> str:
    return _UNSTORABLE.sub("\ufffd", text)


def fit_title(task: FoundTask, report: Report, *, cut: bool) -> str:
    """Return the title of a task. Without one, it is the first line of the description.

    Raises:
        TooLong: the title is too long, and must not be cut.
    """
    title = task.title
    if not has_visible_character(title):
        title = next((line.strip() for line in task.description.split("\n") if has_visible_character(line)), "")
        if title:
            report.note(task.place, "", "The task has no title. It is the first line of the description.")
            title = _cut(title, TITLE_LENGTH)
    if len(title) <= TITLE_LENGTH:
        return title
    if not cut:
        raise TooLong(f"The title has {len(title)} characters. Cut it with --long-text cut.")
    report.note(task.place, title, f"The title was cut to {TITLE_LENGTH} characters. The description has all of it.")
    task.description = "\n\n".join(filter(None, (title, task.description)))
    return _cut(title, TITLE_LENGTH)


def fit_description(task: FoundTask, report: Report, *, cut: bool) -> str | None:
    """Return the description of a task, and below it the further lines as far as they fit.

    Raises:
        TooLong: the description is too long, and must not be cut.
    """
    text = task.description
    if len(text) > DESCRIPTION_LENGTH:
        if not cut:
            raise TooLong(f"The description has {len(text)} characters. Cut it with --long-text cut.")
        report.note(task.place, task.title, f"The description was cut from {len(text)} to {DESCRIPTION_LENGTH}.")
        text = _cut(text, DESCRIPTION_LENGTH)
    separator = "\n\n" if text else ""
    for extra in task.extras:
        if len(text) + len(separator) + len(extra) > DESCRIPTION_LENGTH:
            report.note(task.place, task.title, f"The description has no room for: {extra}")
            continue
        text, separator = f"{text}{separator}{extra}", "\n"
    return text or None


def fit_tags(task: FoundTask, report: Report, common: str | None) -> list[str]:
    """Return the tags of a task: the common one first, and names that are no tags in a form that is one."""
    tags: dict[str, None] = {}
    for name in filter(None, (common, *task.tags)):
        tag = _tag(name)
        if not has_visible_character(tag):
            continue
        if tag != unicodedata.normalize("NFC", name.strip()):
            report.count(f'"{name}" became the tag "{tag}".')
        tags.setdefault(tag)
    if surplus := [*tags][MAXIMUM_TAGS:]:
        report.note(task.place, task.title, f"A task has at most {MAXIMUM_TAGS} tags. Without: {', '.join(surplus)}")
    return [*tags][:MAXIMUM_TAGS]


def _tag(name: str) -> str:
    without_commas = re.sub(r"\s*,\s*", " ", name).strip()
    return _cut(unicodedata.normalize("NFC", without_commas), TAG_LENGTH)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
