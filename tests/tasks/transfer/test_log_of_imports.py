"""An import is one write of the log: its entries are, one for one, those of single writes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.change_log import assert_whole
from tests.support.importing import UIDS, ndjson
from tests.support.recurring import recurs
from tests.tasks.bulk.test_log_of_bulk import WHOLE_TASK, comparable, property_test

OLD = {"created_at": "2001-01-01T00:00:00.000000Z"}
DONE = {"completed": True, "completed_at": "2002-01-01T00:00:00.000000Z"}
CHANGES = [{"title": "new"}, {"tags": ["b"], "priority": "low"}, {"due_date": None}, {"completed": True}, {}]


def assert_logs_are_equal(one, other, url, tasks, changes):
    """One user imports tasks and then changes; another one makes the same writes by themselves."""
    tasks = [{**task, "uid": uid} for task, uid in zip(tasks, UIDS, strict=False)]
    lines = [
        {**task, **change, "completed": bool(change.get("completed"))}
        for task, change in zip(tasks, changes, strict=False)
    ]
    singles = [other.create(**task) for task in tasks]
    one.results(*tasks)
    results = one.results(*lines, query="?existing=update")
    for single, line, result in zip(singles, lines, results, strict=False):
        if result == "updated":
            changed = {name: value for name, value in line.items() if name != "uid"}
            assert other.send("PUT", f"/{single['id']}", json=changed).status_code == 200
    logs = [list(comparable(assert_whole(url, user.user_id), [])) for user in (one, other)]
    assert logs[0] == logs[1]
    return results


def test_entries_are_those_of_single_writes(importer, other_importer, database_url):
    tasks = [{"title": "t", "due_date": "2026-12-24", "tags": ["a"]} for _ in CHANGES]
    results = assert_logs_are_equal(importer, other_importer, database_url, tasks, CHANGES)
    assert results == ["updated"] * 4 + ["unchanged"]


@pytest.mark.slow
@settings(property_test, max_examples=100)
@given(tasks=st.lists(WHOLE_TASK, min_size=1, max_size=5), changes=st.permutations(CHANGES))
def test_entries_of_any_tasks_are_those_of_single_writes(make_importer, database_url, tasks, changes):
    one, other = make_importer(), make_importer()
    changes = [
        {} if task.get("time_zone") or task.get("due_time") else change
        for task, change in zip(tasks, changes, strict=False)
    ]
    tasks = [{**task, "completed": False} for task in tasks]
    assert_logs_are_equal(one, other, database_url, tasks, changes)


@pytest.fixture
def written(importer):
    """A user with a task, an import that changes it and makes two others, and the tasks before and after that."""
    before = [importer.create(title="a", tags=["x"], uid=UIDS[0])]
    lines = [
        {"uid": UIDS[1], "title": "b", **OLD, **DONE},
        {"uid": UIDS[0], "title": "A", **DONE},
        {"title": "c", **recurs()},
    ]
    lines.append({"uid": UIDS[0].replace("0b", "0c"), "title": "d"})
    result = importer.imported(ndjson(*lines[:3]), "?existing=update")
    assert (result["change"], result["created"], result["updated"]) == (2, 2, 1)
    return importer, before, importer.tasks()


def changes_after(user, number):
    return user.send("GET", f"?after={number}", resource="changes").json["data"]


def undo(user, number):
    response = user.send("POST", f"/{number}/undo", resource="changes")
    assert response.status_code == 200, response.json
    return int(response.headers["Change"])


def test_numbers_follow_the_lines(written, database_url):
    user, _, after = written
    assert {task["title"]: task["version"] for task in after} == {"b": 2, "A": 3, "c": 4}
    log = assert_whole(database_url, user.user_id)
    assert [entry["operation"] for entry in log] == [None, 2, 2, 2]
    assert len({task["updated_at"] for task in after}) == 1


def test_lines_that_write_nothing_take_no_number(written, database_url):
    user, _, after = written
    lines = [after[0], {"title": "d"}, {**after[1], "title": "B"}, {"title": "e"}]
    assert user.results(*lines) == ["unchanged", "created", "skipped", "created"]
    assert [entry["operation"] for entry in assert_whole(database_url, user.user_id)][4:] == [5, 5]


def test_feed_and_history_show_it(written):
    user, _, after = written
    feed = changes_after(user, 1)
    assert [(entry["number"], entry["write"], entry["type"]) for entry in feed] == [
        (2, 2, "created"),
        (3, 2, "updated"),
        (4, 2, "created"),
    ]
    history = user.send("GET", f"/{after[0]['id']}/history").json["data"]
    assert [entry["number"] for entry in history] == [3, 1]
    write = user.send("GET", "/2", resource="changes").json["data"]
    assert [entry["task_id"] for entry in write] == [after[1]["id"], after[0]["id"], after[2]["id"]]


def test_lists_as_of_before_and_after_it(written):
    user, before, after = written
    assert user.send("GET", "?as_of=1&sort=id").json["data"] == before
    assert user.send("GET", "?as_of=4&sort=id").json["data"] == after
    user.send("DELETE", f"/{after[1]['id']}")
    assert user.send("GET", "?as_of=4&sort=id").json["data"] == after


def test_lists_of_what_was_updated_have_it(written):
    """However old the tasks in the file are."""
    user, before, after = written
    changed = user.send("GET", f"?updated_from={after[0]['updated_at']}&sort=id").json["data"]
    assert changed == after
    assert before[0]["updated_at"] < after[0]["updated_at"]
    old = user.send("GET", "?created_before=2002-01-01T00:00:00Z").json["data"]
    assert old == [after[1]]


def test_undo_takes_it_back_and_is_taken_back(written, database_url):
    user, before, after = written
    undone = undo(user, 2)
    tasks = user.tasks()
    own = ("version", "updated_at")
    assert [{**task, **dict.fromkeys(own)} for task in tasks] == [{**task, **dict.fromkeys(own)} for task in before]
    undo(user, undone)
    assert [{**task, **dict.fromkeys(own)} for task in user.tasks()] == [
        {**task, **dict.fromkeys(own)} for task in after
    ]
    assert_whole(database_url, user.user_id)


def test_largest_import_is_undone(importer, database_url):
    number = importer.imported(ndjson(*({"title": f"t{n}"} for n in range(1000))))["change"]
    undo(importer, number)
    assert importer.tasks() == []
    assert len(assert_whole(database_url, importer.user_id)) == 2000
