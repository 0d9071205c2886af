"""The filters of tasks: the parameters that select the tasks of a list, and of a write by filter."""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, validates_schema
from marshmallow.validate import Length, Validator

from taskapp.http.fields import Text
from taskapp.http.input_schema import InputSchema
from taskapp.tasks import synonyms
from taskapp.tasks.models import MAXIMUM_TAGS, PRIORITIES
from taskapp.tasks.parameters import Choice, Choices, DayParameter, Flag, Instant, TagsParameter, ZoneParameter
from taskapp.tasks.service import STATUSES

# The time of a search grows with the length of the text to find, and people type shorter ones.
SEARCH_LENGTH = 200

_RANGES = tuple((f"{name}_from", f"{name}_before") for name in ("due", "created", "updated", "completed"))
# Values that exclude other parameters, because no task matches both.
_EXCLUSIVE: tuple[tuple[str, Any, str, tuple[str, ...]], ...] = (
    ("status", "completed", "completed", ("overdue",)),
    ("status", "pending", "pending", ("completed_from", "completed_before")),
    ("overdue", True, "true", ("completed_from", "completed_before")),
    ("due", "none", "none", ("due_from", "due_before", "overdue")),
    ("tagged", False, "false", ("tags_all", "tags_any")),
)


def described(description: str, **metadata: Any) -> dict[str, Any]:
    """Return the ``metadata`` of a field with a description."""
    return {"description": description, **metadata}


def words(*each: str) -> dict[str, str]:
    """Return words that stand for themselves, for :class:`taskapp.tasks.parameters.Choice`."""
    return {word: word for word in each}


def _tags(description: str) -> TagsParameter:
    return TagsParameter(metadata=described(f"{description} Up to {MAXIMUM_TAGS} tags with commas between."))


def _time(description: str) -> Instant:
    return Instant(metadata=described(description))


def status_filter(**options: Any) -> Choice:
    """Return the filter by status, with further options of the field."""
    return Choice(words(*STATUSES), metadata=described("Filter by status."), **options)


def text_filter(*validators: Validator, **options: Any) -> Text:
    """Return the filter by text, with further validators and options of the field."""
    about = described(
        "Text to find in title or description. Case-insensitive, without wildcards. `é` is equal to `e` with a "
        "combining accent."
    )
    return Text(validate=[Length(max=SEARCH_LENGTH), *validators], metadata=about, **options)


class Filters(InputSchema):
    """The filters. All of them apply together."""

    synonyms = synonyms.PARAMETERS

    status = status_filter()
    q = text_filter()
    due_from = DayParameter(metadata=described("Only tasks with this `due_date` or a later one."))
    due_before = DayParameter(metadata=described("Only tasks with an earlier `due_date`."))
    due = Choice(words("any", "none"), metadata=described("Only tasks with a `due_date`, or only those without."))
    overdue = Choice(
        {"true": True},
        metadata=described("Only pending tasks whose day or time is over. Needs `time_zone`."),
    )
    time_zone = ZoneParameter(
        metadata=described("With `overdue`: the IANA time zone in which the days of tasks without `time_zone` end.")
    )
    priority = Choices(
        {word or "none": word for word in PRIORITIES},
        metadata=described("Only tasks with one of these priorities, with commas between.", examples=["high,urgent"]),
    )
    tags_all = _tags("Only tasks with all of these tags.")
    tags_any = _tags("Only tasks with at least one of these tags.")
    tags_none = _tags("Only tasks with none of these tags.")
    tagged = Flag(metadata=described("Only tasks with any tag, or only those without."))
    created_from = _time("Only tasks that were created at or after this time.")
    created_before = _time("Only tasks that were created before this time.")
    updated_from = _time("Only tasks that were last changed at or after this time.")
    updated_before = _time("Only tasks that were last changed before this time.")
    completed_from = _time("Only completed tasks that were completed at or after this time.")
    completed_before = _time("Only completed tasks that were completed before this time.")

    @validates_schema
    def check_combinations(self, query: dict[str, Any], **_: Any) -> None:
        """Reject filters of which one needs another, or of which no task matches both."""
        _check_time_zone(query)
        _check_ranges(query)
        _check_exclusive(query)
        _check_tags(query)


def _check_time_zone(query: Mapping[str, Any]) -> None:
    if "overdue" in query and "time_zone" not in query:
        raise ValidationError("Is needed with overdue.", "time_zone")
    if "time_zone" in query and "overdue" not in query:
        raise ValidationError("Is used only with overdue.", "time_zone")


def _check_ranges(query: Mapping[str, Any]) -> None:
    for first, end in _RANGES:
        if first in query and end in query and query[first] >= query[end]:
            raise ValidationError(f"Must be later than {first}.", end)


def _check_exclusive(query: Mapping[str, Any]) -> None:
    for name, value, word, others in _EXCLUSIVE:
        if query.get(name) == value and (excluded := [other for other in others if other in query]):
            raise ValidationError(f"Must not be sent together with {name}={word}.", excluded[0])


def _check_tags(query: Mapping[str, Any]) -> None:
    without = set(query.get("tags_none", ()))
    if both := without & set(query.get("tags_all", ())):
        raise ValidationError(f"Must not contain a tag of tags_all: {min(both)}.", "tags_none")
    if "tags_any" in query and without >= set(query["tags_any"]):
        raise ValidationError("Must not contain all tags of tags_any.", "tags_none")
