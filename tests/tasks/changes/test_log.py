"""Every write of a task is logged in its own message, under the user's next number."""

import pytest

from tests.support.change_log import assert_whole, read_log
from tests.support.postgres import run_sql
from tests.support.retries import WRITES, assert_replayed, write

CHANGES = {
    "title": {"title": "second"},
    "description": {"description": "two"},
    "no description": {"description": None},
    "completed": {"completed": True},
    "reopened": {"completed": False},
    "day": {"due_date": "2026-12-24"},
    "time": {"due_date": "2026-12-24", "due_time": "17:05", "time_zone": "Europe/Berlin"},
    "no day": {"due_date": None},
    "priority": {"priority": "urgent"},
    "no priority": {"priority": None},
    "tags": {"tags": ["b", "a"]},
    "more and less tags": {"add_tags": ["c"], "remove_tags": ["a"]},
    "no tags": {"tags": []},
    "everything": {
        "title": "third",
        "description": "🙂 \\ \" '",
        "completed": True,
        "priority": "low",
        "tags": ["x"],
        "due_date": "2027-01-01",
    },
}
# The columns that follow from others are logged with them, and those that make up one instant together.
DUE = {"due_date", "due_time", "time_zone", "due_order", "remind_at", "reminded_at"}


def columns_of(changes):
    columns = {"tags" if name.endswith("_tags") else name for name in changes}
    return columns | (DUE if columns & DUE else set()) | ({"completed_at"} if "completed" in columns else set())


def test_each_write_is_logged(alice, database_url):
    task = alice.create(title="first", tags=["home"], due_date="2026-11-30")
    path = f"/{task['id']}"
    for number, (name, changes) in enumerate(CHANGES.items(), start=2):
        response = (alice.put if number % 2 else alice.patch)(path, json=changes)
        assert (response.status, response.headers["Change"]) == (200, str(number)), name
        assert (response.data["version"], response.headers["ETag"]) == (number, f'"{number}"')
        entry = read_log(database_url, alice.user_id)[-1]
        assert entry["before"].keys() == columns_of(changes), name
    for body in ({"completed": True}, {"completed": False}, {}):
        number += 1
        options = {"json": body} if body else {}
        assert alice.patch(f"{path}/complete", **options).headers["Change"] == str(number)
    other = alice.create(title="other", tags=["x"])
    assert other["version"] == number + 1
    assert alice.request("PATCH", f"{alice.tags}?name=x", json={"name": "y"}).headers["Change"] == str(number + 2)
    assert alice.request("DELETE", f"{alice.tags}?name=y").headers["Change"] == str(number + 4)
    assert alice.delete(path).headers["Change"] == str(number + 6)
    assert len(assert_whole(database_url, alice.user_id)) == number + 6


def test_new_task_is_logged_whole(alice, database_url):
    fields = {**CHANGES["everything"], "due_time": "09:00", "time_zone": "Asia/Tokyo"}
    for each in ({"title": "x"}, fields, {"title": "y", "completed": False}):
        alice.create(**each)
    log = assert_whole(database_url, alice.user_id)
    assert {entry["before"] for entry in log} == {None}
    assert log[1]["after"]["title"] == "third"


def test_times_of_a_write_are_those_of_its_change(alice):
    task = alice.create(completed=True)
    assert task["created_at"] == task["updated_at"] == task["completed_at"]
    reopened = alice.patch(f"/{task['id']}/complete").data
    completed = alice.patch(f"/{task['id']}/complete").data
    assert completed["completed_at"] == completed["updated_at"] > reopened["updated_at"] > task["updated_at"]
    assert completed["created_at"] == task["created_at"]


def test_time_does_not_go_back_with_the_clock(alice, database_url):
    task = alice.create()
    run_sql(
        database_url,
        "UPDATE changes SET at = now() + interval '1 hour' WHERE user_id = %s RETURNING at",
        [alice.user_id],
    )
    for _ in range(2):
        alice.put(f"/{task['id']}", json={"title": "x"})
    alice.create()
    assert len({entry["at"] for entry in read_log(database_url, alice.user_id)}) == 1


@pytest.mark.parametrize("how", ["none there", "precondition", "read-only", "invalid"])
def test_write_that_changes_nothing_takes_no_number(alice, database_url, how):
    task = alice.create()
    path, body = f"/{task['id']}", {"title": "x"}
    headers = {"If-Match": '"9"'} if how == "precondition" else {}
    if how == "none there":
        alice.delete(path)
    if how == "read-only":
        body = {"title": "x", "created_at": "2026-01-01T00:00:00Z"}
    if how == "invalid":
        body = {"due_time": "10:00"}
    before = len(read_log(database_url, alice.user_id))
    for key in ({}, {"Idempotency-Key": "key"}):
        response = alice.put(path, json=body, headers={**headers, **key})
        assert response.status in {404, 412, 422}
        assert "Change" not in response.headers
    missing = alice.request("PATCH", f"{alice.tags}?name=nobody", json={"name": "x"})
    assert (missing.status, missing.headers["Change"]) == (404, None)
    assert len(read_log(database_url, alice.user_id)) == before
    assert alice.create()["version"] == before + 1


def test_rename_to_the_same_name_is_no_change(alice, database_url):
    alice.create(tags=["home"])
    response = alice.request("PATCH", f"{alice.tags}?name=home", json={"name": "home"})
    assert (response.data["tasks"], response.headers["Change"]) == (0, None)
    assert len(read_log(database_url, alice.user_id)) == 1


def test_write_of_many_tasks_is_one_write(alice, database_url):
    tasks = [alice.create(tags=["home"]) for _ in range(3)]
    alice.create(tags=["garden"])
    response = alice.request("PATCH", f"{alice.tags}?name=home", json={"name": "house"})
    assert response.headers["Change"] == "5"
    log = assert_whole(database_url, alice.user_id)[4:]
    assert [(entry["number"], entry["operation"]) for entry in log] == [(5, 5), (6, 5), (7, 5)]
    assert [entry["task_id"] for entry in log] == [task["id"] for task in tasks]


@pytest.mark.parametrize("name", WRITES)
def test_replay_has_the_change_of_the_first_response(alice, database_url, name):
    task = alice.create()
    first = write(alice, WRITES[name], task["id"], "key")
    assert first.headers["Change"] == "2"
    alice.create()
    again = write(alice, WRITES[name], task["id"], "key")
    assert_replayed(first, again)
    assert again.headers["Change"] == "2"
    assert len(assert_whole(database_url, alice.user_id)) == 3


def test_result_that_was_stored_before_the_log_has_no_change(alice, database_url):
    task = alice.create()
    for name in ("PUT", "DELETE"):
        write(alice, WRITES[name], task["id"], name)
    run_sql(database_url, "UPDATE idempotency_keys SET result = result - 'change' WHERE user_id = %s", [alice.user_id])
    for name in ("PUT", "DELETE"):
        response = write(alice, WRITES[name], task["id"], name)
        assert (response.status, response.headers["Change"]) == (200, None)


def test_numbers_of_users_are_independent(alice, bob, database_url):
    for user in (alice, bob, bob, alice, bob):
        user.create()
    assert [len(assert_whole(database_url, user.user_id)) for user in (alice, bob)] == [2, 3]


def test_task_of_a_release_without_the_log_keeps_its_count(alice, database_url):
    """Its version may be ahead of the log."""
    statement = "INSERT INTO tasks (user_id, title, version) VALUES (%s, 'old', 7) RETURNING id"
    ((task_id,),) = run_sql(database_url, statement, [alice.user_id])
    assert alice.put(f"/{task_id}", json={"title": "new"}).data["version"] == 8
    assert alice.create()["version"] == 9
    assert alice.delete(f"/{task_id}").headers["Change"] == "10"
