"""RRULEs of other products as recurrences of this service."""

import re
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from taskapp.tasks.recurrence.grammar import parse
from taskapp.tasks.recurrence.rules import InvalidRule, starts
from taskapp.tasks.recurrence.series import COMPLETION, DUE_DATE


class NotTaken(Exception):
    """The recurrence cannot be taken over. Its message is a sentence that says why."""


def recurrence_of(text: str, day: date | None, zone: str, *, from_completion: bool) -> dict[str, Any] | None:
    """Return the recurrence of a rule; None if it has one day only.

    Args:
        text: the rule, with or without the name RRULE.
        day: the due date, which must be a day of the rule.
        zone: the time zone of the task, in which UNTIL becomes a day.
        from_completion: whether the next day counts from the day of completion.

    Raises:
        NotTaken: the service has no such rule, or the day is none of its days.
    """
    if day is None:
        raise NotTaken("The task has no due date.")
    parts = _parts(text)
    if parts.get("COUNT") == "1":
        return None
    if until := parts.get("UNTIL"):
        parts["UNTIL"] = _day_of(until, zone)
    _rewrite(parts)
    try:
        rule = parse(";".join(f"{name}={value}" for name, value in parts.items()), from_completion=from_completion)
    except InvalidRule as error:
        raise NotTaken(str(error)) from None
    if not from_completion and (reason := starts(rule, day)):
        raise NotTaken(reason)
    return {"rule": str(rule), "from": COMPLETION if from_completion else DUE_DATE}


def _parts(text: str) -> dict[str, str]:
    lines = [line for line in re.split(r"\s+", text.strip().upper()) if line]
    if len(lines) != 1:
        raise NotTaken("It is not one rule.")
    rule = lines[0].removeprefix("RRULE:")
    pairs = [part.partition("=") for part in rule.split(";") if part]
    if not all(name and value for name, _, value in pairs):
        raise NotTaken("It is not a rule of RFC 5545.")
    return {name: value for name, _, value in pairs}


def _rewrite(parts: dict[str, str]) -> None:
    """Write a rule with the same days in the form that the grammar has."""
    if parts.get("FREQ") == "DAILY" and "BYDAY" in parts and parts.get("INTERVAL", "1") == "1":
        parts["FREQ"] = "WEEKLY"
    if parts.get("FREQ") != "WEEKLY":
        parts.pop("WKST", None)  # It only matters for weeks.


def _day_of(until: str, zone: str) -> str:
    """Return the day of UNTIL, which may have a time, in UTC if it ends in Z (RFC 5545, section 3.3.10)."""
    found = re.fullmatch(r"(\d{8})T(\d{6})(Z?)", until)
    if not found:
        return until
    try:
        end = datetime.strptime(found[1] + found[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        return f"{end.astimezone(ZoneInfo(zone)):%Y%m%d}" if found[3] else found[1]
    except (ValueError, OverflowError):
        return until
