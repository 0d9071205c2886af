"""Statistics compared with a model in Python, in time zones and on days that are hard."""

import json
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskapp.tasks.models import PRIORITIES
from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql

# From -12 to +14 hours, with quarters, with half an hour of summer time, and with midnights that come twice or never.
ZONES = [
    "Etc/GMT+12",
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Europe/Berlin",
    "America/Havana",
    "America/Sao_Paulo",
    "UTC",
]
# Days on which a clock of these zones changes. In Apia, the first of them did not exist.
CHANGES = ["2011-12-30", "2018-02-18", "2018-11-04", "2025-11-02", "2026-04-05", "2026-10-25", "2027-03-28"]
property_test = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def local_app(make_app):
    return make_app()


def fill(database_url, user_id, tasks):
    """Store tasks of one user, each a map from columns to values."""
    run_sql(
        database_url,
        "INSERT INTO tasks (user_id, title, completed, completed_at, created_at, priority, due_date, due_time,"
        " time_zone, due_order) SELECT %s, 't', completed, completed_at, coalesce(created_at, now()),"
        " coalesce(priority, 4), due_date, due_time, time_zone,"
        " coalesce(due_date + coalesce(due_time, time '24:00'), 'infinity')"
        " FROM jsonb_to_recordset(%s) AS each (completed boolean, completed_at timestamptz, created_at timestamptz,"
        " priority smallint, due_date date, due_time time, time_zone text)",
        [user_id, json.dumps(tasks, default=str)],
    )


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("Pacific/Kiritimati", "2026-03-01T10:00:00Z", "2026-03-02T09:59:59.999999Z"),
        ("Etc/GMT+12", "2026-03-02T12:00:00Z", "2026-03-03T11:59:59.999999Z"),
        ("Asia/Kathmandu", "2026-03-01T18:15:00Z", "2026-03-02T18:14:59.999999Z"),
    ],
)
def test_day_begins_and_ends_on_the_clock_of_the_time_zone(alice, database_url, zone, first, last):
    first, last = map(datetime.fromisoformat, (first, last))
    moments = [first - timedelta.resolution, first, last, last + timedelta.resolution]
    fill(database_url, alice.user_id, [{"created_at": at, "completed_at": at, "completed": True} for at in moments])
    days = alice.get(f"/stats?time_zone={quote(zone)}&from=2026-03-02&before=2026-03-03").data["days"]
    assert days == [{"date": "2026-03-02", "created": 2, "completed": 2}]


hours = st.integers(-40, 40)
moments = st.builds(
    lambda day, hour, minute: datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(hours=hour, minutes=minute),
    st.sampled_from(CHANGES),
    hours,
    st.sampled_from([0, 1, 15, 29, 30, 45, 59]),
)


@property_test
@given(
    tasks=st.lists(st.tuples(moments, st.none() | moments), max_size=15),
    zone=st.sampled_from(ZONES),
    around=st.sampled_from(CHANGES),
    before=st.integers(0, 3),
    after=st.integers(1, 3),
)
def test_days_are_those_of_the_model(local_app, secret, database_url, tasks, zone, around, before, after):
    user = LocalUser(local_app, secret)
    rows = [{"created_at": c, "completed_at": d, "completed": d is not None} for c, d in tasks]
    fill(database_url, user.user_id, rows)
    first, end = (date.fromisoformat(around) + timedelta(days) for days in (-before, after))
    days = user.send("GET", f"/stats?time_zone={quote(zone)}&from={first}&before={end}").json["data"]["days"]
    created, completed = ([row[name] for row in rows if row[name]] for name in ("created_at", "completed_at"))
    assert days == [
        {"date": str(day), "created": on_day(created, zone, day), "completed": on_day(completed, zone, day)}
        for day in (first + timedelta(number) for number in range((end - first).days))
    ]


def on_day(moments, zone, day):
    return sum(moment.astimezone(ZoneInfo(zone)).date() == day for moment in moments)


def instant(day, clock, zone):
    """The instant of a local time. PostgreSQL takes the second one of two, and an hour later if there is none."""
    local = datetime.combine(day, clock, ZoneInfo(zone))
    both = {fold: local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
    return max(both.values()) if both[0] < both[1] else both[0]


def is_overdue(task, zone, now):
    if task["completed"] or task["due_date"] is None:
        return False
    day, clock = task["due_date"], task["due_time"]
    if clock is None:  # The end of the day is the start of the next one.
        day, clock = day + timedelta(1), time()
    return instant(day, clock, task["time_zone"] or zone) < now


def model(tasks, zone, now):
    pending = [task for task in tasks if not task["completed"]]
    today = now.astimezone(ZoneInfo(zone)).date()
    return {
        "total": len(tasks),
        "pending": len(pending),
        "completed": len(tasks) - len(pending),
        "overdue": sum(is_overdue(task, zone, now) for task in tasks),
        "due_today": sum(task["due_date"] == today for task in pending),
        "no_due_date": sum(task["due_date"] is None for task in pending),
        "pending_by_priority": {
            word or "none": sum(task["priority"] == place for task in pending) for place, word in enumerate(PRIORITIES)
        },
    }


@st.composite
def due_tasks(draw):
    """A task that is due some hours before or after now, or on a day close to today, or never."""
    zone = draw(st.sampled_from(ZONES))
    due = datetime.now(ZoneInfo(zone)) + timedelta(hours=draw(hours), minutes=30)
    kind = draw(st.sampled_from(["never", "day", "day with a zone", "time"]))
    return {
        "completed": draw(st.booleans()),
        "priority": draw(st.integers(0, 4)),
        "due_date": None if kind == "never" else due.date(),
        "due_time": due.time().replace(second=0, microsecond=0) if kind == "time" else None,
        "time_zone": zone if kind in ("day with a zone", "time") else None,
    }


@property_test
@given(tasks=st.lists(due_tasks(), max_size=15), zone=st.sampled_from(ZONES))
def test_counts_are_those_of_the_model(local_app, secret, database_url, tasks, zone):
    user = LocalUser(local_app, secret)
    fill(database_url, user.user_id, tasks)
    models = [model(tasks, zone, datetime.now(UTC))]
    counts = user.send("GET", f"/stats?time_zone={quote(zone)}").json["data"]
    models.append(model(tasks, zone, datetime.now(UTC)))  # A day may have ended meanwhile.
    assert counts in models
