"""What undo and restore say of an occurrence or a rule that the task can no longer have."""

import pytest

from tests.support.recurring import MONDAY, complete, days, following, path_of, recurs

pytestmark = pytest.mark.usefixtures("whole_log")

TAKEN = "The series has another task for this day now."
NEEDS = "A task that recurs must have a due_date and a time_zone."


def assert_impossible(response, code, message, details):
    assert (response.status, response.error["code"], response.error["message"]) == (409, code, message)
    assert response.error.get("details") == details


def undo_is_impossible(alice, number, message):
    assert_impossible(alice.undo(number), "UNDO_CONFLICT", message, {"conflicts": []})


def test_occurrence_that_was_made_again(alice, task):
    made = following(complete(alice, task))
    deletion = alice.delete(path_of(made)).headers["Change"]
    complete(alice, task, completed=False)
    again = following(complete(alice, task))
    undo_is_impossible(alice, deletion, TAKEN)
    for headers in ({}, {"Idempotency-Key": "again"}):
        assert_impossible(alice.post(f"{path_of(made)}/restore", headers=headers), "CONFLICT", TAKEN, None)
    alice.delete(path_of(again))
    assert alice.post(f"{path_of(made)}/restore", headers={"Idempotency-Key": "again"}).status == 200
    assert len(days(alice)) == 1


def test_occurrence_that_left_its_series_and_was_made_again(alice, task):
    made = following(complete(alice, task))
    left = alice.patch(path_of(made), json=recurs("FREQ=DAILY", made["due_date"])).headers["Change"]
    complete(alice, task, completed=False)
    assert following(complete(alice, task))["due_date"] == made["due_date"]
    undo_is_impossible(alice, left, TAKEN)


def test_day_of_a_task_that_recurs_since(alice):
    task = alice.create()
    dated = alice.patch(path_of(task), json={"due_date": MONDAY, "time_zone": "Europe/Berlin"}).headers["Change"]
    recurring = alice.patch(path_of(task), json=recurs()).data
    undo_is_impossible(alice, dated, NEEDS)
    assert alice.get(path_of(task)).data == recurring


def test_rule_of_a_task_that_lost_its_day_since(alice, task):
    ended = alice.patch(path_of(task), json={"recurrence": None}).headers["Change"]
    alice.patch(path_of(task), json={"due_date": None})
    undo_is_impossible(alice, ended, NEEDS)
