"""Todoist: files of projects, backups, and responses of its API."""

import pytest

from taskapp.tasks.transfer.importers.report import WrongFile
from tests.support.converting import converted, only, zipped

HEADER = "TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE"


def project(*rows, header=HEADER):
    return "\n".join((header, *rows))


def task(**fields):
    return {"items": [{"id": "1", "content": "t", **fields}]}


@pytest.mark.parametrize(("number", "word"), [("1", "urgent"), ("2", "high"), ("3", "medium"), ("4", None), ("", None)])
def test_highest_priority_is_1_in_files_and_4_in_responses(number, word):
    assert only("todoist", project(f"task,t,,{number}"))["priority"] == word
    if number:
        assert only("todoist", task(priority=5 - int(number)))["priority"] == word


@pytest.mark.parametrize(
    ("text", "language", "due"),
    [
        ("2026-12-24", "de", ("2026-12-24", None)),
        ("2026-12-24 17:00", "", ("2026-12-24", "17:00")),
        ("Dec 24 2026", "en", ("2026-12-24", None)),
        ("24 december 2026 at 5pm", "en", ("2026-12-24", "17:00")),
        ("Dec 24, 2026 12:05am", "en", ("2026-12-24", "00:05")),
    ],
)
def test_complete_dates_are_read(text, language, due):
    line = only("todoist", project(f'task,t,,,,,,"{text}",{language},Europe/Berlin'))
    assert (line["due_date"], line["due_time"]) == due


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("24 Dez 2026", "de"),
        ("Dec 24 2026", "de"),
        ("Dec 24", "en"),
        ("every day", "en"),
        ("2026-02-30", "en"),
        ("Dec 24 2026 25:00", "en"),
        ("Dec 24 2026 13pm", "en"),
    ],
)
def test_other_dates_are_reported_and_stay_in_the_description(text, language):
    (line,), notes = converted("todoist", project(f"task,t,,,,,,{text},{language},"), "p.csv")
    assert (line["due_date"], line["description"]) == (None, f"Date: {text}")
    assert notes == [f'p.csv, line 2 "t": The date "{text}" is only in the description. It is no complete date.']


@pytest.mark.parametrize(
    ("text", "rule", "origin"),
    [
        ("every day", "FREQ=DAILY", "due_date"),
        ("Every other week", "FREQ=WEEKLY;INTERVAL=2", "due_date"),
        ("every! 3 days", "FREQ=DAILY;INTERVAL=3", "completion"),
        ("every workday at 9am", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "due_date"),
        ("every thu, fri and monday 17:30", "FREQ=WEEKLY;BYDAY=MO,TH,FR", "due_date"),
        ("monthly", "FREQ=MONTHLY", "due_date"),
        ("every 24th", "FREQ=MONTHLY;BYMONTHDAY=24", "due_date"),
    ],
)
def test_recurrences_in_english_become_rules(text, rule, origin):
    due = {"date": "2026-12-24", "string": text, "lang": "en", "is_recurring": True}
    assert only("todoist", task(due=due), time_zone="Europe/Berlin")["recurrence"] == {"rule": rule, "from": origin}


@pytest.mark.parametrize(("text", "language"), [("jeden Tag", "de"), ("every day", "de"), ("every 3rd mon", "en")])
def test_other_recurrences_are_reported_and_stay_in_the_description(text, language):
    due = {"date": "2026-12-24", "string": text, "lang": language, "is_recurring": True}
    (line,), notes = converted("todoist", task(due=due))
    assert (line["due_date"], line["recurrence"], line["description"]) == ("2026-12-24", None, f"Repeats: {text}")
    assert notes == [f'file, item 1 "t": The recurrence is only in the description. "{text}" is not understood.']


@pytest.mark.parametrize(
    ("date", "zone", "due"),
    [
        ("2026-12-24", None, ("2026-12-24", None, None)),
        ("2026-12-24T17:00:00", None, ("2026-12-24", "17:00", "Asia/Tokyo")),
        ("2026-12-24T16:00:00Z", "Europe/Berlin", ("2026-12-24", "17:00", "Europe/Berlin")),
        ("2026-12-24T16:00:00.000000Z", None, ("2026-12-25", "01:00", "Asia/Tokyo")),
    ],
)
def test_dates_of_responses(date, zone, due):
    line = only("todoist", task(due={"date": date, "timezone": zone}), time_zone="Asia/Tokyo")
    assert (line["due_date"], line["due_time"], line["time_zone"]) == due


def test_time_on_any_clock_needs_a_time_zone():
    with pytest.raises(WrongFile, match=r"^file, item 1: The task has a time without a time zone. .* --time-zone"):
        converted("todoist", task(due={"date": "2026-12-24T17:00:00"}))


def test_deadline_is_the_due_date_of_a_task_without_one():
    line = only("todoist", task(deadline={"date": "2026-12-31"}))
    assert (line["due_date"], line["description"]) == ("2026-12-31", None)


def test_indented_rows_are_part_of_the_one_above():
    rows = ("task,a,,,1", "task,b,,,2", "task,c,,,3", "task,d,,,2", "section,S", "task,e,,,2")
    lines, _ = converted("todoist", project(*rows))
    parts = [line["description"] for line in lines]
    assert parts == [None, "Part of: a", "Part of: b", "Part of: a", None]


@pytest.mark.parametrize("indent", ["", "0", "-1", "10", "9" * 5000, "x", "\u0662", "1\x1d"])
def test_indent_that_the_product_does_not_write_is_the_first_level(indent):
    lines, _ = converted("todoist", project("task,a,,,1", f"task,b,,,{indent}"))
    assert [line["description"] for line in lines] == [None, None]


def test_backup_is_an_archive_of_projects_named_after_them():
    backup = zipped(**{"Home [6aX2].csv": project("task,a"), "Work.csv": project("task,b"), "__MACOSX/Home.csv": "\0"})
    lines, notes = converted("todoist", backup, "backup.zip")
    assert ([(line["title"], line["tags"]) for line in lines], notes) == ([("a", ["Home"]), ("b", ["Work"])], [])


def test_ids_do_not_depend_on_the_place_in_the_file():
    before, _ = converted("todoist", project("task,a", "task,b", "task,b"), "Home.csv")
    after, _ = converted("todoist", project("task,new", "task,b", "task,a", "task,b"), "Home [6aX2].csv")
    assert {line["uid"] for line in before} < {line["uid"] for line in after}


def test_labels_are_words_with_a_sign_before_them():
    line = only("todoist", project("task,Mail a@example.org @ noon @work"))
    assert (line["title"], line["tags"]) == ("Mail a@example.org @ noon", ["file", "work"])


def test_comment_of_a_project_is_reported():
    lines, notes = converted("todoist", project("note,hello", "task,t", "strange,x"), "p.csv")
    assert len(lines) == 1
    assert notes == [
        'p.csv, line 2 "hello": A row of the type "note" that belongs to no task.',
        'p.csv, line 4 "x": A row of the type "strange" that belongs to no task.',
    ]


def test_deleted_tasks_further_pages_and_unknown_fields_are_reported():
    document = {"results": [{"id": "1", "content": "gone", "is_deleted": True}, {"id": "2", "content": "t", "x": 1}]}
    lines, notes = converted("todoist", document | {"next_cursor": "abc"})
    assert [line["title"] for line in lines] == ["t"]
    assert notes == [
        "file: There are more tasks, on the page of next_cursor. Convert them, too.",
        'file, item 1 "gone": Left out. It was deleted.',
        "x: Left out. (1x)",
    ]


@pytest.mark.parametrize("document", [{}, {"items": {}}, {"projects": []}])
def test_response_without_tasks(document):
    with pytest.raises(WrongFile, match="has no tasks"):
        converted("todoist", document)
