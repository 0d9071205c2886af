"""Requests with a recurrence: what a wrong one is told, and that it writes nothing."""

import pytest

DATED = {"title": "Water the plants", "due_date": "2026-11-30", "time_zone": "Europe/Berlin"}
WEEKLY = {"rule": "FREQ=WEEKLY;BYDAY=MO"}
UUID = "0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11"
OBJECT = 'Must be an object such as {"rule": "FREQ=WEEKLY;BYDAY=MO"}, or null.'
STRING = 'Must be a string such as "FREQ=WEEKLY;BYDAY=MO".'
NEEDS = "Needs due_date and time_zone in the same request."
ORIGIN = "Must be one of: due_date, completion."
RULE = "Unknown field. Did you mean rule?"
TUESDAY = "2026-11-30 is a Monday; the rule has BYDAY=TU. due_date must be one of its days."
OMIT_ID = "Needs series_id. Omit it to begin a new series."
DAY = "Must not be null while the task recurs. Also send recurrence as null to end the series."


def details(response):
    assert response.status == 422
    return response.error["details"]


@pytest.mark.parametrize(
    ("recurrence", "name", "sentence"),
    [
        *((value, "", OBJECT) for value in ("FREQ=DAILY", ["FREQ=DAILY"], True, 1, "")),
        ({}, ".rule", "Missing data for required field."),
        *(({"rule": value}, ".rule", STRING) for value in (None, 5, True, ["FREQ=DAILY"], {})),
        *(({**WEEKLY, "from": value}, ".from", ORIGIN) for value in ("now", None, "", 1, ["completion"])),
        *(({**WEEKLY, name: 1}, f".{name}", RULE) for name in ("freq", "interval", "count", "until", "byday", "days")),
        ({**WEEKLY, "mode": "strict"}, ".mode", "Unknown field. Did you mean from?"),
        ({**WEEKLY, "colour": 1}, ".colour", "Unknown field."),
        *(
            ({**WEEKLY, name: UUID}, f".{name}", "Read-only. Omit it.")
            for name in ("series_id", "occurrence", "next", "last")
        ),
        ({"rule": "FREQ=HOURLY"}, ".rule", "FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY."),
        ({"rule": "FREQ=WEEKLY;BYDAY=TU"}, ".rule", TUESDAY),
    ],
)
def test_wrong_recurrence_of_a_new_task_is_named(alice, recurrence, name, sentence):
    assert details(alice.post(json={**DATED, "recurrence": recurrence})) == {f"recurrence{name}": [sentence]}
    assert alice.get().data == []


@pytest.mark.parametrize("missing", [["due_date", "time_zone"], ["time_zone"]])
@pytest.mark.parametrize("send_null", [True, False])
def test_recurrence_needs_a_day_and_a_zone_in_the_same_request(alice, missing, send_null):
    task = {**DATED, "recurrence": WEEKLY, **dict.fromkeys(missing)}
    task = task if send_null else {name: value for name, value in task.items() if value is not None}
    assert details(alice.post(json=task)) == {"recurrence": [NEEDS]}
    path = f"/{alice.create(**DATED)['id']}"  # Which has both.
    assert details(alice.put(path, json=task)) == {"recurrence": [NEEDS]}


@pytest.mark.parametrize(
    ("sent", "due_date", "name", "sentence"),
    [
        ({"occurrence": "2026-11-30"}, "2026-11-30", ".occurrence", OMIT_ID),
        ({"next": None}, "2026-11-30", ".next", OMIT_ID),
        ({"last": None}, "2026-11-30", ".last", OMIT_ID),
        ({"series_id": "x"}, "2026-11-30", ".series_id", "Must be a UUID."),
        (
            {},
            "2026-12-01",
            ".rule",
            "2026-12-01 is a Tuesday; the rule has BYDAY=MO. due_date must be one of its days.",
        ),
    ],
)
def test_wrong_recurrence_of_a_change_is_named(alice, sent, due_date, name, sentence):
    task = alice.create(**DATED, recurrence=WEEKLY)
    change = {**DATED, "due_date": due_date, "recurrence": {**WEEKLY, **sent}}
    assert details(alice.put(f"/{task['id']}", json=change)) == {f"recurrence{name}": [sentence]}
    assert alice.get(f"/{task['id']}").data == task


@pytest.mark.parametrize("name", ["due_date", "time_zone"])
def test_recurring_task_keeps_its_day_and_zone(alice, name):
    task = alice.create(**DATED, recurrence=WEEKLY)
    assert details(alice.patch(f"/{task['id']}", json={name: None})) == {name: [DAY]}
    ended = alice.patch(f"/{task['id']}", json={"due_date": None, "recurrence": None}).data
    assert (ended["recurrence"], ended["due_date"], ended["time_zone"]) == (None, None, None)


def test_wrong_recurrence_of_an_operation_is_named_with_its_place(alice):
    operations = [
        {"op": "create", **DATED, "recurrence": {"rule": "FREQ=HOURLY"}},
        {"op": "create", "title": "x", "recurrence": WEEKLY},
        {"op": "update", "id": 1, **DATED, "recurrence": {**WEEKLY, "next": None}},
    ]
    assert details(alice.post("/bulk", json={"operations": operations})) == {
        "operations.0.recurrence.rule": ["FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY."],
        "operations.1.recurrence": [NEEDS],
        "operations.2.recurrence.next": [OMIT_ID],
    }
