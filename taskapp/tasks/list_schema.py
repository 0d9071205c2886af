"""The query parameters of lists."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, validates_schema
from marshmallow.validate import Range

from taskapp.http.fields import Parameter, StrictInteger
from taskapp.http.input_schema import InputSchema
from taskapp.tasks import synonyms
from taskapp.tasks.filter_schema import Filters, described, status_filter, text_filter, words
from taskapp.tasks.filters import FILTER_NAMES
from taskapp.tasks.orders import SORTS
from taskapp.tasks.parameters import AsOf, Choice, FieldNames, Flag

MAXIMUM_LIMIT = 1000


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


class ListQuery(Filters):
    """The query parameters of a list."""

    status = status_filter(load_default="all")
    q = text_filter(load_default=None, allow_none=False)
    sort = Choice(
        words(*SORTS),
        load_default="-id",
        metadata=described(
            "Sort order. A leading `-` means descending. Titles sort by code point, `priority` by what is most urgent "
            "and then by what is due first. Tasks without a day are due last. Ties are broken by id. `completed_at` "
            "needs `status=completed`."
        ),
    )
    fields = FieldNames(  # type: ignore[assignment] # marshmallow takes it out of the class.
        metadata=described(
            "The fields of each task to return, with commas between. `id` is always returned. Default: all.",
            examples=["id,title,due_date"],
        ),
    )
    cursor = Parameter(
        load_default=None,
        allow_none=False,
        metadata=described("The `next_cursor` of the previous page, with the same filters and the same `sort`."),
    )
    limit = StrictInteger(
        load_default=MAXIMUM_LIMIT,
        validate=Range(1, MAXIMUM_LIMIT, error="Must be from {min} to {max}."),
        metadata=described("Maximum number of tasks per page."),
    )
    count = Flag(
        metadata=described("Whether to return `pagination.total`, the number of tasks on all pages together."),
    )

    as_of = AsOf(
        metadata=described(
            "`now` to return the number of the newest change as `as_of`. Or the number of a change, or a time: the "
            "list as it was then. These two go together with `status`, `sort=id` and `sort=-id` only.",
        ),
    )
    bom = Flag(
        metadata=described(
            "With `Accept: text/csv`: whether the file begins with a byte order mark, by which Excel recognizes UTF-8."
        ),
    )

    @validates_schema
    def check_combinations(self, query: dict[str, Any], **options: Any) -> None:
        """Reject parameters of which one needs another, or of which no task matches both."""
        _check_sort(query)
        super().check_combinations(query, **options)
        _check_as_of(query)


def _check_sort(query: Mapping[str, Any]) -> None:
    if query.get("sort", "").endswith("completed_at") and query.get("status") != "completed":
        raise ValidationError("completed_at needs status=completed.", "sort")


def _check_as_of(query: Mapping[str, Any]) -> None:
    if query.get("as_of", "now") == "now":
        return
    if query.get("sort", "id").removeprefix("-") != "id":
        raise ValidationError("Must be id or -id with an as_of other than now.", "sort")
    if filters := query.keys() & FILTER_NAMES:
        raise ValidationError("Can be sent with as_of=now, but not with another as_of.", min(filters))
