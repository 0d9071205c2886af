"""The recurrence of a task in requests."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import OneOf

from taskapp.http.fields import UnchangedUuid
from taskapp.http.input_schema import InputSchema
from taskapp.tasks.fields import Day
from taskapp.tasks.recurrence.grammar import LENGTH, parse
from taskapp.tasks.recurrence.rules import InvalidRule, starts
from taskapp.tasks.recurrence.series import COMPLETION, DUE_DATE

NEEDS = "Needs due_date and time_zone in the same request."


class _Origin(fields.String):
    """From where the next day counts."""

    def __init__(self) -> None:
        super().__init__(
            load_default=DUE_DATE,
            validate=OneOf([DUE_DATE, COMPLETION], error="Must be one of: {choices}."),
            metadata={"description": "TODO"},
        )


_Base: Any = InputSchema.from_dict({"from": _Origin()})


class RecurrenceIn(_Base):  # type: ignore[misc] # marshmallow creates this class at run time.
    """How a task recurs."""

    synonyms = MappingProxyType(
        {"rule": ("rrule", "recurrence_rule", "pattern", "freq"), "from": ("from_", "origin", "repeat_from")}
    )

    rule = fields.String(required=True, metadata={"maxLength": LENGTH, "examples": ["FREQ=WEEKLY;BYDAY=MO"]})
    series_id = UnchangedUuid()
    occurrence = Day()
    next = Day(allow_none=True)

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


def check_recurrence(task: Mapping[str, Any]) -> None:
    """Reject a recurrence without a day and a time zone, or with a day that is none of its rule.

    Raises:
        ValidationError: for the field ``recurrence``.
    """
    recurrence = task.get("recurrence")
    if recurrence is None:
        return
    if task.get("due_date") is None or task.get("time_zone") is None:
        raise ValidationError(NEEDS, "recurrence")
    if recurrence["from"] == DUE_DATE and "series_id" not in recurrence:
        reason = starts(parse(recurrence["rule"]), date.fromisoformat(task["due_date"]))
        if reason:
            raise ValidationError({"recurrence": {"rule": [reason]}})
