"""The recurrence that operations set: as in single writes, and each failing operation is named."""

from datetime import date

import pytest

from taskapp.tasks.errors import NotApplied
from tests.support.bulk import errors, load, matching, of_operation
from tests.support.change_log import assert_whole
from tests.support.in_process import LocalUser
from tests.support.recurring_operations import ZONE, complete, day, recurring


@pytest.fixture
def user(bulk_user):
    return bulk_user


def test_create_and_update_as_single_writes(user):
    created = user.bulk({"op": "create", **recurring()}).tasks[0][1]
    assert created["recurrence"]["next"] == day(2)
    moved = user.bulk({"op": "update", "id": created["id"], "due_date": day(5)}).tasks[0][1]
    sent = {name: moved[name] for name in ("due_date", "time_zone", "recurrence", "title")}
    kept = user.bulk({"op": "update", "id": created["id"], **sent}).tasks[0][1]
    assert kept["recurrence"] == created["recurrence"]
    rule = {"rule": "FREQ=DAILY;INTERVAL=2", "from": "due_date"}
    new = user.bulk({"op": "update", "id": created["id"], **sent, "recurrence": rule, "completed": True})
    assert new.tasks[0][1]["recurrence"]["series_id"] != created["recurrence"]["series_id"]
    assert new.following[0]["due_date"] == day(7)
    ended = user.bulk({"op": "update", "id": new.following[0]["id"], "recurrence": None, "completed": True})
    assert ended.tasks[0][1]["recurrence"] is None
    assert not ended.following
    assert_whole(user.url, user.user_id)


def test_what_breaks_the_series_of_a_task_is_named(user):
    tasks = [user.create(**recurring()) for _ in range(4)]
    other = {**tasks[0]["recurrence"], "rule": "FREQ=DAILY;INTERVAL=7"}
    # A rule that does not have the day: only a series that goes on may be there.
    weekly = {"rule": f"FREQ=WEEKLY;BYDAY={'MO' if date.fromisoformat(day(1)).weekday() else 'TU'}", "from": "due_date"}
    foreign = {**weekly, "series_id": tasks[1]["recurrence"]["series_id"]}
    sent = {"due_date": day(1), "time_zone": ZONE}
    operations = [
        {"op": "update", "id": tasks[0]["id"], "due_date": None},
        {"op": "update", "id": tasks[1]["id"], "time_zone": None},
        {"op": "update", "id": tasks[2]["id"], **sent, "recurrence": foreign},
        {"op": "update", "id": tasks[3]["id"], **sent, "recurrence": other},
        {"op": "create", "title": "x", **sent, "recurrence": foreign},
    ]
    failures = user.failures(lambda: user.bulk(*operations))
    assert [(place, reason, [name.split(".")[0] for name in details]) for place, reason, details, _ in failures] == [
        (0, "invalid", ["due_date"]),
        (1, "invalid", ["time_zone"]),
        (2, "invalid", ["recurrence"]),
        (4, "invalid", ["recurrence"]),
    ]
    with pytest.raises(NotApplied):
        user.bulk_by({"status": "all"}, {"op": "update", "due_date": None})
    ended = user.bulk_by({"status": "all"}, {"op": "update", "due_date": None, "recurrence": None})
    assert {task["recurrence"] for _, task in ended.tasks} == {None}


def test_rules_are_named_by_their_place():
    on_monday = {"due_date": "2026-12-07", "time_zone": ZONE}
    found = of_operation({"op": "update", "id": 9, **on_monday, "recurrence": {"rule": "FREQ=WEEKLY;BYDAY=TU"}})
    assert list(found) == ["recurrence.rule"]
    found = of_operation({"op": "create", "title": "x", **on_monday, "recurrence": {"rule": "FREQ=SECONDLY"}})
    assert list(found) == ["recurrence.rule"]
    assert list(of_operation({"op": "create", "title": "x", "recurrence": {"rule": "FREQ=DAILY"}})) == ["recurrence"]


def test_series_cannot_be_that_of_many_tasks():
    fields = {"due_date": day(1), "time_zone": ZONE}
    for value in ({"rule": "FREQ=DAILY"}, {}, "FREQ=DAILY", 1, False):
        found = errors(matching({"status": "all"}, "update", **fields, recurrence=value))
        sentence = "Must be null, because many tasks cannot have one series. Send a list of operations."
        assert found == {"recurrence": sentence}
    assert load(matching({"status": "all"}, "update", recurrence=None))["recurrence"] is None


def test_responses_have_the_next(app, secret):
    user = LocalUser(app, secret)
    created = user.send("POST", "/bulk", json={"operations": [{"op": "create", **recurring()}]}).json["data"]
    task = created["results"][0]["task"]
    body = {"operations": [{"op": "create", "title": "x"}, complete(task)]}
    first, second = (user.send("POST", "/bulk", json=body, key="k") for _ in range(2))
    assert second.headers["Idempotency-Replayed"] == "true"
    assert first.json == second.json
    plain, done = first.json["data"]["results"]
    assert list(plain) == ["status", "task"]
    assert done["next"] == user.send("GET", f"/{done['next']['id']}").json["data"]
    assert done["next"]["version"] == done["task"]["version"] + 1 == 4
