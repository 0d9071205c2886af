"""What becomes of each line of a file: it creates a task, updates one, or leaves it as it is."""

import pytest

from tests.support.bulk_user import BulkUser
from tests.support.change_log import assert_whole
from tests.support.importing import UIDS, ndjson

WHOLE = {
    "uid": UIDS[0],
    "title": "Buy milk",
    "description": "",
    "completed": True,
    "completed_at": "2026-11-20T08:00:00.000001Z",
    "priority": "high",
    "tags": ["errand", "home"],
    "due_date": "2026-12-24",
    "due_time": "17:00",
    "time_zone": "Europe/Berlin",
    "recurrence": None,
    "created_at": "1999-12-31T23:59:59.999999Z",
}
BERLIN = {"due_date": "2026-12-24", "time_zone": "Europe/Berlin"}


def traces(database_url, user):
    return BulkUser(database_url, user.user_id).traces()


def test_line_creates_a_task_as_it_says(importer, database_url):
    foreign = {"id": 7, "user_id": "somebody", "version": 900, "updated_at": "x", "due_at": None}
    result = importer.imported(ndjson({**foreign, **WHOLE}))
    (task,) = importer.tasks()
    assert result == {
        "change": 1,
        "dry_run": False,
        "created": 1,
        "updated": 0,
        "unchanged": 0,
        "skipped": 0,
        "lines": [{"line": 1, "id": task["id"], "result": "created"}],
    }
    assert {name: task[name] for name in WHOLE} == WHOLE
    assert (task["id"] == 7, task["user_id"], task["version"]) == (False, importer.user_id, 1)
    assert task["due_at"] == "2026-12-24T16:00:00.000000Z"
    assert task["updated_at"] > "2026"
    assert_whole(database_url, importer.user_id)


def test_missing_fields_are_those_of_a_new_task(importer):
    single = importer.create(title="t")
    importer.imported(ndjson({"title": "t"}, {"title": "t", "uid": None, "description": None, "tags": None}))
    own = ("id", "uid", "version", "created_at", "updated_at")
    for task in importer.tasks():
        assert {name: value for name, value in task.items() if name not in own} == {
            name: value for name, value in single.items() if name not in own
        }


def test_times_are_in_utc_whatever_their_offset(importer):
    times = {"created_at": "2020-01-01T00:00:00+02:00", "completed_at": "2021-01-01T00:00:00.5-05:30"}
    importer.imported(ndjson({"title": "t", "completed": True, **times}))
    (task,) = importer.tasks()
    assert task["created_at"] == "2019-12-31T22:00:00.000000Z"
    assert task["completed_at"] == "2021-01-01T05:30:00.500000Z"


def test_completed_task_without_a_time_is_completed_now(importer):
    importer.imported(ndjson({"title": "t", "completed": True}))
    (task,) = importer.tasks()
    assert task["completed_at"] == task["updated_at"]


CHANGES = [
    {"title": "Buy oat milk"},
    {"description": None},
    {"priority": None},
    {"tags": ["errand"]},  # A part of what it has.
    {"tags": ["errand", "home", "now"]},
    {"tags": None},
    {"due_date": "2026-12-25"},
    {"due_date": None},
    {**BERLIN, "due_time": "17:01"},
    {**BERLIN, "due_time": None},
    {"completed": False},
    {"completed": True, "completed_at": "2026-11-20T08:00:00.000002Z"},
]
EQUAL = [
    {},
    {"tags": ["home", "errand"]},
    {"completed": True},
    {"created_at": "2001-01-01T00:00:00Z"},
    {"title": " Buy milk "},
    {"completed": True, "completed_at": "2026-11-20T09:00:00.000001+01:00"},
    {"id": 1, "user_id": "x", "version": None, "updated_at": 5, "due_at": {"a": 1}},
]
PART = {"uid": UIDS[0], "title": "Buy milk"}


@pytest.fixture
def stored(importer):
    importer.imported(ndjson(WHOLE))
    (task,) = importer.tasks()
    return task


@pytest.mark.parametrize("existing", ["skip", "update", "refuse"])
def test_line_that_says_what_the_task_is_changes_nothing(importer, stored, database_url, existing):
    for part in EQUAL:
        assert importer.results({**PART, **part}, query=f"?existing={existing}") == ["unchanged"], part
    assert importer.results(stored, query=f"?existing={existing}") == ["unchanged"]
    assert importer.tasks() == [stored]
    assert len(assert_whole(database_url, importer.user_id)) == 1


def test_line_that_differs_is_skipped(importer, stored):
    for part in CHANGES:
        assert importer.results({**PART, **part}) == ["skipped"], part
    assert importer.tasks() == [stored]


def test_line_that_differs_updates_what_it_has(importer, stored, database_url):
    before = stored
    for part in CHANGES:
        assert importer.results({**PART, "title": before["title"], **part}, query="?existing=update") == ["updated"], (
            part
        )
        (after,) = importer.tasks()
        implied = {"due_time": None, "time_zone": None} if part.get("due_date", "") is None else {}
        implied |= {"completed_at": None} if part.get("completed") is False else {}
        implied |= {"tags": []} if part.get("tags", "") is None else {}
        moving = ("version", "updated_at", "due_at")
        expected = {**before, **part, **implied}
        assert {**after, **dict.fromkeys(moving)} == {**expected, **dict.fromkeys(moving)}
        before = after
    assert_whole(database_url, importer.user_id)


def test_line_that_differs_refuses_the_file(importer, stored, database_url):
    before = traces(database_url, importer)[:-1]
    for part in CHANGES:
        file = ndjson({"title": "new"}, {**PART, **part})
        response = importer.send_file(file, "?existing=refuse")
        assert (response.status_code, response.json["error"]["code"]) == (409, "NOT_APPLIED")
        assert response.json["error"]["message"] == "1 of 2 lines cannot be imported. Nothing was changed."
        sentence = f"Differs from task {stored['id']}, which has its uid."
        assert response.json["error"]["details"] == {"lines.2": [sentence]}
    assert traces(database_url, importer)[:-1] == before


def test_lines_of_each_kind_in_one_file(importer, stored):
    tasks = [{"title": "new"}, {**PART, "title": "x"}, {"title": "new"}]
    assert importer.imported("\n" + ndjson(*tasks)) == {
        "change": 2,
        "dry_run": False,
        "created": 2,
        "updated": 0,
        "unchanged": 0,
        "skipped": 1,
        "lines": [
            {"line": 2, "id": (ids := [task["id"] for task in importer.tasks()])[1], "result": "created"},
            {"line": 3, "id": stored["id"], "result": "skipped"},
            {"line": 4, "id": ids[2], "result": "created"},
        ],
    }
    assert importer.results(*tasks, query="?existing=update") == ["unchanged", "updated", "unchanged"]


@pytest.mark.parametrize("existing", ["skip", "update", "refuse"])
def test_trial_leaves_no_trace(importer, stored, database_url, existing):
    before = traces(database_url, importer)
    tasks = [{"title": "new"}, WHOLE, *([] if existing == "refuse" else [{**PART, "uid": stored["uid"], "tags": []}])]
    query = f"?existing={existing}&dry_run=true"
    result = importer.imported(ndjson(*tasks[:1], tasks[-1]), query, key="key")
    assert (result["change"], result["dry_run"], result["lines"][0]["id"]) == (None, True, None)
    kinds = {"skip": "skipped", "update": "updated", "refuse": "unchanged"}
    assert [line["result"] for line in result["lines"]] == ["created", kinds[existing]]
    assert importer.details(ndjson({**PART, "title": ""}), query)
    assert traces(database_url, importer) == before


def test_trial_refuses_as_the_import_would(importer, stored):
    for query in ("", "&dry_run=true"):
        details = importer.details(ndjson({**PART, "title": "x"}), f"?existing=refuse{query}", status=409)
        assert details == {"lines.1": f"Differs from task {stored['id']}, which has its uid."}


def test_lines_without_a_uid_are_the_same_tasks_the_next_time(importer, other_importer):
    tasks = [{"title": "a"}, {"title": "a"}, {"title": "b", "tags": ["x"]}, {"title": "a", "description": ""}]
    assert importer.results(*tasks) == ["created"] * 4
    uids = [task["uid"] for task in importer.tasks()]
    assert len(set(uids)) == 4
    # In any order, with the names of fields in any order, and whatever has no effect.
    again = [{"id": 5, "title": "a"}, {"tags": ["x"], "title": "b"}, tasks[3], {**tasks[0], "completed": False}]
    assert importer.results(*again) == ["unchanged"] * 4
    assert importer.results(*tasks, {"title": "a"}) == ["unchanged"] * 4 + ["created"]
    other_importer.results(*tasks)
    assert [task["uid"] for task in other_importer.tasks()] == uids


def test_uids_made_of_contents_never_change(importer):
    """A file that was imported by an earlier release is the same tasks in this one."""
    importer.results({"title": "Buy milk", "tags": ["home"], "due_date": "2026-12-24"}, {"title": "x"}, {"title": "x"})
    assert [task["uid"] for task in importer.tasks()] == [
        "c46dcb78-e5e7-5496-8afb-36c675fbe4b0",
        "9df6ab8c-d67e-5ca2-83af-9443beff3fa8",
        "d96184da-3e47-5f0c-b7e1-e413bb83cdb0",
    ]


def test_task_that_was_deleted_is_made_again(importer, stored):
    importer.send("DELETE", f"/{stored['id']}")
    assert importer.results(WHOLE) == ["created"]
    (task,) = importer.tasks()
    assert (task["uid"], task["id"] > stored["id"]) == (stored["uid"], True)


def test_file_without_lines_changes_nothing(importer, database_url):
    for file, kind in (("", "application/x-ndjson"), ("\n \r\n\n", "application/x-ndjson"), ("title\r\n", "text/csv")):
        assert importer.imported(file, kind=kind, key="key")["lines"] == []
    assert traces(database_url, importer)[:-1] == [[], [], []]
