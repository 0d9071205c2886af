"""The schemas of imports."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from taskapp.http.fields import StrictBoolean
from taskapp.http.input_schema import InputSchema
from taskapp.tasks import synonyms
from taskapp.tasks.due import DUE_FIELDS
from taskapp.tasks.fields import FIRST_DAY, LAST_DAY, Priority, Tags, Uid
from taskapp.tasks.filter_schema import words
from taskapp.tasks.parameters import Choice
from taskapp.tasks.recurrence.schemas import NEEDS, Recurrence, RecurrenceChangeIn, explain_day
from taskapp.tasks.reminders.schemas import check_new_reminder
from taskapp.tasks.schemas import Dated, check_new_due, description_field, title_field
from taskapp.tasks.undo.schemas import UndoQuery

SKIP, UPDATE, REFUSE = "skip", "update", "refuse"
CUT = "cut"
# The fields of an exported task that belong to the service which exported it, or follow from others. They may have any
# value, and have no effect.
IGNORED = frozenset({"id", "user_id", "version", "updated_at", "due_at"})

# Tasks of a file often share the values of these fields.
_OFTEN_EQUAL = frozenset({"priority", *DUE_FIELDS, "created_at", "completed_at", "reminded_at"})


class ImportQuery(UndoQuery):
    """The query parameters of an import."""

    synonyms = MappingProxyType(
        {
            **UndoQuery.synonyms,
            "existing": ("on_conflict", "conflict", "mode", "if_exists", "duplicates", "upsert", "strategy"),
            "long_text": ("truncate", "cut", "long", "too_long"),
        }
    )

    existing = Choice(
        words(SKIP, UPDATE, REFUSE),
        load_default=SKIP,
        metadata={
            "description": "What to do with lines whose `uid` one of your tasks has, and that differ from it: `skip` "
            "leaves the task, `update` sets the fields in the line, and `refuse` refuses the file."
        },
    )
    long_text = Choice(
        words(REFUSE, CUT),
        load_default=REFUSE,
        metadata={
            "description": "What to do with a `title` or `description` that is too long: `refuse` the file, or `cut` "
            "it and say so in the result of the line."
        },
    )


class _PastTime(fields.Field[Any]):
    """A time (RFC 3339) with an offset. Returned as text in UTC."""

    default_error_messages = {  # noqa: RUF012 # As in marshmallow.
        "invalid": "Must be a time with Z or an offset, such as 2026-11-26T09:30:00Z.",
        "range": f"Must be from {FIRST_DAY} to {LAST_DAY}.",
    }

    def __init__(self, *, metadata: dict[str, Any]) -> None:
        super().__init__(allow_none=True, metadata={"type": "string", "format": "date-time", **metadata})

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        try:
            time = datetime.fromisoformat(value)
            if time.tzinfo is None:
                raise self.make_error("invalid")
            utc = time.astimezone(UTC)
        except (TypeError, ValueError):
            raise self.make_error("invalid") from None
        except OverflowError:
            raise self.make_error("range") from None
        if not date.fromisoformat(FIRST_DAY) <= utc.date() <= date.fromisoformat(LAST_DAY):
            raise self.make_error("range")
        return utc.isoformat()


def _reader(name: str, field: Any) -> Callable[[Any], Any]:
    """Return a function that does what ``field.deserialize`` does, in a third of the time."""
    read, validators = field._deserialize, tuple(field.validators)  # noqa: SLF001 # Fields define this method.

    def deserialize(value: Any) -> Any:
        if value is None and field.allow_none:
            return None
        loaded = read(value, None, None) if value is not None else field.deserialize(None)
        for validate in validators:
            validate(loaded)
        return loaded

    if name not in _OFTEN_EQUAL:
        return deserialize
    remembered = lru_cache(1024)(deserialize)  # Not errors.
    return lambda value: remembered(value) if isinstance(value, str) else deserialize(value)


class LineIn(Dated, InputSchema):
    """A task to import. Fields that are missing are those of a new task; of a task that exists, they stay."""

    synonyms = synonyms.FIELDS

    uid = Uid(allow_none=True, metadata={"description": "If one of your tasks has it, the line is about this task."})
    title = title_field(required=True)
    description = description_field()
    completed = StrictBoolean()
    completed_at = _PastTime(metadata={"description": "Needs `completed`."})
    priority = Priority()
    tags = Tags(allow_none=True)
    recurrence = Recurrence(RecurrenceChangeIn)
    reminded_at = _PastTime(metadata={"description": "Needs `reminder`, of which the service then reminds no more."})
    created_at = _PastTime(metadata={"description": "Only for a new task. Defaults to now."})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._readers = {name: _reader(name, field) for name, field in self.load_fields.items()}

    def load(self, data: Mapping[str, Any], **options: Any) -> dict[str, Any]:  # type: ignore[override] # As there.
        """Return the values of the fields of a line.

        A file has up to 1,000 lines, nearly all of which are right. marshmallow's own way takes three times as
        long, so that is for the others.

        Raises:
            ValidationError: as for :meth:`taskapp.http.input_schema.InputSchema.load`.
        """
        if self._required <= data.keys() <= self._names:
            with suppress(ValidationError):
                task = {name: self._readers[name](value) for name, value in data.items()}
                for check in (self.check_due, self.check_times, self.check_recurrence):
                    check(task)
                return task
        return super().load(data, **options)

    @validates_schema
    def check_due(self, task: dict[str, Any], **_: Any) -> None:
        """Reject a time without a day and a zone, a zone without a day, and a reminder before no time."""
        check_new_due(task)
        check_new_reminder(task)

    @validates_schema
    def check_times(self, task: dict[str, Any], **_: Any) -> None:
        """Reject the time of a completion of a task that is not completed, and that of a reminder that is not there."""
        if task.get("completed_at") is not None and not task.get("completed"):
            raise ValidationError("Needs completed: true.", "completed_at")
        if task.get("reminded_at") is not None and not task.get("reminder"):
            raise ValidationError("Needs reminder.", "reminded_at")

    @validates_schema
    def check_recurrence(self, task: dict[str, Any], **_: Any) -> None:
        """Reject a recurrence without a day and a zone, or with an occurrence that is no day of its rule."""
        recurrence: Mapping[str, Any] | None = task.get("recurrence")
        if recurrence is None:
            return
        if task.get("due_date") is None or task.get("time_zone") is None:
            raise ValidationError(NEEDS, "recurrence")
        day = recurrence.get("occurrence", task["due_date"])
        if reason := explain_day(recurrence, day):
            raise ValidationError({"recurrence": {"rule": [reason]}})
        if (recurrence.get("last") or day) < day:
            raise ValidationError({"recurrence": {"last": ["Must not be before the occurrence."]}})
