"""The query parameters of lists."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, validates_schema
from marshmallow.validate import Length, Range

from taskapp.http.fields import Parameter, StrictInteger, Text
from taskapp.http.input import InputSchema
from taskapp.tasks import synonyms
from taskapp.tasks.filters import FILTER_NAMES
from taskapp.tasks.models import MAXIMUM_TAGS, PRIORITIES
from taskapp.tasks.orders import SORTS
from taskapp.tasks.parameters import (
    AsOf,
    Choice,
    Choices,
    DayParameter,
    FieldNames,
    Flag,
    Instant,
    TagsParameter,
    ZoneParameter,
)
from taskapp.tasks.service import STATUSES

MAXIMUM_LIMIT = 1000
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


def _described(description: str, **metadata: Any) -> dict[str, Any]:
    return {"description": description, **metadata}


def _words(*words: str) -> dict[str, str]:
    return {word: word for word in words}


def _tags(description: str) -> TagsParameter:
    return TagsParameter(metadata=_described(f"{description} Up to {MAXIMUM_TAGS} tags with commas between."))


def _time(description: str) -> Instant:
    return Instant(metadata=_described(description))


class PageQuery(InputSchema):
    """The query parameters of a page."""

    synonyms = MappingProxyType({name: synonyms.PARAMETERS[name] for name in ("limit", "cursor")})

    cursor = Parameter(
        load_default=None,
        allow_none=False,
        metadata={"description": "The `next_cursor` of the previous page."},
    )
    limit = StrictInteger(
        load_default=MAXIMUM_LIMIT,
        validate=Range(1, MAXIMUM_LIMIT, error="Must be from {min} to {max}."),
        metadata={"description": "Maximum number of items per page."},
    )


class ListQuery(InputSchema):
    """The query parameters of a list."""

    synonyms = synonyms.PARAMETERS

    status = Choice(_words(*STATUSES), load_default="all", metadata=_described("Filter by status."))
    q = Text(
        load_default=None,
        allow_none=False,
        validate=Length(max=SEARCH_LENGTH),
        metadata=_described(
            "Text to find in title or description. Case-insensitive, without wildcards. `é` is equal to `e` with a "
            "combining accent."
        ),
    )
    due_from = DayParameter(metadata=_described("Only tasks with this `due_date` or a later one."))
    due_before = DayParameter(metadata=_described("Only tasks with an earlier `due_date`."))
    due = Choice(_words("any", "none"), metadata=_described("Only tasks with a `due_date`, or only those without."))
    overdue = Choice(
        {"true": True},
        metadata=_described("Only pending tasks whose day or time is over. Needs `time_zone`."),
    )
    time_zone = ZoneParameter(
        metadata=_described("With `overdue`: the IANA time zone in which the days of tasks without `time_zone` end.")
    )
    priority = Choices(
        {word or "none": word for word in PRIORITIES},
        metadata=_described("Only tasks with one of these priorities, with commas between.", examples=["high,urgent"]),
    )
    tags_all = _tags("Only tasks with all of these tags.")
    tags_any = _tags("Only tasks with at least one of these tags.")
    tags_none = _tags("Only tasks with none of these tags.")
    tagged = Flag(metadata=_described("Only tasks with any tag, or only those without."))
    created_from = _time("Only tasks that were created at or after this time.")
    created_before = _time("Only tasks that were created before this time.")
    updated_from = _time("Only tasks that were last changed at or after this time.")
    updated_before = _time("Only tasks that were last changed before this time.")
    completed_from = _time("Only completed tasks that were completed at or after this time.")
    completed_before = _time("Only completed tasks that were completed before this time.")
    sort = Choice(
        _words(*SORTS),
        load_default="-id",
        metadata=_described(
            "Sort order. A leading `-` means descending. Titles sort by code point, `priority` by what is most urgent "
            "and then by what is due first. Tasks without a day are due last. Ties are broken by id. `completed_at` "
            "needs `status=completed`."
        ),
    )
    fields = FieldNames(  # type: ignore[assignment] # marshmallow takes it out of the class.
        metadata=_described(
            "The fields of each task to return, with commas between. `id` is always returned. Default: all.",
            examples=["id,title,due_date"],
        ),
    )
    cursor = Parameter(
        load_default=None,
        allow_none=False,
        metadata=_described("The `next_cursor` of the previous page, with the same filters and the same `sort`."),
    )
    limit = StrictInteger(
        load_default=MAXIMUM_LIMIT,
        validate=Range(1, MAXIMUM_LIMIT, error="Must be from {min} to {max}."),
        metadata=_described("Maximum number of tasks per page."),
    )
    count = Flag(
        metadata=_described("Whether to return `pagination.total`, the number of tasks on all pages together."),
    )

    as_of = AsOf(
        metadata=_described(
            "`now` to return the number of the newest change as `as_of`. Or the number of a change, or a time: the "
            "list as it was then. These two go together with `status`, `sort=id` and `sort=-id` only.",
        ),
    )

    @validates_schema
    def check_combinations(self, query: dict[str, Any], **_: Any) -> None:
        """Reject parameters of which one needs another, or of which no task matches both."""
        _check_needs(query)
        _check_ranges(query)
        _check_exclusive(query)
        _check_tags(query)
        _check_as_of(query)


def _check_needs(query: Mapping[str, Any]) -> None:
    if "overdue" in query and "time_zone" not in query:
        raise ValidationError("Is needed with overdue.", "time_zone")
    if "time_zone" in query and "overdue" not in query:
        raise ValidationError("Is used only with overdue.", "time_zone")
    if query.get("sort", "").endswith("completed_at") and query.get("status") != "completed":
        raise ValidationError("completed_at needs status=completed.", "sort")


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


def _check_as_of(query: Mapping[str, Any]) -> None:
    if query.get("as_of", "now") == "now":
        return
    if query.get("sort", "id").removeprefix("-") != "id":
        raise ValidationError("Must be id or -id with an as_of other than now.", "sort")
    if filters := query.keys() & FILTER_NAMES:
        raise ValidationError("Can be sent with as_of=now, but not with another as_of.", min(filters))
