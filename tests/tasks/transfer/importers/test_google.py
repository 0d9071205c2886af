"""Google Tasks: Tasks.json of Takeout."""

import pytest

from taskapp.tasks.transfer.importers.report import WrongFile
from tests.support.converting import converted, only, zipped

TASK = {"id": "1", "title": "t"}


def takeout(*tasks, title="L"):
    return {"kind": "tasks#taskLists", "items": [{"id": "l", "title": title, "items": list(tasks)}]}


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland", None])
def test_day_is_the_first_ten_characters_in_every_zone(zone):
    line = only("google", takeout(TASK | {"due": "2026-12-24T00:00:00.000Z"}), time_zone=zone)
    assert (line["due_date"], line["due_time"], line["time_zone"]) == ("2026-12-24", None, None)


def test_hidden_tasks_are_completed_ones_and_deleted_ones_are_left_out():
    hidden = TASK | {"status": "completed", "hidden": True, "completed": "2026-11-03T08:00:00.000Z"}
    lines, notes = converted("google", takeout(hidden, TASK | {"id": "2", "title": "gone", "deleted": True}))
    assert [(line["completed"], line["completed_at"]) for line in lines] == [(True, "2026-11-03T08:00:00.000000Z")]
    assert notes == ['file, list L, item 2 "gone": Left out. It was deleted.']


def test_child_may_come_before_its_parent():
    lines, _ = converted("google", takeout(TASK | {"parent": "2"}, {"id": "2", "title": "p"}, TASK | {"id": "3"}))
    assert [line["description"] for line in lines] == ["Part of: p", None, None]


def test_archive_of_takeout_and_one_list_of_the_api():
    text = '{"items": [{"title": "L", "items": [{"id": "1", "title": "t"}]}]}'
    archive = zipped(**{"Takeout/Tasks/Tasks.json": text, "Takeout/archive_browser.html": "<p>"})
    assert only("google", archive)["tags"] == ["L"]
    assert only("google", {"kind": "tasks#tasks", "items": [TASK]})["tags"] == []


def test_empty_list_and_fields_that_came_later():
    lines, notes = converted("google", takeout(TASK | {"scheduled_time": [{"start": "2026"}]}) | {"x": 1})
    assert (len(lines), notes) == (1, ["scheduled_time: Left out. (1x)"])
    assert converted("google", {"items": [{"title": "empty"}]}) == ([], [])


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "file has no lists of tasks"),
        ({"items": {}}, "file has no lists of tasks"),
        ({"items": [1]}, "file, item 1: This must be an object"),
        ({"items": [{"items": 1}]}, "file, list 1: This must be an array"),
        ({"items": [{"title": "L", "items": [None]}]}, "file, list L, item 1: This must be an object"),
    ],
)
def test_other_json_is_refused(document, reason):
    with pytest.raises(WrongFile, match=f"^{reason}"):
        converted("google", document)


def test_values_of_other_types_are_no_values():
    fields = {"title": ["t"], "notes": 5, "status": {}, "due": 20261224, "completed": True, "parent": None, "links": []}
    (line,), notes = converted("google", takeout({"id": 7, **fields}))
    assert (line["title"], line["description"], line["due_date"], line["completed"]) == ("5", "5", None, False)
    assert notes == ["file, list L, item 1: The task has no title. It is the first line of the description."]
