"""What undo, restore, the history and lists of the past make of reminders."""

import pytest

from taskapp.tasks.reminders import service
from tests.support.change_log import assert_whole
from tests.support.reminding import DUE, HALF_AN_HOUR, HALF_PAST_FOUR, PAST, feed, remind_at

PAST_DUE = {"due_date": "2020-01-02", "due_time": "09:00", "time_zone": "UTC"}


@pytest.fixture(autouse=True)
def _context(app):
    with app.app_context():
        yield


def read(client, task, query=""):
    return client.get(f"/{task['id']}{query}").data


def test_undo_sets_the_instant_by_what_others_changed_since(alice, database_url):
    task = alice.create(**DUE)
    alice.patch(f"/{task['id']}", json={"due_date": "2036-01-01"})
    alice.patch(f"/{task['id']}", json={"reminder": HALF_AN_HOUR})
    assert remind_at(database_url, alice.user_id, task) == "2036-01-01T15:30:00"
    assert alice.undo(2).status == 200
    assert_whole(database_url, alice.user_id)
    assert (read(alice, task)["reminder"], remind_at(database_url, alice.user_id, task)) == (
        HALF_AN_HOUR,
        HALF_PAST_FOUR,
    )
    assert alice.undo(4).status == 200
    assert remind_at(database_url, alice.user_id, task) == "2036-01-01T15:30:00"
    assert alice.undo(3).status == 200
    assert remind_at(database_url, alice.user_id, task) is None
    assert_whole(database_url, alice.user_id)


def test_undo_that_would_leave_minutes_without_a_time_says_so(alice, database_url):
    task = alice.create()
    alice.patch(f"/{task['id']}", json=DUE)
    task = alice.patch(f"/{task['id']}", json={"reminder": HALF_AN_HOUR}).data
    response = alice.undo(2)
    assert (response.status, response.error["details"]["conflicts"]) == (409, [])
    assert "A task with a reminder of minutes before must have a due_date" in response.error["message"]
    assert read(alice, task) == task
    assert_whole(database_url, alice.user_id)


def test_undo_of_what_moved_a_reminder_does_not_remind_again(alice, database_url):
    task = alice.create(**PAST_DUE, reminder=HALF_AN_HOUR)
    service.fire(alice.user_id)
    reminded_at = read(alice, task)["reminded_at"]
    alice.patch(f"/{task['id']}", json={"due_date": "2035-01-01"})
    assert read(alice, task)["reminded_at"] is None
    (undone,) = alice.undo(3).data["results"]
    assert undone["task"]["reminded_at"] == read(alice, task)["reminded_at"] == reminded_at
    assert service.fire(alice.user_id) == 0
    assert_whole(database_url, alice.user_id)


def test_undo_leaves_a_time_that_others_made_another_instant_of_pending(alice, database_url):
    task = alice.create(**PAST_DUE, reminder=HALF_AN_HOUR)
    service.fire(alice.user_id)
    alice.patch(f"/{task['id']}", json={"due_time": "10:00"})
    alice.patch(f"/{task['id']}", json={"reminder": {"minutes_before": 5}})
    assert alice.undo(3).status == 200
    assert (read(alice, task)["reminded_at"], remind_at(database_url, alice.user_id, task)) == (
        None,
        "2020-01-02T08:55:00",
    )
    assert service.fire(alice.user_id) == 1
    assert_whole(database_url, alice.user_id)


def test_reminding_is_in_nobodys_way(alice, database_url):
    """What the user did can be undone, although the service has changed the task since."""
    task = alice.create(**PAST_DUE, reminder=HALF_AN_HOUR)
    alice.patch(f"/{task['id']}", json={"due_time": "08:00"})
    service.fire(alice.user_id)
    assert alice.undo(2).status == 200
    assert read(alice, task)["reminded_at"] is None
    assert service.fire(alice.user_id) == 1
    assert alice.undo(1).status == 200  # Its creation.
    assert alice.get().data == []
    assert service.fire(alice.user_id) == 0
    assert_whole(database_url, alice.user_id)


def test_undone_reminder_is_due_again(alice, database_url):
    task = alice.create(reminder=PAST)
    service.fire(alice.user_id)
    assert alice.undo(2).status == 200
    assert read(alice, task)["reminded_at"] is None
    assert service.fire(alice.user_id) == 1
    assert_whole(database_url, alice.user_id)


@pytest.mark.parametrize("remind_before", [True, False])
def test_restored_task_has_its_reminder_as_it_was(alice, database_url, remind_before):
    task = alice.create(reminder=PAST)
    if remind_before:
        service.fire(alice.user_id)
    before = read(alice, task)
    alice.delete(f"/{task['id']}")
    deleted = alice.request("GET", alice.trash).data[0]
    assert {name: deleted[name] for name in ("reminder", "reminded_at")} == {
        name: before[name] for name in ("reminder", "reminded_at")
    }
    restored = alice.post(f"/{task['id']}/restore").data
    assert (restored["reminder"], restored["reminded_at"]) == (PAST, before["reminded_at"])
    assert service.fire(alice.user_id) == (not remind_before)
    assert_whole(database_url, alice.user_id)


def test_past_is_as_it_was(alice):
    states = [alice.create(**PAST_DUE, reminder=HALF_AN_HOUR)]
    path = f"/{states[0]['id']}"
    service.fire(alice.user_id)
    states.append(alice.get(path).data)
    states += [alice.put(path, json=changes).data for changes in ({"due_date": "2020-01-03"}, {"reminder": None})]
    for number, state in enumerate(states, 1):
        assert alice.get(f"?sort=id&as_of={number}").data == [state]
    changed = [set(entry["changed"]) for entry in feed(alice)[1:]]
    assert changed == [{"reminded_at"}, {"due_date", "reminded_at"}, {"reminder"}]
    history = alice.get(f"{path}/history").data
    assert [set(entry["changed"]) for entry in reversed(history)][1:] == changed
