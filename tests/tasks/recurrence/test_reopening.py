"""Reopening an occurrence takes back the next one, unless that one was changed since."""

import pytest

from tests.support.recurring import MONDAY, WEEKLY, complete, days, following, path_of, recurs

pytestmark = pytest.mark.usefixtures("whole_log")

NEXT = "2035-01-08"


REOPENINGS = {
    "complete": lambda user, task: user.patch(f"{path_of(task)}/complete", json={"completed": False}),
    "toggle": lambda user, task: user.patch(f"{path_of(task)}/complete"),
    "put": lambda user, task: user.put(path_of(task), json={"completed": False, "title": "x"}),
    "whole": lambda user, task: user.put(path_of(task), json={**user.get(path_of(task)).data, "completed": False}),
}


@pytest.mark.parametrize("name", REOPENINGS)
def test_reopening_takes_back_an_untouched_next(alice, task, made, name):
    alice.create(title="other", **recurs())
    reopened = REOPENINGS[name](alice, task)
    assert following(reopened) is None
    assert (reopened.data["completed"], reopened.data["completed_at"]) == (False, None)
    assert reopened.data["recurrence"] == task["recurrence"]
    assert alice.get(path_of(made)).status == 404
    assert days(alice) == [MONDAY, MONDAY]
    assert [each["id"] for each in alice.request("GET", alice.trash).data] == [made["id"]]


def test_toggles_back_and_forth(alice, task):
    for _ in range(4):
        assert following(alice.patch(f"{path_of(task)}/complete"))["due_date"] == NEXT
        assert following(alice.patch(f"{path_of(task)}/complete")) is None
        assert days(alice, "all") == [MONDAY]


TOUCHES = {
    "changed": lambda user, made: user.put(path_of(made), json={"title": "changed"}),
    "changed and changed back": lambda user, made: [
        user.put(path_of(made), json={"title": title}) for title in ("changed", made["title"])
    ],
    "moved": lambda user, made: user.put(path_of(made), json={"due_date": "2035-01-10"}),
    "restored": lambda user, made: [user.delete(path_of(made)), user.post(f"{path_of(made)}/restore")],
}


@pytest.mark.parametrize("name", TOUCHES)
def test_touched_next_stays_and_is_not_doubled(alice, task, made, name):
    TOUCHES[name](alice, made)
    complete(alice, task, completed=False)
    assert len(days(alice)) == 2
    assert following(complete(alice, task)) is None
    assert days(alice) == [alice.get(path_of(made)).data["due_date"]]


def test_completed_next_stays_with_what_follows_it(alice, task, made):
    complete(alice, made)
    complete(alice, task, completed=False)
    assert days(alice, "all") == [MONDAY, NEXT, "2035-01-15"]
    assert following(complete(alice, task)) is None
    assert days(alice) == ["2035-01-15"]


def test_deleted_next_is_made_again(alice, task, made):
    alice.delete(path_of(made))
    complete(alice, task, completed=False)
    assert following(complete(alice, task))["due_date"] == NEXT


def test_edit_of_what_was_completed_does_not_keep_the_next(alice, task, made):
    """The next one is untouched, whatever happened to the one that is reopened, or to other tasks."""
    other = alice.create()
    alice.put(path_of(task), json={"description": "took an hour"})
    alice.put(path_of(task), json={"completed": True, "due_date": "2035-01-02"})
    alice.delete(path_of(other))
    complete(alice, task, completed=False)
    assert days(alice) == ["2035-01-02"]
    assert alice.get(path_of(made)).status == 404


def test_reopening_with_another_rule_takes_the_next_back(alice, task, made):
    """Whatever the series is from now on, the completion made it. If the task no longer recurs, it stays."""
    daily = alice.put(path_of(task), json={"completed": False, **recurs("FREQ=DAILY")}).data
    assert daily["recurrence"]["next"] == "2035-01-02"
    assert alice.get(path_of(made)).status == 404
    complete(alice, task)
    complete(alice, task, completed=False)
    assert days(alice, "all") == [MONDAY]
    complete(alice, task)
    ended = alice.put(path_of(task), json={"completed": False, "recurrence": None}).data
    assert days(alice, "all") == [MONDAY]
    assert len(alice.undo(ended["version"]).data["results"]) == 2
    alice.put(path_of(task), json={"recurrence": None})
    alice.put(path_of(task), json={"completed": False})
    assert days(alice, "all") == [MONDAY, "2035-01-02"]


def test_reopening_of_what_is_open_changes_nothing_else(alice, made):
    complete(alice, made, completed=False)
    assert days(alice, "all") == [MONDAY, NEXT]


def test_only_the_last_of_several_is_taken_back(alice, task, made):
    last = following(complete(alice, made))
    complete(alice, made, completed=False)
    assert alice.get(path_of(last)).status == 404
    assert days(alice, "all") == [MONDAY, NEXT]
    # It was completed and reopened, so it is no longer as it was created.
    complete(alice, task, completed=False)
    assert days(alice) == [MONDAY, NEXT]


def test_reopening_the_last_of_a_series(alice):
    task = alice.create(**recurs(f"{WEEKLY};COUNT=2"))
    last = following(complete(alice, task))
    assert following(complete(alice, last)) is None
    complete(alice, last, completed=False)
    assert days(alice) == [NEXT]


def test_from_completion(alice):
    task = alice.create(**recurs("FREQ=DAILY;INTERVAL=3", **{"from": "completion"}))
    made = following(complete(alice, task))
    complete(alice, task, completed=False)
    assert days(alice, "all") == [MONDAY]
    made = following(complete(alice, task))
    alice.put(path_of(made), json={"title": "changed"})
    complete(alice, task, completed=False)
    assert following(complete(alice, task)) is None
    assert len(days(alice)) == 1


def test_after_undo_and_redo_of_the_completion(alice, task):
    completed = complete(alice, task)
    undone = alice.undo(completed.data["version"])
    redone = alice.undo(undone.data["change"])
    assert redone.status == 200
    assert len(days(alice)) == 1
    complete(alice, task, completed=False)
    assert days(alice, "all") == [MONDAY]
