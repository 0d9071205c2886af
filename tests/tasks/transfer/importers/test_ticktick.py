"""TickTick: its backup, whose days are instants."""

import pytest

from taskapp.tasks.transfer.importers.report import WrongFile
from tests.support.converting import converted, only

COLUMNS = (
    *("Folder Name", "List Name", "Title", "Kind", "Tags", "Content", "Is Check list", "Start Date", "Due Date"),
    *("Reminder", "Repeat", "Priority", "Status", "Created Time", "Completed Time", "Order", "Timezone", "Is All Day"),
    *("Is Floating", "Column Name", "Column Order", "View Mode", "taskId", "parentId"),
)
ABOUT = '"Date: 2026-11-26+0000"\n"Version: 7.1"\n"Status: \n0 Normal\n1 Completed\n2 Archived"\n'
CREATED = {"Created Time": "2026-11-01T08:00:00+0000"}


def backup(*rows, columns=COLUMNS):
    lines = (
        ",".join(f'"{row.get(name, "")}"' for name in columns) for row in ({name: name for name in columns}, *rows)
    )
    return "\ufeff" + ABOUT + "\n".join(lines)


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        ("2026-12-23T23:00:00+0000", "Europe/Berlin", "2026-12-24"),
        ("2026-12-24T08:00:00+0000", "America/Los_Angeles", "2026-12-24"),
        ("2026-06-23T22:00:00+0000", "Europe/Berlin", "2026-06-24"),
        ("2026-12-23T11:00:00+0000", "Pacific/Auckland", "2026-12-24"),
    ],
)
def test_day_is_read_in_its_zone(instant, zone, day):
    line = only("ticktick", backup({"Title": "t", "Due Date": instant, "Timezone": zone, "Is All Day": "true"}))
    assert (line["due_date"], line["due_time"], line["time_zone"]) == (day, None, zone)


def test_day_without_a_zone_needs_one():
    row = {"Title": "t", "Due Date": "2026-12-23T23:00:00+0000", "Is All Day": "true"}
    with pytest.raises(WrongFile, match=r"^file, line 8: Days are instants in this file"):
        converted("ticktick", backup(row))
    assert only("ticktick", backup(row), time_zone="Europe/Berlin")["due_date"] == "2026-12-24"


def test_unknown_zone_is_reported():
    row = {"Title": "t", "Due Date": "2026-12-23T23:00:00+0000", "Timezone": "Mars/Olympus"}
    (line,), notes = converted("ticktick", backup(row), time_zone="Europe/Berlin")
    assert (line["due_date"], line["due_time"], line["time_zone"]) == ("2026-12-24", "00:00", "Europe/Berlin")
    assert notes == ['file, line 8 "t": "Mars/Olympus" is no known time zone. That of --time-zone was used.']


@pytest.mark.parametrize(
    ("status", "completed", "description"),
    [("0", False, None), ("", False, None), ("1", True, None), ("2", True, None), ("-1", True, "Status: Won't do")],
)
def test_status(status, completed, description):
    line = only("ticktick", backup({"Title": "t", "Status": status}))
    assert (line["completed"], line["description"]) == (completed, description)


def test_number_of_a_row_is_no_id():
    """In the next backup, another task has it."""
    first, second = {"Title": "a", **CREATED, "taskId": "1"}, {"Title": "b", **CREATED, "taskId": "2"}
    before, _ = converted("ticktick", backup(first, second))
    after, _ = converted("ticktick", backup({"Title": "new", **CREATED, "taskId": "1"}, first | {"taskId": "2"}))
    assert before[0]["uid"] == after[1]["uid"]
    assert after[0]["uid"] not in {line["uid"] for line in before}


def test_tasks_with_the_same_title_and_time_are_several():
    lines, notes = converted("ticktick", backup({"Title": "a", **CREATED}, {"Title": "a", **CREATED}))
    assert (len(lines), notes) == (2, [])


@pytest.mark.parametrize(
    ("repeat", "reason"),
    [
        ("LUNAR:FREQ=YEARLY", "Must be parts NAME=VALUE"),
        ("RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY", "It is not one rule."),
        ("ERULE:NAME=CUSTOM;BYDATE=20261224", "Must be parts NAME=VALUE"),
        ("RRULE:FREQ=DAILY;TT_SKIP=WEEKEND", "Must be parts NAME=VALUE"),
        ("RRULE:FREQ=MONTHLY;BYMONTHDAY=13", "2026-12-24 is day 24 of 31; the rule has BYMONTHDAY=13."),
    ],
)
def test_rules_that_the_service_does_not_have(repeat, reason):
    row = {"Title": "t", "Due Date": "2026-12-24T16:00:00+0000", "Timezone": "Europe/Berlin", "Repeat": repeat}
    (line,), (note,) = converted("ticktick", backup(row))
    assert (line["recurrence"], line["description"]) == (None, f"Repeats: {repeat}")
    assert note.startswith(f'file, line 8 "t": The recurrence is only in the description. {reason}')


def test_notes_and_new_columns():
    columns = (*COLUMNS, "Location")
    row = {"Title": "t", "Kind": "NOTE", "List Name": "Ideas", "Location": "here"}
    (line,), notes = converted("ticktick", backup(row, columns=columns))
    assert (line["tags"], notes) == (["Ideas", "note"], ["Location: Left out. (1x)"])


def test_older_backup_has_fewer_columns():
    columns = [name for name in COLUMNS if name not in {"Kind", "taskId", "parentId", "View Mode"}]
    assert only("ticktick", backup({"Title": "t", "Priority": "1"}, columns=columns))["priority"] == "low"


def test_other_csv_is_refused():
    with pytest.raises(WrongFile, match="has no line with the columns List Name, Title, Due Date, Priority, Status"):
        converted("ticktick", "Title,Due Date\nt,\n")
