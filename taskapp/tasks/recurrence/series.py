"""The series of a recurring task: the object that the task stores, made of a rule. See :mod:`.documents`."""

import uuid
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any

from taskapp.tasks.recurrence.expansion import last_day, upcoming
from taskapp.tasks.recurrence.grammar import parse
from taskapp.tasks.recurrence.rules import Rule, repeat_after, starts

DUE_DATE, COMPLETION = "due_date", "completion"
# The number of expansions that a process keeps. Each takes some 3 KiB.
_KEPT = 1024
# What says which occurrence of which series a client means that sends back what it has read.
_READ = ("rule", "from", "series_id", "occurrence")


def days_after(rule: Rule, day: date, last: date | None, *, not_before: date = date.min) -> dict[str, Any]:
    """Return the days of a rule after one of them: ``upcoming``, and ``all``, whether the series ends with these.

    Args:
        rule: the rule.
        day: one of its days.
        last: the day on which the series ends, or None.
        not_before: the first day to return.
    """
    days, ends = upcoming(rule, day, last)
    while not ends and days[-1] < not_before:
        days, ends = upcoming(rule, days[-1], last)
    if not ends and (earlier := [each for each in days if each < not_before]):
        days, ends = upcoming(rule, earlier[-1], last)
    return {"upcoming": [str(each) for each in days if each >= not_before], "all": ends}


def new_series(recurrence: Mapping[str, Any], due_date: str) -> dict[str, Any]:
    """Return the object for a task on a day.

    Args:
        recurrence: its ``rule``, which is valid and canonical, and ``from``. If a client sends back what it has read,
            also the ``series_id``.
        due_date: the day of the task. If it is none of the rule's days, only a series that goes on can have it. Then
            the object has ``invalid``, which the table rejects, whether days follow or not.
    """
    text, day = recurrence["rule"], date.fromisoformat(due_date)
    series: dict[str, Any] = {
        "from": recurrence["from"],
        "series_id": str(uuid.uuid4()),
        "occurrence": due_date,
        "rule": text,
    }
    if "series_id" in recurrence:
        series["resumes"] = {name: recurrence[name] for name in _READ if name in recurrence}
    rule = parse(text, from_completion=recurrence["from"] == COMPLETION)
    if recurrence["from"] == COMPLETION:
        return {**series, "after": repeat_after(rule)}
    if starts(rule, day):
        return {**series, "invalid": True, "all": True}
    return {**series, **_days_from(rule, day)}


@lru_cache(_KEPT)
def _days_from(rule: Rule, day: date) -> dict[str, Any]:
    """Return the days of a series that begins on a day. A request may have many series of the same rule and day."""
    last = last_day(rule, day)
    return {"last": last and str(last), **days_after(rule, day, last)}


def continued_series(recurrence: Mapping[str, Any], due_date: str) -> dict[str, Any]:
    """Return the object for a task of a series that was read elsewhere, which goes on with its next day.

    If the task has the recurrence already, as far as it was read, that stays.

    Args:
        recurrence: as for :func:`new_series`, and ``occurrence``, which is one of the rule's days, and ``last``, if
            they were read. Without a ``series_id``, a new series begins.
        due_date: the day of the task.
    """
    day, last = recurrence.get("occurrence", due_date), recurrence.get("last")
    series = {
        **new_series(recurrence, day),
        "resumes": {name: recurrence[name] for name in _READ if name in recurrence},
    }
    if "series_id" not in recurrence:
        return series
    series["series_id"] = recurrence["series_id"]
    rule = parse(recurrence["rule"], from_completion=recurrence["from"] == COMPLETION)
    if last is None or rule.count is None:
        return series
    # COUNT counts from the first occurrence, whose day is not known.
    return {**series, "last": last, **days_after(rule, date.fromisoformat(day), date.fromisoformat(last))}
