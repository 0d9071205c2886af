"""What is in a feed, as the library icalendar reads it."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.support.calendars import components, fetch, names, read, subscribe, titles
from tests.support.postgres import run_sql
from tests.support.recurring import complete, following, recurs

TIMED = {"due_date": "2026-12-24", "due_time": "17:00", "time_zone": "Europe/Berlin"}
AT = datetime(2026, 12, 24, 16, tzinfo=UTC)


def day(days):
    return str(datetime.now(UTC).date() + timedelta(days=days))


def only(client, path):
    (component,) = read(client, path).subcomponents
    return component


def test_calendar_says_what_it_is(alice):
    calendar = read(alice, subscribe(alice, name="My, tasks; all"))
    assert names(calendar) == ["My, tasks; all"] * 2
    assert (str(calendar["VERSION"]), str(calendar["X-WR-TIMEZONE"])) == ("2.0", "Europe/Berlin")
    assert calendar["REFRESH-INTERVAL"].dt == timedelta(hours=1)
    assert calendar.subcomponents == []


def test_task_with_a_day_is_an_event_of_this_day(alice):
    task = alice.create(title="Buy milk", due_date="2026-12-24", description="1 l", tags=["b", "a"], priority="high")
    event = only(alice, subscribe(alice))
    assert event.name == "VEVENT"
    assert (str(event["UID"]), int(event["SEQUENCE"])) == (task["uid"], task["version"])
    assert event["DTSTAMP"].dt == datetime.fromisoformat(task["updated_at"]).replace(microsecond=0)
    assert type(event["DTSTART"].dt) is date
    assert event["DTSTART"].dt == date(2026, 12, 24)
    assert (str(event["SUMMARY"]), str(event["DESCRIPTION"])) == ("Buy milk", "1 l")
    assert [str(each) for each in event["CATEGORIES"].cats] == ["a", "b"]
    assert (int(event["PRIORITY"]), str(event["TRANSP"])) == (3, "TRANSPARENT")
    assert not {"DTEND", "DURATION", "RRULE"} & event.keys()
    assert event.subcomponents == []


def test_task_with_a_time_is_an_event_of_15_minutes(alice):
    alice.create(**TIMED)
    event = only(alice, subscribe(alice))
    assert (event["DTSTART"].dt, event["DURATION"].dt) == (AT, timedelta(minutes=15))
    assert not {"DESCRIPTION", "CATEGORIES", "PRIORITY"} & event.keys()


def test_day_does_not_move_with_a_time_zone(alice):
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        alice.create(title=zone, due_date="2026-12-24", time_zone=zone)
        events = read(alice, subscribe(alice, time_zone=zone)).subcomponents
        assert {event["DTSTART"].dt for event in events} == {date(2026, 12, 24)}


@pytest.mark.parametrize(("fields", "due"), [(TIMED, AT), ({"due_date": "2026-12-24"}, date(2026, 12, 24))])
def test_to_dos_are_due(alice, fields, due):
    alice.create(**fields)
    todo = only(alice, subscribe(alice, **{"as": "todos"}))
    assert (todo.name, todo["DUE"].dt, str(todo["STATUS"])) == ("VTODO", due, "NEEDS-ACTION")
    assert not {"DTSTART", "DURATION", "TRANSP"} & todo.keys()


def test_priorities(alice):
    words = {"urgent": 1, "high": 3, "medium": 5, "low": 9, None: None}
    for word in words:
        alice.create(title=str(word), due_date="2026-12-24", priority=word)
    events = read(alice, subscribe(alice)).subcomponents
    assert {str(each["SUMMARY"]): each.get("PRIORITY") for each in events} == {
        str(word): number for word, number in words.items()
    }


@pytest.mark.parametrize("kind", ["events", "todos"])
def test_alarms(alice, kind):
    alice.create(title="timed", **TIMED)
    alice.create(title="day", due_date="2026-12-24")
    alice.create(title="on a day of 25 hours", due_date="2026-10-25")
    path = subscribe(alice, alarm_minutes=15, **{"as": kind})
    alarms = {str(each["SUMMARY"]): each.subcomponents[0] for each in read(alice, path).subcomponents}
    assert {(str(alarm["ACTION"]), str(alarm["DESCRIPTION"])) for alarm in alarms.values()} == {
        ("DISPLAY", title) for title in alarms
    }
    assert alarms["timed"]["TRIGGER"].dt == timedelta(minutes=-15)
    assert alarms["timed"]["TRIGGER"].params.get("RELATED") == ("END" if kind == "todos" else None)
    assert alarms["day"]["TRIGGER"].dt == datetime(2026, 12, 24, 8, tzinfo=UTC)
    assert alarms["on a day of 25 hours"]["TRIGGER"].dt == datetime(2026, 10, 25, 8, tzinfo=UTC)


def test_only_pending_tasks_with_a_day_are_in_it(alice):
    path = subscribe(alice)
    alice.create(title="without a day")
    task = alice.create(title="pending", due_date=day(3))
    done = alice.create(title="done", due_date=day(3), completed=True)
    assert titles(alice, path) == ["pending"]
    alice.patch(f"/{task['id']}", json={"completed": True})
    alice.patch(f"/{done['id']}", json={"completed": False})
    assert titles(alice, path) == ["done"]
    alice.delete(f"/{done['id']}")
    assert titles(alice, path) == []


def test_first_and_last_days(alice):
    for due in ("1900-01-01", "2999-12-31"):
        for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
            for time in (None, "00:00", "23:59"):
                alice.create(title="x", due_date=due, due_time=time, time_zone=zone)
    assert len(components(read(alice, subscribe(alice, alarm_minutes=0)))) == 12


# Recurring tasks.


def test_next_occurrences_have_uids_that_stay(alice):
    first = alice.create(title="r", due_time="17:00", **recurs())
    path = subscribe(alice)
    before = components(read(alice, path))
    days = [date(2035, 1, 1) + timedelta(weeks=number) for number in range(9)]
    assert [event["DTSTART"].dt for event in before.values()] == [
        datetime(each.year, each.month, each.day, 16, tzinfo=UTC) for each in days
    ]
    series = first["recurrence"]["series_id"]
    assert list(before) == [first["uid"], *(f"{series}-{each}" for each in days[1:])]
    assert all("RRULE" not in event and str(event["SUMMARY"]) == "r" for event in before.values())

    second = following(complete(alice, first))
    after = components(read(alice, path))
    assert list(after) == [second["uid"], *list(before)[2:], f"{series}-{days[-1] + timedelta(weeks=1)}"]
    uid = list(before)[2]
    assert int(after[uid]["SEQUENCE"]) > int(before[uid]["SEQUENCE"])


def test_occurrences_of_days_are_days(alice):
    alice.create(**recurs("FREQ=DAILY;COUNT=3"))
    events = read(alice, subscribe(alice)).subcomponents
    assert [event["DTSTART"].dt for event in events] == [date(2035, 1, number) for number in (1, 2, 3)]


def test_days_that_a_completion_skips_are_not_in_it(alice):
    """The task itself is late, and stays on its day."""
    alice.create(**recurs("FREQ=DAILY", day(-3), time_zone="UTC"))
    days = [event["DTSTART"].dt for event in read(alice, subscribe(alice)).subcomponents]
    assert days == [date.fromisoformat(day(number)) for number in (-3, *range(8))]


def test_rule_from_completion_has_one_event(alice):
    alice.create(**recurs("FREQ=DAILY", **{"from": "completion"}))
    assert len(read(alice, subscribe(alice)).subcomponents) == 1


# Many tasks.


def summaries(client, path):
    """The titles in a feed, without the library, which takes seconds for 1,000 events."""
    return re.findall(r"^SUMMARY:(.*)\r$", fetch(client, path).body.decode(), re.MULTILINE)


def test_1000_events_nearest_to_today(alice, database_url):
    run_sql(
        database_url,
        "INSERT INTO tasks (user_id, title, due_date, due_order)"
        " SELECT %s, n, current_date + n, current_date + n + time '24:00' FROM generate_series(-600, 1500) n",
        [alice.user_id],
    )
    path = subscribe(alice)
    found = [int(title) for title in summaries(alice, path)]
    assert found == [*range(found[0], found[0] + 1000)]
    assert found[0] in {-501, -500, -499}
    # Occurrences count, too.
    alice.create(title="0", **recurs("FREQ=DAILY", day(0), time_zone="UTC"))
    more = summaries(alice, path)
    assert (len(more), more.count("0"), more.count("8")) == (1000, 10, 1)


# Conditional requests.


def test_feed_has_a_tag_that_changes_with_its_content(alice):
    task = alice.create(title="x", due_date=day(1))
    path = subscribe(alice)
    first = fetch(alice, path)
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache, no-transform"
    assert first.headers["X-Robots-Tag"] == "noindex"
    for condition in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = fetch(alice, path, headers={"If-None-Match": condition})
        assert (again.status, again.headers["ETag"], again.body) == (304, tag, b"")
    assert fetch(alice, path, headers={"If-None-Match": '"x"'}).status == 200
    assert fetch(alice, path).body == first.body
    alice.create(title="not in it")
    assert fetch(alice, path).body == first.body
    alice.put(f"/{task['id']}", json={"title": "x"})  # An equal value is a write: SEQUENCE.
    changed = fetch(alice, path, headers={"If-None-Match": tag})
    assert (changed.status, changed.headers["ETag"] != tag) == (200, True)


def test_head_has_the_headers_only(alice):
    path = subscribe(alice)
    response = alice.request("HEAD", path, token=None)
    full = fetch(alice, path)
    assert (response.status, response.body) == (200, b"")
    for name in ("ETag", "Content-Length", "Content-Type", "Cache-Control"):
        assert response.headers[name] == full.headers[name]


def test_query_and_token_of_a_user_are_ignored(alice, bob):
    """Users add parameters so that an application fetches the feed again."""
    path = subscribe(alice)
    assert [bob.request("GET", f"{path}{query}").status for query in ("", "?2", "?refresh=1&x=2")] == [200] * 3


def test_other_methods(alice):
    path = subscribe(alice)
    for method in ("POST", "PUT", "PATCH", "DELETE", "PROPFIND", "REPORT"):
        response = alice.request(method, path)
        assert (response.status, set(response.headers["Allow"].split(", "))) == (405, {"GET", "HEAD", "OPTIONS"})
