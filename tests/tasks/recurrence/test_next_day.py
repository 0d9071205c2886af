"""The day of the next occurrence: of late ones, of moved ones, after completion, and at the end of a series."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from taskapp.tasks.recurrence.series import new_series
from tests.support.postgres import run_sql
from tests.support.recurring import WEEKLY, complete, days, following, path_of, recurs

pytestmark = pytest.mark.usefixtures("whole_log")

# At any time, at least two of them have different days.
ZONES = ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "UTC"]


def today(zone):
    return datetime.now(ZoneInfo(zone)).date()


def completed_today(user, task, expected):
    """Complete a task, and check the day of the next one, from the day on the clock of the task's zone."""
    before = today(task["time_zone"])
    made = following(complete(user, task))
    after = today(task["time_zone"])
    assert made["due_date"] in {str(expected(day)) for day in (before, after)}
    return made


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("late", [1, 10, 31, 32, 33, 400])
def test_late_completion_of_a_daily_task_goes_on_today(alice, zone, late):
    day = today(zone) - timedelta(days=late)
    task = alice.create(**recurs("FREQ=DAILY", str(day), time_zone=zone))
    made = completed_today(alice, task, lambda today: today)
    assert made["recurrence"]["occurrence"] == made["due_date"]
    assert made["recurrence"]["next"] == str(date.fromisoformat(made["due_date"]) + timedelta(days=1))
    assert len(days(alice)) == 1


@pytest.mark.parametrize("zone", ZONES)
def test_occurrence_of_today_goes_on_tomorrow_also_if_it_was_completed_early(alice, zone):
    task = alice.create(**recurs("FREQ=DAILY", str(today(zone)), time_zone=zone))
    made = following(complete(alice, task))
    for _ in range(3):
        day, made = made["due_date"], following(complete(alice, made))
        assert made["due_date"] == str(date.fromisoformat(day) + timedelta(days=1))


@pytest.mark.parametrize("zone", ZONES)
def test_late_completion_skips_to_a_day_of_the_rule(alice, zone):
    monday = today(zone) - timedelta(days=today(zone).weekday() + 14)
    task = alice.create(**recurs(WEEKLY, str(monday), time_zone=zone))
    completed_today(alice, task, lambda today: today + timedelta(days=-today.weekday() % 7))


def test_moved_day_moves_only_this_occurrence(alice):
    """The rule goes on from the occurrence, also if the day was moved past the next one."""
    task = alice.create(**recurs())
    for moved in ("2035-01-03", "2035-01-31", "2034-12-30"):
        changed = alice.patch(path_of(task), json={"due_date": moved}).data
        assert changed["recurrence"] == task["recurrence"]
    made = following(complete(alice, task))
    assert (made["due_date"], made["recurrence"]["occurrence"]) == ("2035-01-08", "2035-01-08")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("rule", "interval"), [("FREQ=DAILY;INTERVAL=3", 3), ("FREQ=WEEKLY;INTERVAL=2", 14)])
def test_days_count_from_completion(alice, zone, rule, interval):
    task = alice.create(**recurs(rule, "2020-01-01", time_zone=zone, **{"from": "completion"}))
    assert task["recurrence"]["next"] is None
    completed_today(alice, task, lambda today: today + timedelta(days=interval))


def test_days_that_count_from_completion_go_on_if_one_is_completed_early(alice):
    """Each of them is completed on the same day, and so the next one is due on the same day."""
    task = alice.create(**recurs("FREQ=DAILY;INTERVAL=3", "2020-01-01", time_zone="UTC", **{"from": "completion"}))
    seen = set()
    for _ in range(5):
        task = completed_today(alice, task, lambda today: today + timedelta(days=3))
        seen.add(task["recurrence"]["occurrence"])
    assert len(seen) == 5
    assert len(days(alice)) == 1


@pytest.mark.parametrize(
    ("freq", "completed_on", "expected"),
    [
        ("MONTHLY", "2035-01-31", "2035-02-28"),
        ("MONTHLY", "2036-01-31", "2036-02-29"),
        ("MONTHLY", "2035-12-31", "2036-01-31"),
        ("YEARLY", "2036-02-29", "2037-02-28"),
        ("YEARLY;INTERVAL=4", "2036-02-29", "2040-02-29"),
    ],
)
def test_ends_of_months_from_completion(database_url, freq, completed_on, expected):
    """The interval that is stored, added to a day by PostgreSQL as the statement does."""
    after = new_series({"rule": f"FREQ={freq}", "from": "completion"}, completed_on)["after"]
    added = run_sql(database_url, "SELECT (%s::date + %s::interval)::date::text", [completed_on, after])
    assert added == [(expected,)]


@pytest.mark.parametrize("end", ["COUNT=3", "UNTIL=20350115", "UNTIL=20350121"])
def test_series_ends_with_its_last_day(alice, end):
    task, seen = alice.create(**recurs(f"{WEEKLY};{end}")), []
    while task:
        seen.append((task["due_date"], task["recurrence"]["next"]))
        response = complete(alice, task, headers={"Idempotency-Key": f"complete-{task['id']}"})
        assert response.data["completed"]
        task = following(response)
    assert seen == [("2035-01-01", "2035-01-08"), ("2035-01-08", "2035-01-15"), ("2035-01-15", None)]


def test_series_whose_last_day_has_passed_ends(alice):
    for end, zone in itertools.product(("COUNT=3", "COUNT=900", "UNTIL=20200601"), ZONES):
        task = alice.create(**recurs(f"FREQ=DAILY;{end}", "2020-01-01", time_zone=zone))
        made = following(complete(alice, task))
        assert made is None or end == "COUNT=900"
    assert days(alice) == []


def test_last_possible_day_ends_the_series(alice):
    task = alice.create(**recurs("FREQ=DAILY", "2999-12-30"))
    made = following(complete(alice, task))
    assert (made["due_date"], made["recurrence"]["next"]) == ("2999-12-31", None)
    assert following(complete(alice, made)) is None


def every_day(first):
    return (first + timedelta(days=number) for number in itertools.count())


def last_of_month(day):
    return (day + timedelta(days=1)).day == 1


def last_friday(day):
    return day.weekday() == 4 and (day + timedelta(days=7)).month != day.month


def even_weeks_from_sunday(day):
    """Tuesdays and Sundays of every second week, which begins on Sunday; the first one is 2035-01-07, a Sunday."""
    return day.weekday() in (1, 6) and (day - date(2035, 1, 7)).days // 7 % 2 == 0


MODELS = {
    "FREQ=DAILY": ("2035-01-01", lambda _: True),
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU": ("2035-01-07", even_weeks_from_sunday),
    "FREQ=MONTHLY;BYMONTHDAY=31": ("2035-01-31", lambda day: day.day == 31),
    "FREQ=MONTHLY;BYMONTHDAY=-1": ("2035-01-31", last_of_month),
    "FREQ=MONTHLY;BYDAY=-1FR": ("2035-01-26", last_friday),
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29": ("2036-02-29", lambda day: (day.month, day.day) == (2, 29)),
}
QUICK = "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU"


@pytest.mark.parametrize(
    "rule", [rule if rule == QUICK else pytest.param(rule, marks=pytest.mark.slow) for rule in MODELS]
)
def test_forty_completions_in_a_row_have_the_days_of_the_model(alice, rule):
    first, is_day = MODELS[rule]
    expected = itertools.islice(filter(is_day, every_day(date.fromisoformat(first))), 42)
    task, seen = alice.create(**recurs(rule, first)), []
    for _ in range(41):
        seen.append((task["due_date"], task["recurrence"]["next"]))
        task = following(complete(alice, task))
    assert seen == list(itertools.pairwise(map(str, expected)))


def test_the_day_of_completion_is_that_of_the_change(alice, database_url):
    """If the clock has gone back, the day of the user's newest change counts, for the write and for its next."""
    task = alice.create(**recurs("FREQ=DAILY", str(datetime.now(UTC).date() - timedelta(days=40)), time_zone="UTC"))
    later = datetime.now(UTC) + timedelta(days=50)
    run_sql(database_url, "UPDATE changes SET at = %s WHERE user_id = %s", [later, alice.user_id])
    run_sql(database_url, "UPDATE tasks SET updated_at = %s WHERE user_id = %s", [later, alice.user_id])
    made = following(complete(alice, task))
    assert made["due_date"] == str(later.date())


def test_completion_on_the_clock_of_another_zone(alice):
    """The last days are stored for the zone of the task, but are used up in the one that the request sets."""
    zone, later = "Pacific/Pago_Pago", "Pacific/Kiritimati"
    task = alice.create(**recurs("FREQ=DAILY", str(today(zone) - timedelta(days=31)), time_zone=zone))
    days_before = today(later)
    made = following(alice.put(path_of(task), json={"completed": True, "time_zone": later}))
    assert made["due_date"] in {str(days_before), str(today(later))}
