"""Reopening takes back the next occurrence by one rule, whether one task is written or many."""

import pytest

from tests.support.recurring import MONDAY, days, path_of, recurs

ROUTES = {
    "single": lambda user, task, change: user.put(path_of(task), json=change),
    "list": lambda user, task, change: user.post(
        "/bulk", json={"operations": [{"op": "update", "id": task["id"], **change}]}
    ),
}


@pytest.fixture(params=ROUTES)
def update(request, alice):
    def send(task, **change):
        response = ROUTES[request.param](alice, task, change)
        assert response.status == 200, response.body

    return send


@pytest.mark.parametrize("change", [{}, {"recurrence": None}, recurs("FREQ=DAILY")], ids=["same", "ended", "new"])
def test_the_write_that_reopens_may_change_the_series(alice, task, made, update, change):
    """The next one is of the series that the task had until then. Otherwise, there would be two of them."""
    update(task, completed=False, **change)
    assert days(alice, "all") == [MONDAY]
    assert alice.get(path_of(made)).status == 404


@pytest.mark.parametrize("change", [{"recurrence": None}, recurs("FREQ=DAILY")], ids=["ended", "new"])
def test_next_stays_if_the_task_left_its_series_before(alice, task, made, update, change):
    """It is all that the series has left."""
    update(task, **change)
    update(task, completed=False)
    assert days(alice, "all") == [MONDAY, made["due_date"]]


def test_touched_next_stays(alice, task, made, update):
    update(made, title="changed")
    update(task, completed=False)
    assert days(alice) == [MONDAY, made["due_date"]]


def test_next_is_as_it_was_made_if_the_reopening_was_undone(alice, task, made, update):
    update(task, completed=False)
    assert alice.undo(alice.get(path_of(task)).data["version"]).status == 200
    assert alice.get(path_of(made)).data["version"] < alice.get(path_of(task)).data["version"]
    update(task, completed=False)
    assert days(alice, "all") == [MONDAY]


@pytest.mark.parametrize("order", [1, -1])
def test_touched_next_stays_if_one_undo_restored_it_and_changed_the_completed_one(alice, task, made, update, order):
    update(made, title="changed")
    operations = [{"op": "delete", "id": made["id"]}, {"op": "update", "id": task["id"], "title": "x"}][::order]
    written = alice.post("/bulk", json={"operations": operations})
    assert alice.undo(written.headers["Change"]).status == 200
    update(task, completed=False)
    assert days(alice) == [MONDAY, made["due_date"]]
