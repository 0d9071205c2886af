"""The reminder of a recurring task moves on with its occurrences."""

import pytest

from taskapp.tasks.reminders import service
from tests.support.change_log import assert_whole
from tests.support.reminding import HALF_AN_HOUR, remind_at

WEEKLY = {"due_date": "2035-03-19", "time_zone": "Europe/Berlin", "recurrence": {"rule": "FREQ=WEEKLY;BYDAY=MO"}}


def complete(way, client, task):
    """Complete a task, and return the next occurrence."""
    if way == "bulk":
        body = {"operations": [{"op": "complete", "id": task["id"], "completed": True}]}
        return client.post("/bulk", json=body).data["results"][0]["next"]
    if way == "put":
        return client.put(f"/{task['id']}", json={"completed": True}).json["next"]
    return client.patch(f"/{task['id']}/complete").json["next"]


@pytest.mark.parametrize("way", ["toggle", "put", "bulk"])
def test_minutes_stay_and_count_from_the_next_time(alice, database_url, way):
    task = alice.create(**WEEKLY, due_time="09:00", reminder=HALF_AN_HOUR)
    assert remind_at(database_url, alice.user_id, task) == "2035-03-19T07:30:00"
    following = complete(way, alice, task)
    assert (following["due_date"], following["reminder"], following["reminded_at"]) == (
        "2035-03-26",
        HALF_AN_HOUR,
        None,
    )
    # After the change of clocks.
    assert remind_at(database_url, alice.user_id, following) == "2035-03-26T06:30:00"
    assert_whole(database_url, alice.user_id)


@pytest.mark.parametrize("way", ["toggle", "put", "bulk"])
def test_time_moves_by_as_many_days_on_the_clock(alice, database_url, way):
    task = alice.create(**WEEKLY, reminder={"at": "2035-03-18T19:00:00.250Z"})
    following = complete(way, alice, task)
    # 20:00 in Berlin, before and after the change of clocks.
    assert following["reminder"] == {"at": "2035-03-25T18:00:00.250000Z"}
    assert remind_at(database_url, alice.user_id, following) == "2035-03-25T18:00:00"
    assert alice.put(f"/{following['id']}", json=following).data["reminder"] == following["reminder"]
    assert_whole(database_url, alice.user_id)


@pytest.mark.parametrize("way", ["toggle", "bulk"])
def test_next_occurrence_is_pending_although_the_service_has_reminded(alice, app, way):
    task = alice.create(
        due_date="2020-01-01",
        due_time="09:00",
        time_zone="UTC",
        recurrence={"rule": "FREQ=DAILY"},
        reminder=HALF_AN_HOUR,
    )
    with app.app_context():
        assert service.fire(alice.user_id) == 1
    following = complete(way, alice, task)
    assert following["reminded_at"] is None
    assert alice.get(f"/{task['id']}").data["reminded_at"]


def test_reopening_takes_the_next_occurrence_back(alice, database_url):
    task = alice.create(**WEEKLY, due_time="09:00", reminder=HALF_AN_HOUR)
    complete("toggle", alice, task)
    reopened = alice.patch(f"/{task['id']}/complete").data
    assert alice.get().data == [reopened]
    assert reopened["reminder"] == HALF_AN_HOUR
    assert_whole(database_url, alice.user_id)


def test_series_without_a_time_cannot_have_minutes(alice):
    task = alice.create(**WEEKLY)
    response = alice.patch(f"/{task['id']}", json={"reminder": HALF_AN_HOUR})
    assert list(response.error["details"]) == ["reminder.minutes_before"]


def test_preview_of_a_completion_shows_the_next_reminder(alice):
    task = alice.create(**WEEKLY, reminder={"at": "2035-03-18T19:00:00Z"})
    body = {"operations": [{"op": "complete", "id": task["id"], "completed": True}]}
    (result,) = alice.post("/bulk?dry_run=true", json=body).data["results"]
    assert result["next"]["reminder"] == {"at": "2035-03-25T18:00:00.000000Z"}
    assert alice.get().data == [task]
