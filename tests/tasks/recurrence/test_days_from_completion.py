"""The day of the next occurrence if it counts from the completion, or if the completion is late, at chosen times.

The time of a write is not before the user's newest change. So the time of that one sets the clock of the next write.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.support.change_log import assert_whole
from tests.support.postgres import run_sql
from tests.support.recurring import recurs
from tests.support.recurring_operations import complete

pytestmark = pytest.mark.slow

SET_CLOCK = """
UPDATE changes SET at = %(now)s WHERE user_id = %(user)s AND number = (SELECT max(number) FROM changes
    WHERE user_id = %(user)s);
UPDATE tasks SET updated_at = %(now)s WHERE user_id = %(user)s AND version = (SELECT max(version) FROM tasks
    WHERE user_id = %(user)s)
"""
KIRITIMATI, BAKER, KATHMANDU, BERLIN = "Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kathmandu", "Europe/Berlin"
SANTIAGO = "America/Santiago"


@pytest.fixture
def user(bulk_user):
    yield bulk_user
    assert_whole(bulk_user.url, bulk_user.user_id)


def next_of(user, rule, now, *, origin="completion", due_date="2030-01-01", bulk=False):
    """Complete a new task at a time, which has a zone, and return the day of the next one."""
    zone = now.tzinfo.key
    task = user.create(**recurs(rule, due_date, time_zone=zone, **{"from": origin}))
    run_sql(user.url, SET_CLOCK, {"now": now, "user": user.user_id})
    made = user.bulk(complete(task)).following[0] if bulk else user.complete(task)
    assert made["created_at"] == now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert made["recurrence"]["occurrence"] == made["due_date"]
    return made["due_date"]


def at(text, zone):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize(
    ("rule", "completed_on", "expected"),
    [
        ("FREQ=MONTHLY", "2035-01-31", "2035-02-28"),
        ("FREQ=MONTHLY", "2036-01-31", "2036-02-29"),
        ("FREQ=MONTHLY", "2035-12-31", "2036-01-31"),
        ("FREQ=MONTHLY", "2035-02-28", "2035-03-28"),
        ("FREQ=MONTHLY;INTERVAL=13", "2035-01-31", "2036-02-29"),
        ("FREQ=YEARLY", "2036-02-29", "2037-02-28"),
        ("FREQ=YEARLY;INTERVAL=4", "2036-02-29", "2040-02-29"),
        ("FREQ=YEARLY", "2035-02-28", "2036-02-28"),
        ("FREQ=WEEKLY;INTERVAL=99", "2035-12-31", "2037-11-23"),
        ("FREQ=DAILY;INTERVAL=999", "2035-02-28", "2037-11-23"),
        # Days of 23 and of 25 hours, and one that begins at 01:00.
        ("FREQ=DAILY", "2035-03-24", "2035-03-25"),
        ("FREQ=DAILY", "2035-03-25", "2035-03-26"),
        ("FREQ=DAILY", "2035-10-27", "2035-10-28"),
        ("FREQ=DAILY", "2035-10-28", "2035-10-29"),
        ("FREQ=WEEKLY", "2035-10-22", "2035-10-29"),
    ],
)
def test_interval_is_added_to_the_day_on_the_clock_of_the_task(user, rule, completed_on, expected, bulk):
    """Just after midnight and just before the next one, in zones where UTC has another day at one of these times."""
    moments = [f"{completed_on}T00:00:00", f"{completed_on}T23:59:59.999999"]
    zones = [BERLIN, BAKER] if completed_on.startswith("2035-02") else [BERLIN]
    seen = {next_of(user, rule, at(moment, zone), bulk=bulk) for moment in moments for zone in zones}
    assert seen == {expected}


@pytest.mark.parametrize("bulk", [False, True])
@pytest.mark.parametrize("zone", [KIRITIMATI, BAKER, KATHMANDU, SANTIAGO, "Pacific/Chatham"])
def test_midnight_of_the_zone_divides_the_days(user, zone, bulk):
    for moment, today in (("2036-02-28T23:59:59.999999", 28), ("2036-02-29T00:00:00", 29)):
        now = at(moment, zone)
        assert next_of(user, "FREQ=MONTHLY", now, bulk=bulk) == f"2036-03-{today}"
        # The same with the days of a rule: the first one that is not before today, some from stored days.
        for first in ("2036-02-27", "2030-01-01"):
            days = {"origin": "due_date", "due_date": first, "bulk": bulk}
            assert next_of(user, "FREQ=DAILY", now, **days) == f"2036-02-{today}"


def test_zones_disagree_on_the_day_of_one_moment(user):
    now = datetime(2035, 1, 31, 10, 30, tzinfo=UTC)
    zones = {KIRITIMATI: "2035-03-01", BERLIN: "2035-02-28", BAKER: "2035-02-28"}
    assert {zone: next_of(user, "FREQ=MONTHLY", now.astimezone(ZoneInfo(zone))) for zone in zones} == zones


@pytest.mark.parametrize("zone", [BERLIN, SANTIAGO])
def test_a_time_that_its_day_lacks_does_not_move_the_day(user, zone):
    """Clocks skip 02:30 on 2035-03-25 in Berlin, and 00:30 on 2035-09-02 in Santiago."""
    day, before, time = {BERLIN: ("2035-03-25", "24", "02:30"), SANTIAGO: ("2035-09-02", "01", "00:30")}[zone]
    fields = recurs("FREQ=DAILY", f"{day[:-2]}{before}", time_zone=zone, **{"from": "due_date"})
    task = user.create(**fields, due_time=time)
    made = user.complete(task)
    assert (made["due_date"], made["due_time"]) == (day, time)
    assert made["due_at"] > task["due_at"]
