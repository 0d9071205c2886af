"""Series of recurring tasks go on after an import."""

import pytest

from tests.support.change_log import assert_whole
from tests.support.importing import UIDS, ndjson, without_own
from tests.support.recurring import MONDAY, recurs

NEXT, LATER = "2035-01-08", "2035-01-15"
OCCURS = "Another task is this occurrence of the series."


def complete(user, task, *, completed=True):
    response = user.send("PATCH", f"/{task['id']}/complete", json={"completed": completed})
    assert response.status_code == 200, response.json
    return response.json


@pytest.fixture
def moved(importer, other_importer):
    """Two occurrences of a series, the second of which has another day than the rule, imported for another user."""
    task = importer.create(title="weekly", tags=["a"], **recurs())
    task = complete(importer, task)["next"]
    importer.send("PUT", f"/{task['id']}", json={"due_date": "2035-01-10"})
    other_importer.imported(importer.exported())
    return importer, other_importer


def test_task_and_its_series_are_the_same(moved):
    user, other = moved
    assert [without_own(task) for task in user.tasks()] == [without_own(task) for task in other.tasks()]
    done, pending = other.tasks()
    assert pending["recurrence"] == {**done["recurrence"], "occurrence": NEXT, "next": LATER}
    assert (pending["due_date"], done["recurrence"]["occurrence"]) == ("2035-01-10", MONDAY)


def test_series_goes_on_with_its_next_day(moved, database_url):
    nexts = [complete(user, user.tasks()[1])["next"] for user in moved]
    first, second = ({**without_own(task), "created_at": 0, "uid": 0} for task in nexts)
    assert first == second
    assert nexts[1]["recurrence"]["occurrence"] == nexts[1]["due_date"] == LATER
    assert_whole(database_url, moved[1].user_id)


def test_import_creates_no_next_occurrence(importer, database_url):
    task = importer.create(**recurs())
    done = {**task, "completed": True, "completed_at": "2026-11-20T08:00:00.000000Z"}
    assert importer.results(done, query="?existing=update") == ["updated"]
    assert [without_own(each) for each in importer.tasks()] == [without_own(done)]
    assert_whole(database_url, importer.user_id)


def test_series_counted_from_completion_goes_on(importer, other_importer):
    importer.create(**recurs("FREQ=DAILY;INTERVAL=3", "2026-01-01", **{"from": "completion"}))
    other_importer.imported(importer.exported())
    first, second = (complete(user, user.tasks()[0])["next"] for user in (importer, other_importer))
    assert (first["due_date"], first["recurrence"]) == (second["due_date"], second["recurrence"])


def test_line_without_an_id_of_a_series_begins_one_once(importer):
    tasks = [{"uid": UIDS[0], "title": "a", **recurs()}, {"title": "b", **recurs("FREQ=DAILY")}]
    assert importer.results(*tasks) == ["created"] * 2
    before = importer.tasks()
    assert len({task["recurrence"]["series_id"] for task in before}) == 2
    assert importer.results(*tasks, query="?existing=update") == ["unchanged"] * 2
    tasks[0]["title"] = "c"
    assert importer.results(*tasks, query="?existing=update") == ["updated", "unchanged"]
    assert [task["recurrence"] for task in importer.tasks()] == [task["recurrence"] for task in before]
    assert importer.results({**tasks[0], **recurs("FREQ=DAILY")}, query="?existing=update") == ["updated"]
    changed = importer.tasks()[0]["recurrence"]
    assert (changed["rule"], changed["series_id"] == before[0]["recurrence"]["series_id"]) == ("FREQ=DAILY", False)


def test_line_without_a_recurrence_leaves_the_series(importer):
    task = importer.create(**recurs())
    line = {"uid": task["uid"], "title": "x"}
    assert importer.results(line, query="?existing=update") == ["updated"]
    assert importer.tasks()[0]["recurrence"] == task["recurrence"]
    assert importer.results({**line, "recurrence": None}, query="?existing=update") == ["updated"]
    assert importer.tasks()[0]["recurrence"] is None


def test_line_that_would_break_a_rule_matters_only_if_it_is_written(importer):
    line = {"uid": importer.create(**recurs())["uid"], "title": "x", "due_date": None}
    assert importer.results(line) == ["skipped"]
    assert "Differs" in importer.details(ndjson(line), "?existing=refuse", status=409)["lines.1"]
    for query in ("", "&dry_run=true"):
        details = importer.details(ndjson({"title": "ok"}, line), f"?existing=update{query}", status=409)
        assert [*details] == ["lines.2.due_date"]


@pytest.mark.parametrize(
    ("recurrence", "place"),
    [
        ({"rule": "FREQ=HOURLY"}, "lines.1.recurrence.rule"),
        ({"rule": "FREQ=WEEKLY;BYDAY=TU"}, "lines.1.recurrence.rule"),
        ({"rule": "FREQ=DAILY", "occurrence": MONDAY}, "lines.1.recurrence.occurrence"),
        (
            {"rule": "FREQ=WEEKLY;BYDAY=MO", "series_id": UIDS[0], "occurrence": NEXT[:-1] + "9"},
            "lines.1.recurrence.rule",
        ),
        ({"rule": "FREQ=DAILY", "series_id": "x"}, "lines.1.recurrence.series_id"),
        ("FREQ=DAILY", "lines.1.recurrence"),
    ],
)
def test_what_is_wrong_with_a_recurrence_is_named(importer, recurrence, place):
    line = {"title": "x", "due_date": MONDAY, "time_zone": "UTC", "recurrence": recurrence}
    assert [*importer.details(ndjson(line))] == [place]


def test_recurrence_needs_a_day_and_a_zone(importer):
    line = {"title": "x", **recurs()}
    for name in ("due_date", "time_zone"):
        assert "lines.1.recurrence" in importer.details(ndjson({**line, name: None}))


def test_occurrence_twice_in_a_file_is_named(importer):
    series = recurs(series_id=UIDS[0])
    file = ndjson({"title": "a", **series}, {"title": "x"}, {"title": "b", **series})
    assert importer.details(file) == {"lines.3.recurrence": "Is the same occurrence of the series as that of line 1."}


def test_occurrence_that_another_task_is_is_named(importer, database_url):
    task = importer.create(**recurs())
    copy = {**task, "uid": UIDS[1]}
    for query, key in (("", None), ("?dry_run=true", None), ("?existing=update", "key")):
        details = importer.details(ndjson({"title": "x"}, copy), query, status=409, key=key)
        assert details == {"lines.2.recurrence": OCCURS}
    assert importer.tasks() == [task]
    assert importer.results(task, {"title": "x"}) == ["unchanged", "created"]
    assert_whole(database_url, importer.user_id)


def test_tasks_cannot_swap_their_occurrences(importer):
    """Undo could not tell which was which. And the unique index is checked row by row."""
    first = importer.create(**recurs())
    second = complete(importer, first)["next"]
    first = importer.tasks()[0]
    lines = [{**first, "recurrence": second["recurrence"]}, {**second, "recurrence": first["recurrence"]}]
    details = importer.details(ndjson(*lines), "?existing=update", status=409)
    assert details == {"lines.1.recurrence": OCCURS, "lines.2.recurrence": OCCURS}


@pytest.mark.parametrize("bulk", [False, True])
def test_reopening_after_an_import_deletes_nothing(importer, other_importer, bulk):
    """The file does not tell whether somebody has changed the next occurrence."""
    complete(importer, importer.create(**recurs()))
    other_importer.imported(importer.exported())
    done = other_importer.tasks()[0]
    if bulk:
        operations = [{"op": "complete", "id": done["id"], "completed": False}]
        assert other_importer.send("POST", "/bulk", json={"operations": operations}).status_code == 200
    else:
        complete(other_importer, done, completed=False)
    assert [task["completed"] for task in other_importer.tasks()] == [False, False]
