"""Requests with a reminder: what is stored, and what a wrong one is told."""

import pytest

from tests.support.reminding import DUE, FUTURE, HALF_AN_HOUR, PAST, feed, remind_at

OBJECT = 'Must be an object such as {"minutes_before": 30}, or null.'
MINUTES = "Must be an integer from 0 to 40320, which is four weeks."
TIME = "Must be a time with Z or an offset, such as 2026-12-24T08:00:00Z."
YEARS = "Must be from 1900-01-01 to 2999-12-31."
EITHER = "Send either minutes_before or at."
NEEDS = "Needs due_date, due_time and time_zone."
KEEP = "Must not be null while the task has a reminder with minutes_before. Also send reminder as null, or with at."
READ_ONLY = "Read-only. Omit it, or send its current value."

WRONG = [
    *((value, "", OBJECT) for value in (30, "30", True, [], ["at"], "")),
    ({}, "", EITHER),
    ({"minutes_before": 5, "at": "2026-12-24T08:00:00Z"}, "", EITHER),
    *(({"minutes_before": value}, ".minutes_before", MINUTES) for value in (-1, 40321, 30.0, "30", True, [], 2**70)),
    ({"minutes_before": None}, ".minutes_before", "Field may not be null."),
    *(
        ({"at": value}, ".at", TIME)
        for value in (
            *("2026-12-24", "2026-12-24T08:00:00", "2026-12-24T08:00Z", "2026-12-24 08:00:00Z", "20261224T080000Z"),
            *("2026-12-24T08:00:00+01", "2026-W52-4T08:00:00Z", "tomorrow", "", 1798099200, True, {}, "٢026-12-24"),
        )
    ),
    ({"at": None}, ".at", "Field may not be null."),
    *(
        ({"at": value}, ".at", "Must be a time that exists.")
        for value in ("2026-02-30T08:00:00Z", "2026-12-24T24:00:00Z", "2026-12-24T08:00:60Z", "0000-01-01T00:00:00Z")
    ),
    *(
        ({"at": value}, ".at", YEARS)
        for value in ("1899-12-31T23:59:59Z", "3000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00")
    ),
    *(({name: 5}, f".{name}", "Unknown field. Did you mean minutes_before?") for name in ("minutes", "offset")),
    *(({name: 5}, f".{name}", "Unknown field. Did you mean at?") for name in ("remind_at", "time", "when")),
    ({**HALF_AN_HOUR, "colour": 1}, ".colour", "Unknown field."),
]


def details(response):
    assert response.status == 422
    return response.error["details"]


@pytest.mark.parametrize(("reminder", "name", "sentence"), WRONG)
def test_wrong_reminder_is_named(alice, reminder, name, sentence):
    assert details(alice.post(json={"title": "t", **DUE, "reminder": reminder}))[f"reminder{name}"] == [sentence]
    assert alice.get().data == []
    task = alice.create(**DUE)
    for send in (alice.put, alice.patch):
        assert details(send(f"/{task['id']}", json={"reminder": reminder}))[f"reminder{name}"] == [sentence]
    assert alice.get(f"/{task['id']}").data == task


@pytest.mark.parametrize(
    "name", ["reminder_minutes", "remind_at", "alarm", "alarms", "reminders", "remindAt", "notify", "minutes_before"]
)
def test_words_of_other_services_are_translated(alice, name):
    sentence = {name: ["Unknown field. Did you mean reminder?"]}
    assert details(alice.post(json={"title": "t", name: 5})) == sentence


@pytest.mark.parametrize("missing", [["due_time"], ["due_date", "due_time", "time_zone"]])
@pytest.mark.parametrize("send_null", [True, False])
def test_minutes_of_a_new_task_need_a_time(alice, missing, send_null):
    due = {name: value for name, value in DUE.items() if name not in missing}
    task = {"title": "t", **due, **(dict.fromkeys(missing) if send_null else {}), "reminder": HALF_AN_HOUR}
    assert details(alice.post(json=task)) == {"reminder.minutes_before": [NEEDS]}


@pytest.mark.parametrize("due", [{}, {"due_date": "2035-12-24"}, {"due_date": "2035-12-24", "time_zone": "UTC"}])
def test_minutes_of_a_change_need_a_time(alice, due):
    task = alice.create(**due)
    for send in (alice.put, alice.patch):
        response = send(f"/{task['id']}", json={"reminder": HALF_AN_HOUR})
        assert details(response) == {"reminder.minutes_before": [NEEDS]}
    assert alice.get(f"/{task['id']}").data == task


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"due_time": None}, "due_time"),
        ({"due_date": None}, "due_date"),
        ({"due_time": None, "time_zone": None}, "due_time"),
        ({"due_time": None, "title": "new"}, "due_time"),
    ],
)
def test_time_must_stay_while_minutes_count_from_it(alice, changes, name):
    task = alice.create(**DUE, reminder=HALF_AN_HOUR)
    assert details(alice.patch(f"/{task['id']}", json=changes)) == {name: [KEEP]}
    operation = {"op": "update", "id": task["id"], **changes}
    response = alice.post("/bulk", json={"operations": [operation]})
    assert response.status in (409, 422)
    assert KEEP in str(response.json)
    matching = {"filter": {"status": "all"}, "op": "update", "max_affected": 9, **changes}
    assert KEEP in str(alice.post("/bulk", json=matching).json)
    assert alice.get(f"/{task['id']}").data == task
    for reminder in (None, FUTURE):
        assert alice.patch(f"/{task['id']}", json={**changes, "reminder": reminder}).data["reminder"] == reminder
        task = alice.put(f"/{task['id']}", json={**DUE, "reminder": HALF_AN_HOUR}).data


@pytest.mark.parametrize("minutes", [0, 1, 40320])
def test_minutes_are_stored(alice, database_url, minutes):
    task = alice.create(**DUE, reminder={"minutes_before": minutes})
    assert (task["reminder"], task["reminded_at"]) == ({"minutes_before": minutes}, None)
    expected = {0: "2035-12-24T16:00:00", 1: "2035-12-24T15:59:00", 40320: "2035-11-26T16:00:00"}
    assert remind_at(database_url, alice.user_id, task) == expected[minutes]


@pytest.mark.parametrize(
    ("sent", "returned"),
    [
        ("2035-12-24T08:00:00Z", "2035-12-24T08:00:00.000000Z"),
        ("2035-12-24t08:00:00z", "2035-12-24T08:00:00.000000Z"),
        ("2035-12-24T08:00:00.5+05:45", "2035-12-24T02:15:00.500000Z"),
        ("2035-12-24T08:00:00.123456789-00:00", "2035-12-24T08:00:00.123456Z"),
        ("1900-01-01T00:00:00Z", "1900-01-01T00:00:00.000000Z"),
    ],
)
def test_time_is_returned_in_utc(alice, database_url, sent, returned):
    task = alice.create(reminder={"at": sent})
    assert task["reminder"] == {"at": returned}
    assert remind_at(database_url, alice.user_id, task) == returned[:19]
    assert alice.put(f"/{task['id']}", json=task).data["reminder"] == task["reminder"]
    assert alice.get("?fields=reminder,reminded_at").data == [
        {"id": task["id"], "reminder": task["reminder"], "reminded_at": None}
    ]


def test_time_of_the_reminder_is_read_only(alice):
    task = alice.create(reminder=PAST)
    assert details(alice.post(json={"title": "t", "reminded_at": None})) == {"reminded_at": ["Read-only. Omit it."]}
    assert details(alice.put(f"/{task['id']}", json={"title": "t", "reminded_at": 5})) == {"reminded_at": [READ_ONLY]}
    other = {"title": "t", "reminded_at": "2026-01-01T00:00:00Z"}
    assert list(details(alice.patch(f"/{task['id']}", json=other))) == ["reminded_at"]
    assert alice.patch(f"/{task['id']}", json={"title": "new", "reminded_at": None}).data["title"] == "new"


def test_instant_is_never_shown_and_cannot_be_set(alice):
    task = alice.create(**DUE, reminder=HALF_AN_HOUR)
    assert "remind_at" not in task
    assert details(alice.patch(f"/{task['id']}", json={"remind_at": None})) == {
        "remind_at": ["Unknown field. Did you mean reminder?"]
    }
    assert "remind_at" not in str(feed(alice))
