"""When a task is due: a day, and a time on the clock of a time zone. What was sent is what is read."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.postgres import run_sql

DUE = {"due_date": "2026-12-24", "due_time": "17:00", "time_zone": "Europe/Berlin"}
NOT_DUE = dict.fromkeys(DUE)
ZONES = [
    *(
        "Etc/GMT+12",
        "Pacific/Kiritimati",
        "Pacific/Apia",
        "Pacific/Auckland",
        "America/Los_Angeles",
        "America/St_Johns",
    ),
    *("Australia/Lord_Howe", "Asia/Kathmandu", "Europe/Berlin", "Africa/Casablanca", "UTC"),
]
days = st.one_of(
    st.dates(date(1900, 1, 1), date(2999, 12, 31)).map(str),
    st.sampled_from(["2026-10-25", "2027-03-28", "2028-02-29", "1900-01-01", "2999-12-31", "2011-12-30"]),
)
times = st.one_of(st.times().map(lambda value: f"{value:%H:%M}"), st.sampled_from(["00:00", "02:30", "23:59"]))
zones = st.sampled_from(ZONES)


def due(task):
    return {name: task[name] for name in DUE}


def instant(day, clock, zone):
    """The instant as the contract defines it, in Python.

    A clock time that exists twice is the second one. One that does not exist is as much later as the clock is put
    forward.
    """
    local = datetime.combine(date.fromisoformat(day), time.fromisoformat(clock))
    zone = ZoneInfo(zone)
    second = local.replace(tzinfo=zone, fold=1).astimezone(UTC)
    exists = second.astimezone(zone).replace(tzinfo=None) == local
    return second if exists else local.replace(tzinfo=zone, fold=0).astimezone(UTC)


def assert_is_due(task, day, clock, zone):
    assert due(task) == {"due_date": day, "due_time": clock, "time_zone": zone}
    if clock is None:
        assert task["due_at"] is None
    else:
        assert datetime.fromisoformat(task["due_at"]) == instant(day, clock, zone)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=days, clock=times, zone=zones, order=st.permutations(["due_date", "due_time", "time_zone"]), other=days)
def test_what_was_sent_is_what_is_read_in_any_order_of_patches(alice, day, clock, zone, order, other):
    sent = {"due_date": day, "due_time": clock, "time_zone": zone}
    created = alice.create(**sent)
    assert_is_due(created, day, clock, zone)
    task = alice.create(due_date=other, due_time="12:00", time_zone="UTC")
    for name in order:
        changed = alice.patch(f"/{task['id']}", json={name: sent[name]})
        assert changed.status == 200
        assert changed.data[name] == sent[name]
    for found in (changed.data, alice.get(f"/{task['id']}").data, alice.get().data[0]):
        assert_is_due(found, day, clock, zone)


@pytest.mark.parametrize("day", ["1900-01-01", "2026-12-24", "2999-12-31"])
def test_day_is_the_same_for_every_reader(alice, day):
    """A day is no instant: nobody's clock changes it."""
    for zone in (None, "Pacific/Auckland", "America/Los_Angeles"):
        task = alice.create(due_date=day, time_zone=zone)
        assert (task["due_date"], task["due_at"]) == (day, None)
        assert alice.get(f"/{task['id']}").data == task


@pytest.mark.parametrize(
    ("day", "clock", "zone", "expected"),
    [
        ("2026-12-24", "17:00", "Europe/Berlin", "2026-12-24T16:00:00.000000Z"),
        ("2026-10-25", "02:30", "Europe/Berlin", "2026-10-25T01:30:00.000000Z"),  # It exists twice.
        ("2027-03-28", "02:30", "Europe/Berlin", "2027-03-28T01:30:00.000000Z"),  # It does not exist: 03:30.
        ("2026-12-24", "00:00", "Pacific/Kiritimati", "2026-12-23T10:00:00.000000Z"),
        ("2026-12-24", "23:59", "Etc/GMT+12", "2026-12-25T11:59:00.000000Z"),
        ("1900-01-01", "00:00", "Pacific/Kiritimati", None),
        ("2999-12-31", "23:59", "Etc/GMT+12", "3000-01-01T11:59:00.000000Z"),
    ],
)
def test_due_at_is_the_instant(alice, day, clock, zone, expected):
    task = alice.create(due_date=day, due_time=clock, time_zone=zone)
    assert task["due_at"] == expected or (expected is None and task["due_at"].startswith("1900-01-01T10:29:"))
    assert_is_due(task, day, clock, zone)


def test_time_of_a_stored_result_is_the_one_that_was_returned(alice):
    key = {"Idempotency-Key": "k"}
    first = alice.post(json={"title": "x", **DUE}, headers=key)
    again = alice.post(json={"title": "x", **DUE}, headers=key)
    assert (again.body, again.headers["Idempotency-Replayed"]) == (first.body, "true")
    assert_is_due(again.data, *DUE.values())


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        *(("Asia/Calcutta", "Asia/Kolkata"), ("Europe/Kiev", "Europe/Kyiv"), ("US/Pacific", "America/Los_Angeles")),
        *(("Asia/Katmandu", "Asia/Kathmandu"), ("Etc/Zulu", "Etc/UTC")),
        # These are current, although their rules are those of another.
        *((name, name) for name in ("UTC", "GMT", "Europe/Oslo", "Asia/Kolkata", "Etc/GMT+12", "Antarctica/McMurdo")),
    ],
)
def test_old_name_of_a_time_zone_becomes_the_current_one(alice, sent, stored):
    """Chrome reports ``Asia/Calcutta``, which PostgreSQL on Debian 13 does not know."""
    task = alice.create(due_date="2026-12-24", due_time="17:00", time_zone=sent)
    assert_is_due(task, "2026-12-24", "17:00", stored)
    assert instant("2026-12-24", "17:00", sent) == instant("2026-12-24", "17:00", stored)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"due_date": "2026-12-25"}, {**DUE, "due_date": "2026-12-25"}),
        ({"due_time": None}, {**DUE, "due_time": None}),
        ({"due_time": None, "time_zone": None}, {**NOT_DUE, "due_date": "2026-12-24"}),
        ({"time_zone": "Asia/Tokyo"}, {**DUE, "time_zone": "Asia/Tokyo"}),
        ({"due_date": None}, NOT_DUE),
        ({"due_date": None, "due_time": None, "time_zone": None}, NOT_DUE),
        ({"title": "x"}, DUE),
    ],
)
def test_change_keeps_what_it_does_not_name(alice, method, change, expected):
    task = alice.create(**DUE)
    changed = alice.request(method, f"{alice.tasks}/{task['id']}", json=change)
    assert (changed.status, due(changed.data)) == (200, expected)


def test_client_that_knows_only_the_day_sets_and_clears_it(alice):
    task = alice.create(due_date="2026-12-24")
    path = f"/{task['id']}"
    assert alice.put(path, json={"due_date": "2026-12-25"}).data["due_date"] == "2026-12-25"
    alice.patch(path, json={"due_time": "08:00", "time_zone": "Asia/Tokyo"})
    assert due(alice.put(path, json={"due_date": None}).data) == NOT_DUE


def test_racing_patches_leave_the_order_of_the_day_and_time_that_remain(alice, new_client, database_url):
    task = alice.create(**DUE)
    changes = [
        *({"due_date": f"2026-12-{day:02}"} for day in range(1, 20)),
        *({"due_time": f"{hour:02}:15"} for hour in range(20)),
        *({"due_time": None}, {"time_zone": "Asia/Kathmandu"}, {"due_date": None}, DUE) * 3,
    ]
    racers = [new_client(alice.user_id) for _ in changes]

    def patch(racer, change):
        return racer.patch(f"/{task['id']}", json=change).status

    with ThreadPoolExecutor(len(racers)) as threads:
        statuses = set(threads.map(patch, racers, changes))
    # A patch of the time may meet a task whose day was just cleared.
    assert statuses <= {200, 422}
    found = alice.get(f"/{task['id']}").data
    ((order,),) = run_sql(database_url, "SELECT due_order::text FROM tasks WHERE id = %s", [task["id"]])
    if found["due_date"] is None:
        assert order == "infinity"
    else:
        end = datetime.fromisoformat(found["due_date"]) + timedelta(days=1)
        assert order == (f"{found['due_date']} {found['due_time']}:00" if found["due_time"] else str(end))
