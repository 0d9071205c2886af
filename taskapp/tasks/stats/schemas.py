"""The schemas of requests and responses about statistics. Those of responses are for documentation."""

from datetime import date
from types import MappingProxyType
from typing import Any

from marshmallow import Schema, ValidationError, fields, validates_schema
from marshmallow.validate import Length, Range

from taskapp.http.input_schema import InputSchema
from taskapp.tasks import synonyms
from taskapp.tasks.fields import Day, TimeZone
from taskapp.tasks.stats.queries import COUNTS_BY_PRIORITY

MAXIMUM_DAYS = 366


def _day(description: str, example: str) -> Day:
    day = Day(metadata={"description": description, "examples": [example]})
    day.error_messages = {**day.error_messages, "invalid": "Must be a day, YYYY-MM-DD."}
    return day


# "from" cannot be written as an attribute.
_Days: Any = InputSchema.from_dict(
    {
        "from": _day("The first day of `days`. Needs `before`.", "2026-11-01"),
        "before": _day("The day after the last one of `days`. Needs `from`.", "2026-12-01"),
    }
)


class StatsQuery(_Days):  # type: ignore[misc] # marshmallow creates this class at run time.
    """The query parameters of statistics."""

    synonyms = MappingProxyType(
        {
            "time_zone": synonyms.PARAMETERS["time_zone"],
            "from": ("start", "start_date", "since", "first", "due_from", "created_from"),
            "before": ("end", "end_date", "until", "to", "last", "due_before", "created_before"),
        }
    )

    time_zone = TimeZone(
        required=True,
        metadata={"description": "The IANA time zone on whose clock days begin and end."},
    )

    @validates_schema(skip_on_field_errors=True)
    def check_days(self, query: dict[str, Any], **_: Any) -> None:
        """Reject one end of the days without the other, and ends in the wrong order or too far from each other."""
        for name, other in (("from", "before"), ("before", "from")):
            if name not in query and other in query:
                raise ValidationError(f"Is needed with {other}.", name)
        if "from" not in query:
            return
        days = (date.fromisoformat(query["before"]) - date.fromisoformat(query["from"])).days
        if days < 1:
            raise ValidationError("Must be after from.", "before")
        if days > MAXIMUM_DAYS:
            raise ValidationError(f"Must be at most {MAXIMUM_DAYS} days after from.", "before")


def _number(description: str, example: int) -> fields.Integer:
    about = {"description": description, "examples": [example]}
    return fields.Integer(required=True, validate=Range(0), metadata=about)


class DayOut(Schema):
    """A day in the time zone of the request."""

    date = Day(required=True)
    created = _number("Tasks that were created on this day, and still exist.", 3)
    completed = _number("Tasks that were completed on this day, and still are.", 2)


PendingByPriority = Schema.from_dict(
    {word: fields.Integer(required=True, validate=Range(0)) for word in COUNTS_BY_PRIORITY}, name="PendingByPriority"
)
PendingByPriority.__doc__ = "The numbers of pending tasks by priority."


class StatsOut(Schema):
    """The numbers of tasks of the user."""

    total = _number("All tasks.", 120)
    pending = _number("Tasks that are not completed.", 20)
    completed = _number("Tasks that are completed.", 100)
    overdue = _number("Pending tasks whose time, or the end of whose day, has passed.", 3)
    due_today = _number("Pending tasks whose `due_date` is today in `time_zone`. Some may be overdue.", 2)
    no_due_date = _number("Pending tasks without a `due_date`.", 7)
    pending_by_priority = fields.Nested(PendingByPriority, required=True)
    days = fields.List(
        fields.Nested(DayOut),
        validate=Length(1, MAXIMUM_DAYS),
        metadata={"description": "Each day from `from` to before `before`. Present if you send both."},
    )


class StatsEnvelope(Schema):
    """Statistics."""

    data = fields.Nested(StatsOut, required=True)
