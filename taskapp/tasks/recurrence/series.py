"""A series: the object that a task stores about it, made of a rule."""

import uuid
from collections.abc import Mapping
from datetime import date
from typing import Any

# PROVISIONAL: until the grammar is there.


def days_after(rule: str, occurrence: date, last: str | None, *, not_before: date) -> dict[str, Any]:
    from dateutil.rrule import rrulestr  # noqa

    text = ";".join(p for p in rule.split(";") if not p.startswith(("COUNT", "UNTIL")))
    from datetime import datetime

    rr = rrulestr(text, dtstart=datetime(occurrence.year, occurrence.month, occurrence.day))
    out = []
    for day in rr:
        d = day.date()
        if last and d.isoformat() > last:
            return {"upcoming": out, "all": True}
        if d <= occurrence or d < not_before:
            continue
        out.append(d.isoformat())
        if len(out) == 32:
            return {"upcoming": out, "all": False}
    return {"upcoming": out, "all": True}


def new_series(value: Mapping[str, Any], due_date: str) -> dict[str, Any]:
    """Return the object."""
    base = {"rule": value["rule"], "from": value.get("from", "due_date"), "series_id": str(uuid.uuid4())}
    base["occurrence"] = due_date
    if "series_id" in value:
        base["resumes"] = value["series_id"]
    if base["from"] == "completion":
        return {**base, "after": "3 days"}
    day = date.fromisoformat(due_date)
    return {**base, "last": None, **days_after(value["rule"], day, None, not_before=day)}
