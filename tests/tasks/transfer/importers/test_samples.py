"""A file of each product as its users get it: each line is a task that the service takes, with the same values."""

import json
from pathlib import Path

import pytest

from taskapp.tasks.transfer.importers import SOURCES
from taskapp.tasks.transfer.importers.conversion import IMPORT_ONLY
from tests.support.converting import converted

SAMPLES = Path(__file__).parent / "samples"
FILES = {
    "todoist.csv": "todoist",
    "todoist.json": "todoist",
    "ticktick.csv": "ticktick",
    "Tasks.json": "google",
    "tasks-of-home.json": "microsoft",
    "tasks.ics": "calendar",
}
# The titles of a file, with the day, the time, the rule and the priority of each task.
THURSDAYS = "FREQ=WEEKLY;INTERVAL=2;BYDAY=TH;WKST=SU"
EXPECTED = {
    "todoist.csv": {
        "Clean the windows": ("2026-12-24", None, None, "urgent"),
        "Buy vinegar": ("2026-12-24", "17:00", None, "high"),
        "Water the ferns": (None, None, None, None),
    },
    "todoist.json": {
        "Clean the windows": ("2026-12-24", "17:00", None, "urgent"),
        "Water the ferns": ("2026-12-21", None, "FREQ=WEEKLY;BYDAY=MO,TH", None),
        "Buy vinegar": (None, None, None, "medium"),
    },
    "ticktick.csv": {
        "Buy compost": (None, None, None, None),
        "Repot the basil": ("2026-12-24", None, THURSDAYS, "high"),
        "Call the nursery": ("2026-12-24", "17:30", None, "medium"),
        "Pay the bill": (None, None, None, "low"),
    },
    "Tasks.json": {
        "Plan the trip": ("2026-12-24", None, None, None),
        "Book": (None, None, None, None),
        "Milk": (None, None, None, None),
    },
    "tasks-of-home.json": {
        "Water the plants": ("2026-12-21", None, "FREQ=WEEKLY;BYDAY=MO,TH;WKST=SU", "high"),
        "Post the parcel": ("2026-11-03", None, None, None),
    },
    "tasks.ics": {
        "Water the plants, all of them": ("2026-12-24", "17:00", "FREQ=WEEKLY;BYDAY=TH;UNTIL=20271230", "urgent"),
        "Buy a can": ("2026-12-23", None, None, None),
        "Call": ("2026-12-24", "17:00", None, None),
    },
}


def sample(name):
    return converted(FILES[name], (SAMPLES / name).read_bytes(), name, time_zone="Europe/Berlin")


def test_every_source_has_a_sample():
    assert {*FILES.values()} == {*SOURCES}


@pytest.mark.parametrize("name", FILES)
def test_tasks_of_a_sample(name):
    lines, _ = sample(name)
    summary = {
        line["title"]: (
            line["due_date"],
            line["due_time"],
            (line["recurrence"] or {}).get("rule"),
            line["priority"],
        )
        for line in lines
    }
    assert summary == EXPECTED[name]


@pytest.mark.parametrize("name", FILES)
def test_service_takes_every_line_as_it_is(alice, name):
    lines, _ = sample(name)
    for line in lines:
        sent = {field: value for field, value in line.items() if field not in IMPORT_ONLY}
        response = alice.post(json=sent)
        assert response.status == 201, response.json
        task = response.data
        recurrence = sent.pop("recurrence")
        assert (task["recurrence"] or {}).items() >= (recurrence or {}).items()
        assert {**sent, "tags": sorted(sent["tags"])} == {field: task[field] for field in sent}
    assert len(alice.get().json["data"]) == len(lines)


@pytest.mark.parametrize("name", FILES)
def test_second_conversion_has_the_same_bytes(name):
    assert json.dumps(sample(name)) == json.dumps(sample(name))


def test_samples_have_what_no_field_holds_in_the_description():
    descriptions = {line["title"]: line["description"] for name in FILES for line in sample(name)[0]}
    assert descriptions == {
        "Clean the windows": "Deadline: 2026-12-31\nDuration: 30 minute\nComment: The strong one",
        "Buy vinegar": None,
        "Water the ferns": "Part of: Clean the windows",
        "Buy compost": "Part of: Repot the basil",
        "Repot the basil": "First line\nsecond line",
        "Call the nursery": "Start: 2026-12-24 17:00:00\nReminder: -PT15M",
        "Pay the bill": None,
        "Plan the trip": "By train\n\nLink: The offer https://mail.example/1",
        "Book": "Part of: Plan the trip",
        "Milk": None,
        "Water the plants": "The fern, too\n\n- [x] Fern\n- [ ] Basil",
        "Post the parcel": "Reminder: 2026-11-03 08:00:00 UTC",
        "Water the plants, all of them": "First line\nsecond line\n\nStatus: in process",
        "Buy a can": "Part of: Water the plants, all of them",
        "Call": None,
    }


def test_samples_have_their_times():
    times = {line["title"]: [line.get(field) for field in IMPORT_ONLY] for name in FILES for line in sample(name)[0]}
    assert times["Pay the bill"] == ["2026-11-02T10:00:00.000000Z", "2026-11-01T10:00:00.000000Z", None]
    assert times["Book"] == ["2026-11-03T08:00:00.000000Z", None, "2026-11-03T08:00:00.000000Z"]
    assert times["Water the plants"] == [None, "2026-11-01T08:00:00.123456Z", "2026-11-02T08:00:00.000000Z"]
