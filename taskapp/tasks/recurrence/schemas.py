"""The recurrence of a task in requests."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import OneOf

from taskapp.http.fields import ReadOnly
from taskapp.http.input_schema import InputSchema, Object
from taskapp.tasks.fields import Day, Uid
from taskapp.tasks.recurrence.grammar import LENGTH, parse
from taskapp.tasks.recurrence.parts import READERS
from taskapp.tasks.recurrence.rules import InvalidRule, starts
from taskapp.tasks.recurrence.series import COMPLETION, DUE_DATE

NEEDS = "Needs due_date and time_zone in the same request."
NOT_A_DAY = "due_date must be one of its days."
# What clients read of a series in addition to its id.
_READ = ("occurrence", "next", "last")
_EXAMPLE = "FREQ=WEEKLY;BYDAY=MO"
# Which parts there are, but not which of them go together.
_PART = f"({'|'.join(['FREQ', *READERS])})=[A-Z0-9,+-]+"
PATTERN = f"^{_PART}(;{_PART})*$"


class _Origin(fields.String):
    """From where the next day counts."""

    def __init__(self) -> None:
        error = f"Must be one of: {DUE_DATE}, {COMPLETION}."
        super().__init__(
            load_default=DUE_DATE,
            validate=OneOf([DUE_DATE, COMPLETION], error=error),
            error_messages={"null": error, "invalid": error},
            metadata={
                "description": "`due_date`: the days are those of the rule. `completion`: the next day is counted from "
                "the day on which the task is completed. Then the rule has only FREQ and INTERVAL."
            },
        )


_Base: Any = InputSchema.from_dict({"from": _Origin()})


class _OfRule(_Base):  # type: ignore[misc] # marshmallow creates this class at run time.
    """The fields of every recurrence."""

    synonyms = MappingProxyType(
        {
            "rule": (
                *("rrule", "recurrence_rule", "pattern", "freq", "frequency", "type", "unit", "every"),
                *("interval", "count", "until", "end", "end_date", "byday", "by_day", "bymonthday", "by_month_day"),
                *("days", "weekdays", "days_of_week", "day_of_month", "string"),
            ),
            "from": ("from_", "origin", "repeat_from", "anchor", "mode", "based_on"),
        }
    )

    rule = fields.String(
        required=True,
        error_messages=dict.fromkeys(("null", "invalid"), f'Must be a string such as "{_EXAMPLE}".'),
        metadata={
            "description": "The value of an RRULE (RFC 5545) with some of its parts, in capitals and each one once. "
            "It is returned in one form: sorted, and without what is the default.",
            "maxLength": LENGTH,
            "pattern": PATTERN,
            "examples": [_EXAMPLE],
        },
    )

    def load(self, data: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        """Return the recurrence with its rule in the canonical form."""
        recurrence = super().load(data, **options)
        try:
            rule = parse(recurrence["rule"], from_completion=recurrence["from"] == COMPLETION)
        except InvalidRule as error:
            raise ValidationError({"rule": [str(error)]}) from None
        return {**recurrence, "rule": str(rule)}


class NoRecurrence(fields.Field[Any]):
    """The recurrence in one change of many tasks: it can only end. A series is that of one task."""

    def __init__(self) -> None:
        super().__init__(
            allow_none=True, metadata={"description": "`null` ends the series of the tasks.", "enum": [None]}
        )

    def _deserialize(self, *_: Any, **__: Any) -> Any:
        raise ValidationError("Must be null, because many tasks cannot have one series. Send a list of operations.")


class RecurrenceIn(_OfRule):
    """A new series. `due_date` is its first day. A task that is created as completed has no next occurrence."""

    series_id = ReadOnly()
    occurrence = ReadOnly()
    next = ReadOnly()
    last = ReadOnly()


def _ignored_day() -> Day:
    about = "Ignored, so that you can send back what you have read. Needs `series_id`."
    return Day(allow_none=True, metadata={"description": about})


class RecurrenceChangeIn(_OfRule):
    """A new series, or the one of the task as it was read, which goes on. Then `due_date` may be any day."""

    json_schema = MappingProxyType({"dependentRequired": {name: ["series_id"] for name in _READ}})

    series_id = Uid(
        metadata={
            "description": "As it was read. If `rule`, `from` and `occurrence` are those of the task, too, its series "
            "goes on. Otherwise, a new one begins."
        }
    )
    occurrence = Day(metadata={"description": "As it was read. Needs `series_id`."})
    next = _ignored_day()
    last = _ignored_day()

    @validates_schema
    def check_series(self, recurrence: dict[str, Any], **_: Any) -> None:
        """Reject what was read of a series without its id."""
        for name in _READ:
            if name in recurrence and "series_id" not in recurrence:
                raise ValidationError("Needs series_id. Omit it to begin a new series.", name)


class Recurrence(Object):
    """The recurrence of a task, an object or null.

    Args:
        schema: the schema of the object.
    """

    def __init__(self, schema: type[_OfRule]) -> None:
        about = "How the task recurs. Needs `due_date` and `time_zone` in the same request. `null`: not at all."
        super().__init__(schema, allow_none=True, metadata={"description": about})

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError(f'Must be an object such as {{"rule": "{_EXAMPLE}"}}, or null.')
        return super()._deserialize(value, *args, **options)


class ChecksRecurrence:
    """What the schema of a task with the field ``recurrence`` checks about it."""

    @validates_schema
    def check_recurrence(self, task: dict[str, Any], **_: Any) -> None:
        """Reject a recurrence without a day and a time zone, or with a day that is none of its rule."""
        recurrence = task.get("recurrence")
        if recurrence is None:
            return
        if task.get("due_date") is None or task.get("time_zone") is None:
            raise ValidationError(NEEDS, "recurrence")
        if "series_id" not in recurrence and (reason := explain_day(recurrence, task["due_date"])):
            raise ValidationError({"recurrence": {"rule": [reason]}})


def explain_day(recurrence: Mapping[str, Any], due_date: str) -> str | None:
    """Return why a series cannot begin on a day, as sentences; None if it can."""
    if recurrence["from"] == COMPLETION:
        return None
    reason = starts(parse(recurrence["rule"]), date.fromisoformat(due_date))
    return reason and f"{reason} {NOT_A_DAY}"
