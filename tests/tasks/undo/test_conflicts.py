"""A write is not undone if a field that it changed has another value by now. Then nothing is."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.change_log import read_log
from tests.support.postgres import connect, run_sql
from tests.support.waiting import wait_until


def change(alice, task, **fields):
    response = alice.put(f"/{task['id']}", json=fields)
    assert response.status == 200
    return int(response.headers["Change"])


def assert_conflict(alice, number, *conflicts, message="The task was changed since."):
    """The undo is a 409 with these tasks, names and current tasks, and so is its dry run. Nothing changes."""
    before = alice.get().data
    for query in ("", "?dry_run=true"):
        response = alice.undo(number, query)
        assert (response.status, response.error["code"]) == (409, "UNDO_CONFLICT")
        assert response.error["message"] == message
        found = [tuple(conflict.values()) for conflict in response.error["details"]["conflicts"]]
        assert found == list(conflicts)
        assert response.headers["Change"] is None
    assert alice.get().data == before


CHANGED = {
    "title": ({"title": "second"}, {"title": "third"}, ["title"]),
    "description": ({"description": "second"}, {"description": None}, ["description"]),
    "description set": ({"description": None}, {"description": "x"}, ["description"]),
    "priority": ({"priority": "low"}, {"priority": None}, ["priority"]),
    "one of two": ({"title": "second", "priority": "low"}, {"priority": "high"}, ["priority"]),
    "completed": ({"completed": True}, {"completed": False}, ["completed", "completed_at"]),
    "tag added since": ({"tags": ["a", "b"]}, {"tags": ["a", "b", "c"]}, ["tags"]),
    "tag removed since": ({"tags": ["a", "b"]}, {"remove_tags": ["b"]}, ["tags"]),
    "all tags removed since": ({"tags": ["a", "b"]}, {"tags": []}, ["tags"]),
    "day": ({"due_date": "2026-12-01"}, {"due_date": "2026-12-02"}, ["due_date"]),
    "day cleared": ({"due_date": "2026-12-01"}, {"due_date": None}, ["due_date", "due_time", "time_zone"]),
    # The three make one instant.
    "time of the day": ({"due_date": "2026-12-01"}, {"due_time": "11:00"}, ["due_time"]),
    "zone of the day": ({"due_date": "2026-12-01"}, {"time_zone": "Asia/Tokyo"}, ["time_zone"]),
    "day of the time": ({"due_time": "11:00"}, {"due_date": "2026-12-01"}, ["due_date"]),
    "day of the zone": ({"time_zone": "Asia/Tokyo"}, {"due_date": "2026-12-01"}, ["due_date"]),
}


@pytest.mark.parametrize("case", CHANGED)
def test_field_that_was_changed_since_is_named(alice, case):
    first, second, names = CHANGED[case]
    due = {"due_date": "2026-11-30", "due_time": "10:00", "time_zone": "Europe/Berlin"}
    task = alice.create(title="first", description="d", **due)
    number = change(alice, task, **first)
    change(alice, task, **second)
    assert_conflict(alice, number, (task["id"], names, alice.get().data[0]))
    assert alice.undo(number + 1).status == 200
    assert alice.undo(number).status == 200


def test_zone_without_a_time_keeps_the_day(alice):
    """The day could not go without the zone that somebody added."""
    task = alice.create()
    number = change(alice, task, due_date="2026-12-24")
    change(alice, task, time_zone="Asia/Tokyo")
    assert_conflict(alice, number, (task["id"], ["time_zone"], alice.get().data[0]))


def test_task_that_was_completed_again_is_another_completion(alice):
    task = alice.create()
    path = f"/{task['id']}/complete"
    for _ in range(3):
        alice.patch(path)
    assert_conflict(alice, 2, (task["id"], ["completed_at"], alice.get().data[0]))


def test_second_undo_is_a_conflict(alice):
    task = alice.create(title="first")
    number = change(alice, task, title="second")
    assert alice.undo(number).status == 200
    assert_conflict(alice, number, (task["id"], ["title"], alice.get().data[0]))


def test_new_task_with_anything_changed_since_stays(alice):
    task = alice.create(tags=["a"])
    change(alice, task, priority="low")
    assert_conflict(alice, 1, (task["id"], ["priority"], alice.get().data[0]))
    change(alice, task, priority=None)
    assert alice.undo(1).status == 200


def test_task_that_is_gone_or_back(alice):
    task = alice.create(title="first")
    number = change(alice, task, title="second")
    alice.delete(f"/{task['id']}")
    for gone in (1, number):
        assert_conflict(alice, gone, (task["id"], ["id"], None))
    assert alice.undo(3).status == 200
    assert_conflict(alice, 3, (task["id"], ["id"], alice.get().data[0]))


def test_task_that_was_restored_changed_and_deleted_again(alice):
    """The first deletion would bring back an older state than the last one."""
    task = alice.create(title="first")
    path = f"/{task['id']}"
    alice.delete(path)
    alice.undo(2)
    alice.delete(path)
    assert alice.undo(2).status == 200  # It was the same when it was deleted again.
    change(alice, task, title="second", priority="low")
    alice.delete(path)
    assert_conflict(alice, 2, (task["id"], ["title", "priority"], None))
    assert alice.post(f"{path}/restore").data["title"] == "second"


def test_all_or_nothing(alice):
    tasks = [alice.create(tags=["home"]) for _ in range(4)]
    number = int(alice.request("PATCH", f"{alice.tags}?name=home", json={"name": "house"}).headers["Change"])
    change(alice, tasks[1], tags=["house", "x"])
    alice.delete(f"/{tasks[3]['id']}")
    conflicts = [(tasks[1]["id"], ["tags"], alice.get(f"/{tasks[1]['id']}").data), (tasks[3]["id"], ["id"], None)]
    assert_conflict(alice, number, *conflicts, message="2 of 4 tasks were changed since.")


def test_uid_that_was_given_away(alice):
    task = alice.create()
    number = int(alice.delete(f"/{task['id']}").headers["Change"])
    other = alice.create(uid=task["uid"])
    assert_conflict(alice, number, (task["id"], ["uid"], other))
    restore = alice.post(f"/{task['id']}/restore")
    assert (restore.status, restore.error["code"]) == (409, "CONFLICT")
    assert restore.error["details"] == {"current": other}
    alice.delete(f"/{other['id']}")
    assert alice.post(f"/{task['id']}/restore").data["uid"] == task["uid"]
    assert alice.post(f"/{other['id']}/restore").error["details"]["current"]["id"] == task["id"]


def test_uid_of_another_user_is_free(alice, bob):
    task = alice.create()
    alice.delete(f"/{task['id']}")
    bob.create(uid=task["uid"])
    assert alice.undo(2).status == 200


# What another release, or an operator, has left.


def test_change_by_a_release_without_the_log(alice, database_url):
    task = alice.create(title="first")
    number = change(alice, task, title="second")
    statement = "UPDATE tasks SET {} = 'x', version = version + 1, updated_at = now() WHERE id = %s"
    run_sql(database_url, statement.format("description"), [task["id"]])
    undone = alice.undo(number)
    assert (undone.status, undone.headers["Change"]) == (200, "4")  # The version 3 was the release's.
    assert undone.data["results"][0]["task"]["description"] == "x"
    run_sql(database_url, statement.format("title"), [task["id"]])
    assert_conflict(alice, 4, (task["id"], ["title"], alice.get().data[0]))


@pytest.mark.parametrize("write", ["UPDATE tasks SET title = 'x', version = version + 1", "DELETE FROM tasks"])
@pytest.mark.parametrize("number", [1, 2], ids=["undo of create", "undo of update"])
def test_change_by_such_a_release_that_is_in_progress(alice, database_url, write, number):
    """It takes no turn. The undo waits for it, and compares what it has left."""
    task = alice.create(title="first")
    change(alice, task, title="first" if number == 1 else "second")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
    with contextlib.closing(connect(database_url)) as other, other.cursor() as cursor, ThreadPoolExecutor(1) as thread:
        cursor.execute(f"BEGIN; {write} WHERE id = %s", [task["id"]])
        undo = thread.submit(alice.undo, number)
        wait_until(lambda: run_sql(database_url, waiting, [f"%{alice.user_id}%"]) == [(1,)], "the undo does not wait")
        cursor.execute("COMMIT")
    assert (undo.result().status, undo.result().error["code"]) == (409, "UNDO_CONFLICT")
    assert [each["title"] for each in alice.get().data] == (["x"] if write.startswith("UPDATE") else [])
    assert len(read_log(database_url, alice.user_id)) == 2


def test_column_that_is_newer_than_the_image_gets_its_default(alice, database_url):
    task = alice.create(priority="low", tags=["a"], description="d", completed=True)
    alice.delete(f"/{task['id']}")
    newer = ["priority", "tags", "description", "completed", "due_order", "uid"]
    statement = "UPDATE changes SET before = before - %s || '{\"later\": 1}' WHERE user_id = %s AND number = 2"
    run_sql(database_url, statement, [newer, alice.user_id])
    shown = [
        *alice.request("GET", alice.trash).data,
        *alice.get("?as_of=1").data,
        *alice.get("?as_of=1&status=pending").data,
    ]
    restored = alice.undo(2).data["results"][0]["task"]
    names = ("priority", "tags", "description", "completed", "due_date", "title", "created_at")
    for each in (*shown, restored):
        assert [each[name] for name in names] == [None, [], None, False, None, task["title"], task["created_at"]]
    assert len(shown) == 3
    assert restored["uid"] != task["uid"]
    assert read_log(database_url, alice.user_id)[2]["after"].keys() == {
        *read_log(database_url, alice.user_id)[0]["after"]
    }
    assert alice.undo(3).status == 200


@pytest.mark.parametrize("title", ['" "', "null", f'"{"x" * 256}"'], ids=["blank", "null", "long"])
def test_value_that_breaks_a_newer_rule_is_a_conflict(alice, database_url, title):
    task = alice.create(title="first")
    change(alice, task, title="second")
    alice.delete(f"/{alice.create()['id']}")
    broken = "before || jsonb_build_object('title', %s::jsonb)"
    statement = f"UPDATE changes SET before = {broken} WHERE user_id = %s AND before ? 'title'"
    run_sql(database_url, statement, [title, alice.user_id])
    before = alice.get().data
    for response in (alice.undo(2), alice.undo(4)):
        assert (response.status, response.error["code"]) == (409, "UNDO_CONFLICT")
        assert response.error["details"] == {"conflicts": []}
    restore = alice.post(f"/{task['id'] + 1}/restore")
    assert (restore.status, restore.error["code"]) == (409, "CONFLICT")
    assert alice.get().data == before
    assert len(read_log(database_url, alice.user_id)) == 4
