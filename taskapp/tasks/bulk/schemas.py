"""The schemas of requests of writes of many tasks."""

from types import MappingProxyType
from typing import Any

from taskapp.db.columns import MAXIMUM_ID
from taskapp.http.fields import Constant, Excluded, PositiveInteger, StrictBoolean
from taskapp.http.input_schema import ChosenByName, InputSchema, Object, Objects
from taskapp.tasks import synonyms
from taskapp.tasks.bulk.filter_schema import FilterIn
from taskapp.tasks.changes.batch import MAXIMUM_CHANGES
from taskapp.tasks.changes.models import MAXIMUM_NUMBER
from taskapp.tasks.schemas import EITHER_TAGS, ChangesOfTask, ReadOnlyFields, TaskChangesIn, TaskIn
from taskapp.tasks.undo.schemas import UndoQuery

# A write is not larger than what can be undone.
MAXIMUM_OPERATIONS = MAXIMUM_CHANGES
# In bytes.
MAXIMUM_BODY = 1024 * 1024


class BulkQuery(UndoQuery):
    """The query parameters of a write of many tasks."""


class _OfTask:
    """The fields of every operation on a task that exists."""

    id = PositiveInteger(
        MAXIMUM_ID,
        required=True,
        metadata={"format": "int64", "description": "The id of the task.", "examples": [1]},
    )
    version = PositiveInteger(
        MAXIMUM_NUMBER,
        metadata={
            "format": "int64",
            "description": "Write only if the task still has this `version`. As `If-Match` on a single write.",
            "examples": [1],
        },
    )


class CreateIn(TaskIn):
    """A task to create."""

    op = Constant("create")


class UpdateIn(_OfTask, TaskChangesIn):
    """A task to update, with the fields to change, as in PUT. You may send back a whole task that you have read."""

    json_schema = MappingProxyType(
        {
            "minProperties": 3,
            # The version is no change.
            "dependentSchemas": {"tags": dict(EITHER_TAGS), "version": {"minProperties": 4}},
        }
    )

    op = Constant("update")


class CompleteIn(_OfTask, InputSchema):
    """A task to complete or reopen."""

    synonyms = synonyms.FIELDS

    op = Constant("complete")
    completed = StrictBoolean(required=True)


class DeleteIn(_OfTask, InputSchema):
    """A task to delete."""

    op = Constant("delete")


class OperationIn(ChosenByName):
    """An operation on a task."""

    discriminator = "op"
    names = MappingProxyType({"create": CreateIn, "update": UpdateIn, "complete": CompleteIn, "delete": DeleteIn})


class _Operations(Objects):
    """The operations, on different tasks. So their order never decides a value."""

    def compare(self, items: list[Any]) -> dict[int, dict[str, list[str]]]:
        """Return the errors of operations whose id, or whose uid of a new task, is that of an earlier one."""
        first: dict[tuple[str, str], int] = {}
        errors: dict[int, dict[str, list[str]]] = {}
        for place, item in enumerate(items):
            if not isinstance(item, dict):
                continue
            name, kind = ("uid", str) if item.get("op") == "create" else ("id", int)
            value = item.get(name)
            if type(value) is not kind:  # That is an error of its own, or there is no uid.
                continue
            of = first.setdefault((name, str(value).lower()), place)
            if of != place:
                errors[place] = {name: [f"Is also the {name} of operations.{of}."]}
        return errors


class OperationsIn(InputSchema):
    """Operations on different tasks. All of them are applied, or none."""

    synonyms = MappingProxyType({"operations": ("ops", "items", "tasks", "data", "requests", "actions", "commands")})

    operations = _Operations(
        OperationIn,
        maximum=MAXIMUM_OPERATIONS,
        noun="operations",
        required=True,
        error_messages={"required": "Is needed. Or send filter, op and max_affected."},
    )
    filter = Excluded("operations")
    op = Excluded("operations")
    max_affected = Excluded("operations")


_BY_FILTER = MappingProxyType(
    {
        **synonyms.FIELDS,
        "filter": ("filters", "where", "query", "match", "condition", "conditions", "selector"),
        "max_affected": ("limit", "max", "maximum", "max_count", "max_tasks", "max_results"),
    }
)


class _Matching:
    """The fields of every operation on the tasks that match a filter."""

    filter = Object(FilterIn, required=True, error_messages={"required": "Is needed. Or send operations."})
    max_affected = PositiveInteger(
        MAXIMUM_OPERATIONS,
        required=True,
        metadata={"description": "If more tasks match, nothing is written, and the response is a 409."},
    )


class UpdateMatchingIn(_Matching, ChangesOfTask, ReadOnlyFields):  # type: ignore[misc] # Created at run time.
    """The same change of all tasks that match a filter."""

    json_schema = MappingProxyType({"minProperties": 4, "dependentSchemas": {"tags": dict(EITHER_TAGS)}})

    synonyms = _BY_FILTER

    op = Constant("update")


class CompleteMatchingIn(_Matching, InputSchema):
    """The completion of all tasks that match a filter. Those that are so already are left out."""

    synonyms = _BY_FILTER

    op = Constant("complete")
    completed = StrictBoolean(required=True)


class DeleteMatchingIn(_Matching, InputSchema):
    """The deletion of all tasks that match a filter."""

    synonyms = _BY_FILTER

    op = Constant("delete")


class MatchingIn(ChosenByName):
    """An operation on all tasks that match a filter."""

    discriminator = "op"
    names = MappingProxyType({"update": UpdateMatchingIn, "complete": CompleteMatchingIn, "delete": DeleteMatchingIn})


class BulkIn(InputSchema):
    """A list of operations, or one operation on all tasks that match a filter."""

    alternatives = (OperationsIn, MatchingIn)

    def choose(self, data: Any) -> type[InputSchema]:
        """Return the schema of a body: by filter if a field of that is there, and no operations."""
        of_filter = ("filter", "op", "max_affected")
        by_filter = "operations" not in data and not data.keys().isdisjoint(of_filter)
        return MatchingIn if by_filter else OperationsIn
