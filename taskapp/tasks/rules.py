"""Rules that depend on the whole task, which the database checks: what a change that breaks one did wrong."""

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import psycopg2

from taskapp.tasks.models import MAXIMUM_TAGS
from taskapp.tasks.recurrence.grammar import parse
from taskapp.tasks.recurrence.rules import starts

# What a field that is not null needs.
NEEDS = MappingProxyType(
    {
        "due_time": "Needs due_date and time_zone.",
        "time_zone": "Needs due_date.",
        "reminder.minutes_before": "Needs due_date, due_time and time_zone.",
    }
)
READ_ONLY = "Read-only, and the task has another value now. Omit it, or read the task again."
ZONE_UNKNOWN = "Is not known to the database. Choose another name of the time zone."

# Why values from before a write cannot come back, by the name of the constraint that they would break.
_WHY_NOT = MappingProxyType(
    {
        "uq_tasks_user_id_occurrence": "The series has another task for this day now.",
        "ck_tasks_recurrence": "A task that recurs must have a due_date and a time_zone.",
        "ck_tasks_reminder": "A task with a reminder of minutes before must have a due_date, due_time and time_zone.",
    }
)
_RULES_CHANGED = "The values from before the write break a rule of tasks now."

# The names of constraints of the table of tasks that a change may violate, without their prefix.
_RULES = ("due", "tags", "recurrence", "reminder")


def _explain_due(changes: Mapping[str, Any]) -> dict[str, str]:
    if changes.get("due_time") is not None:
        return {"due_time": NEEDS["due_time"]}
    if changes.get("time_zone") is not None:
        return {"time_zone": NEEDS["time_zone"]}
    return {"time_zone": "Must not be null while the task has a due_time."}


def _explain_recurrence(changes: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong: a day that only another series has, or a task that recurs loses its day or its zone."""
    recurrence = changes.get("recurrence")
    if recurrence is not None:
        reason = starts(parse(recurrence["rule"]), date.fromisoformat(changes["due_date"]))
        return {"recurrence.rule": f"{reason} Only the series that the task has now may have another day."}
    name = "due_date" if "due_date" in changes and changes["due_date"] is None else "time_zone"
    return {name: "Must not be null while the task recurs. Also send recurrence as null to end the series."}


def _explain_reminder(changes: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong: minutes before no time, or a task with such a reminder loses its time."""
    if changes.get("reminder") is not None:
        return {"reminder.minutes_before": NEEDS["reminder.minutes_before"]}
    name = "due_date" if "due_date" in changes and changes["due_date"] is None else "due_time"
    return {
        name: "Must not be null while the task has a reminder with minutes_before. Also send reminder as null, or with"
        " at."
    }


def explain_broken(rule: str, changes: Mapping[str, Any]) -> dict[str, str]:
    """Return a sentence for the field whose change breaks a rule, by name.

    Args:
        rule: one of the names in :data:`_RULES`; or the name of a read-only field, which must be unchanged.
        changes: the new values of fields.
    """
    if rule == "due":
        return _explain_due(changes)
    if rule == "tags":
        return {"add_tags": f"The task would have more than {MAXIMUM_TAGS} tags."}
    if rule == "recurrence":
        return _explain_recurrence(changes)
    if rule == "reminder":
        return _explain_reminder(changes)
    return {rule: READ_ONLY}


def explain_violation(error: psycopg2.Error, changes: Mapping[str, Any]) -> dict[str, str]:
    """Return a sentence for the field whose change PostgreSQL rejected, by name.

    Args:
        error: a violated constraint of the table of tasks, or an invalid time zone.
        changes: the new values of fields.

    Raises:
        psycopg2.Error: the error itself, if no client can cause it.
    """
    if isinstance(error, psycopg2.errors.InvalidParameterValue):
        return {"time_zone": ZONE_UNKNOWN}
    rule = (error.diag.constraint_name or "").removeprefix("ck_tasks_")
    if rule not in _RULES:
        raise error
    return explain_broken(rule, changes)


def names_zone(message: str, zone: str) -> bool:
    """Return whether a message of PostgreSQL names a time zone, in whatever language and quotation marks."""
    return re.search(rf"(?<![\w/+-]){re.escape(zone)}(?![\w/+-])", message) is not None


def explain_no_return(error: psycopg2.Error) -> str:
    """Return why values from before a write cannot come back, as a sentence, from what PostgreSQL rejected."""
    return _WHY_NOT.get(error.diag.constraint_name or "", _RULES_CHANGED)
