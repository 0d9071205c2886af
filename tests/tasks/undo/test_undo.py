"""Undo takes a write back: all fields that it changed, of all tasks that it changed."""

import pytest

from tests.support.change_log import assert_whole
from tests.tasks.changes.test_log import CHANGES

WHOLE = {
    "title": "kept",
    "description": "as it was",
    "completed": True,
    "priority": "high",
    "tags": ["a", "home"],
    "due_date": "2026-11-30",
    "due_time": "09:15",
    "time_zone": "America/New_York",
}


def fields_of(task):
    """The fields of a task but for those that every write sets."""
    return {name: value for name, value in task.items() if name not in ("version", "updated_at")}


def results_of(response):
    assert response.status == 200, response.body
    return [(result["task_id"], result["type"]) for result in response.data["results"]]


@pytest.fixture(autouse=True)
def whole_log(alice, database_url):
    """After each test, the log is whole, and makes the tasks that there are."""
    yield
    assert_whole(database_url, alice.user_id)


@pytest.mark.parametrize("fields", [WHOLE, {}], ids=["whole", "title only"])
def test_each_update_can_be_undone_and_redone(alice, fields):
    task = alice.create(**fields)
    path = f"/{task['id']}"
    for name, changes in CHANGES.items():
        changed = alice.patch(path, json=changes).data
        undone = alice.undo(changed["version"])
        assert undone.data["results"][0]["task"] == alice.get(path).data, name
        assert fields_of(alice.get(path).data) == fields_of(task), name
        assert alice.get(path).data["updated_at"] > changed["updated_at"]
        redone = alice.undo(undone.data["change"])
        assert fields_of(redone.data["results"][0]["task"]) == fields_of(changed), name
        assert results_of(alice.undo(redone.data["change"])) == [(task["id"], "updated")]
    assert fields_of(alice.get(path).data) == fields_of(task)


def test_response_and_entry_tell_what_was_undone(alice):
    task = alice.create(title="first")
    alice.put(f"/{task['id']}", json={"title": "second"})
    response = alice.undo(2)
    assert response.headers["Change"] == "3"
    data = response.data
    assert (data["change"], data["undoes"], data["dry_run"]) == (3, 2, False)
    assert data["results"] == [{"task_id": task["id"], "type": "updated", "task": alice.get(f"/{task['id']}").data}]
    (entry,) = alice.request("GET", f"{alice.changes}/3").data
    assert (entry["write"], entry["undoes"], entry["type"]) == (3, 2, "updated")
    assert entry["changed"] == {"title": {"from": "second", "to": "first"}}
    assert entry["at"] == data["results"][0]["task"]["updated_at"]


def test_undo_of_create_deletes_and_redo_brings_it_back(alice):
    task = alice.create(**WHOLE)
    undone = alice.undo(1)
    assert undone.data["results"] == [{"task_id": task["id"], "type": "deleted", "task": None}]
    assert alice.get().data == []
    redone = alice.undo(2)
    assert results_of(redone) == [(task["id"], "created")]
    assert (
        alice.get().data
        == [redone.data["results"][0]["task"]]
        == [{**task, "version": 3, "updated_at": redone.data["results"][0]["task"]["updated_at"]}]
    )
    assert results_of(alice.undo(3)) == [(task["id"], "deleted")]


def test_undo_of_delete_restores_every_field(alice):
    task = alice.create(**WHOLE)
    deleted = alice.delete(f"/{task['id']}").headers["Change"]
    restored = alice.undo(deleted).data["results"][0]["task"]
    assert fields_of(restored) == fields_of(task)
    assert {"id", "uid", "created_at", "completed_at", "due_at"} <= fields_of(task).keys()
    assert (restored["version"], alice.get(f"/{task['id']}").data) == (3, restored)
    assert alice.create()["id"] > task["id"]


def test_undo_of_toggle(alice):
    task = alice.create(completed=True)
    path = f"/{task['id']}"
    for expected in (False, True):
        before = alice.get(path).data
        number = alice.patch(f"{path}/complete").headers["Change"]
        assert alice.get(path).data["completed"] is expected
        alice.undo(number)
        assert fields_of(alice.get(path).data) == fields_of(before)
        alice.patch(f"{path}/complete")


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_undo_of_a_write_of_many_tasks(alice, method):
    tasks = [alice.create(tags=tags) for tags in (["home"], ["home", "house"], ["x"], ["a", "home", "z"])]
    options = {"json": {"name": "house"}} if method == "PATCH" else {}
    number = int(alice.request(method, f"{alice.tags}?name=home", **options).headers["Change"])
    assert number == 5
    undone = alice.undo(number)
    assert (undone.headers["Change"], undone.data["change"]) == ("8", 8)
    changed = [tasks[0], tasks[1], tasks[3]]
    assert results_of(undone) == [(task["id"], "updated") for task in changed]
    assert [fields_of(task) for task in reversed(alice.get().data)] == [fields_of(task) for task in tasks]
    entries = alice.request("GET", f"{alice.changes}/8").data
    assert [(entry["number"], entry["write"], entry["undoes"]) for entry in entries] == [(n, 8, 5) for n in (8, 9, 10)]
    alice.undo(8)
    assert ["home" in task["tags"] for task in alice.get().data] == [False] * 4


def test_undo_of_restore_deletes(alice):
    task = alice.create(**WHOLE)
    alice.delete(f"/{task['id']}")
    assert alice.post(f"/{task['id']}/restore").headers["Change"] == "3"
    assert results_of(alice.undo(3)) == [(task["id"], "deleted")]
    assert fields_of(alice.post(f"/{task['id']}/restore").data) == fields_of(task)


def test_the_rest_of_the_task_stays(alice):
    """Undo works after somebody ticked the task, and after it was changed and changed back."""
    task = alice.create(title="first")
    path = f"/{task['id']}"
    alice.put(path, json={"title": "second"})
    ticked = alice.patch(f"{path}/complete").data
    alice.put(path, json={"title": "third"})
    alice.put(path, json={"title": "second"})
    assert alice.undo(2).status == 200
    assert fields_of(alice.get(path).data) == {**fields_of(ticked), "title": "first"}


def test_field_sent_unchanged_is_neither_compared_nor_put_back(alice):
    task = alice.create(title="first", description="d", tags=["a"])
    path = f"/{task['id']}"
    alice.put(path, json={"title": "second", "description": "d", "tags": ["a"]})
    alice.put(path, json={"description": "new", "tags": ["b"]})
    assert alice.undo(2).status == 200
    after = alice.get(path).data
    assert (after["title"], after["description"], after["tags"]) == ("first", "new", ["b"])


def test_update_that_changed_nothing_can_be_undone_as_often_as_one_likes(alice):
    task = alice.create(title="same")
    alice.put(f"/{task['id']}", json={"title": "same"})
    for version in (3, 4):
        assert results_of(alice.undo(2)) == [(task["id"], "updated")]
        assert alice.get(f"/{task['id']}").data == {
            **task,
            "version": version,
            "updated_at": alice.get(f"/{task['id']}").data["updated_at"],
        }


def test_day_that_was_cleared_comes_back_whole(alice):
    due = {"due_date": "2026-12-24", "due_time": "17:00", "time_zone": "Europe/Berlin"}
    task = alice.create(**due)
    path = f"/{task['id']}"
    alice.put(path, json={"due_date": None})
    alice.undo(2)
    assert fields_of(alice.get(path).data) == fields_of(task)
    alice.undo(3)
    cleared = alice.get(path).data
    assert [cleared[name] for name in (*due, "due_at")] == [None] * 4
    assert alice.get("?sort=due").data == [cleared]
