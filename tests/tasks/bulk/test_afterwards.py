"""What is there after a bulk write: its changes in the feed and in histories, the trash, and its undo as a whole."""

import pytest

from taskapp.tasks.changes.service import list_changes, list_tasks_as_of
from taskapp.tasks.errors import ChangeNotFound, UndoConflict
from taskapp.tasks.history.service import get_history
from taskapp.tasks.trash.service import list_deleted, restore_task
from taskapp.tasks.undo.service import get_write, undo_write
from tests.support.bulk_user import as_json, fields_of
from tests.support.change_log import assert_whole
from tests.tasks.undo.test_undo import WHOLE


@pytest.fixture
def alice(bulk_user, database_url):
    yield bulk_user
    assert_whole(database_url, bulk_user.user_id)


def mixed(user, each):
    """Operations of all kinds, a number of each, on new tasks."""
    created = user.bulk(*({"op": "create", "title": "t", **WHOLE, "completed": n % 2 > 0} for n in range(3 * each)))
    ids = [task_id for task_id, _ in created.tasks]
    return [
        *({"op": "create", "title": f"new {number}", "tags": ["n"]} for number in range(each)),
        *({"op": "update", "id": i, "title": "u", "due_date": None, "add_tags": ["z"]} for i in ids[:each]),
        *({"op": "complete", "id": i, "completed": True} for i in ids[each : 2 * each]),
        *({"op": "delete", "id": i} for i in ids[2 * each :]),
    ]


def same(user, tasks):
    assert [fields_of(task) for task in user.tasks()] == [fields_of(task) for task in tasks]


def test_feed_and_histories_and_the_write_have_each_change(alice):
    written = alice.bulk(*mixed(alice, 2))
    number, types = written.change, ["created"] * 2 + ["updated"] * 4 + ["deleted"] * 2
    feed = as_json(list_changes(alice.user_id, after=number - 1, limit=100).changes)
    assert [(entry["number"], entry["write"]) for entry in feed] == [(number + n, number) for n in range(8)]
    assert [entry["type"] for entry in feed] == types
    assert [entry["task_id"] for entry in feed] == [task_id for task_id, _ in written.tasks]
    assert [entry["task"] for entry in feed] == [task for _, task in written.tasks]
    assert len({entry["at"] for entry in feed}) == 1
    entries = as_json(get_write(alice.user_id, number, limit=100).entries)
    assert [entry["number"] for entry in entries] == [entry["number"] for entry in feed]
    assert as_json(get_write(alice.user_id, number, limit=3).next) == number + 2
    for inside in (number + 1, number + 7):
        with pytest.raises(ChangeNotFound):
            get_write(alice.user_id, inside, limit=1)
    for entry in feed:
        history = as_json(get_history(alice.user_id, entry["task_id"], limit=10).entries)
        assert (history[0]["number"], history[0]["write"]) == (entry["number"], number)


def test_deleted_tasks_are_in_the_trash_and_can_be_restored(alice):
    tasks = [alice.create(**WHOLE), alice.create()]
    alice.bulk(*({"op": "delete", "id": task["id"]} for task in tasks))
    trash = as_json(list_deleted(alice.user_id, limit=10).tasks)
    assert sorted(task["id"] for task in trash) == [task["id"] for task in tasks]
    for task in tasks:
        restored = as_json(restore_task(alice.user_id, task["id"]).fields)
        assert fields_of(restored) == fields_of(task)
    same(alice, tasks)


def assert_undone_and_redone(user, each):
    operations = mixed(user, each)
    before = user.tasks()
    written = user.bulk(*operations)
    after = user.tasks()
    shown = undo_write(user.user_id, written.change, dry_run=True)
    assert user.tasks() == after
    undone = undo_write(user.user_id, written.change)
    assert undone.change == written.change + 4 * each
    assert [one["task_id"] for one in shown.results] == [one["task_id"] for one in undone.results]
    assert [one["type"] for one in undone.results] == (["deleted"] * each + ["updated"] * 2 * each + ["created"] * each)
    same(user, before)
    redone = undo_write(user.user_id, undone.change)
    same(user, after)
    undo_write(user.user_id, redone.change)
    same(user, before)
    assert as_json(list_tasks_as_of(user.user_id, written.change - 1, status="all", sort="id", limit=1000).tasks) == (
        before
    )


def test_undo_takes_back_the_whole_write(alice):
    assert_undone_and_redone(alice, 3)


@pytest.mark.slow
def test_undo_of_1000_operations(alice):
    assert_undone_and_redone(alice, 250)


def test_undo_of_a_write_by_filter(alice):
    tasks = [alice.create(tags=["a"], title=title) for title in "xyz"]
    number = alice.bulk_by({"tags_any": ["a"]}, {"op": "update", "title": "same", "tags": []}).change
    undo_write(alice.user_id, number)
    same(alice, tasks)
    number = alice.bulk_by({"tags_any": ["a"]}, {"op": "delete"}).change
    undo_write(alice.user_id, number)
    same(alice, tasks)


@pytest.mark.parametrize("dry_run", [False, True])
def test_task_that_was_changed_since_keeps_all(alice, dry_run):
    tasks = [alice.create(title=title) for title in "xyz"]
    number = alice.bulk(*({"op": "update", "id": task["id"], "title": "same"} for task in tasks)).change
    changed = alice.put(tasks[1], title="mine")
    before = alice.traces()
    with pytest.raises(UndoConflict) as caught:
        undo_write(alice.user_id, number, dry_run=dry_run)
    (conflict,) = as_json(caught.value.conflicts)
    assert (conflict["task_id"], conflict["changed"], conflict["current"]) == (tasks[1]["id"], ["title"], changed)
    assert (caught.value.changes, alice.traces()) == (3, before)
