"""Exports and imports keep reminders, and that the service has reminded."""

import csv
import io

import pytest

from taskapp.tasks.reminders import service
from tests.support.change_log import assert_whole
from tests.support.importing import ndjson
from tests.support.reminding import DUE, FUTURE, HALF_AN_HOUR, HALF_PAST_FOUR, PAST, remind_at

KINDS = {"application/x-ndjson": "NDJSON", "text/csv": "CSV"}
KEPT = ("title", "reminder", "reminded_at", "due_at")


def export(client, kind):
    return client.get("?sort=id&limit=1000", headers={"Accept": kind}).body


def import_file(client, file, kind, query=""):
    response = client.request("POST", f"{client.tasks}/import{query}", body=file, headers={"Content-Type": kind})
    assert response.status == 200, response.body
    return response.data


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip_by_file(alice, bob, app, database_url, kind):
    alice.create(title="minutes", **DUE, reminder=HALF_AN_HOUR)
    alice.create(title="zero", **DUE, reminder={"minutes_before": 0})
    alice.create(title="future", reminder=FUTURE)
    alice.create(title="none")
    alice.create(title="reminded", reminder=PAST)
    with app.app_context():
        assert service.fire(alice.user_id) == 1
        file = export(alice, kind)
        import_file(bob, file, kind)
        assert service.fire(bob.user_id) == 0
    mine, theirs = (
        [{name: task[name] for name in KEPT} for task in user.get("?sort=id").data] for user in (alice, bob)
    )
    assert theirs == mine
    assert theirs[-1]["reminded_at"]
    assert remind_at(database_url, bob.user_id, bob.get("?sort=id").data[0]) == HALF_PAST_FOUR
    lines = import_file(alice, file, kind, "?existing=update")["lines"]
    assert {line["result"] for line in lines} == {"unchanged"}
    assert_whole(database_url, bob.user_id)


def test_columns_of_a_file(alice):
    alice.create(title="minutes", **DUE, reminder=HALF_AN_HOUR)
    alice.create(title="time", reminder=FUTURE)
    rows = [*csv.DictReader(io.StringIO(export(alice, "text/csv").decode()))]
    cells = [(row["reminder_minutes_before"], row["reminder_at"], row["reminded_at"]) for row in rows]
    assert cells == [("30", "", ""), ("", FUTURE["at"], "")]


def test_file_sets_and_clears_reminders_of_tasks(alice, database_url):
    task = alice.create(title="t", **DUE, reminder=HALF_AN_HOUR)
    file = f"uid,title,reminder_at,reminder_minutes_before\n{task['uid']},t,2035-06-01T12:00:00Z,\n".encode()
    import_file(alice, file, "text/csv", "?existing=update")
    assert remind_at(database_url, alice.user_id, task) == "2035-06-01T12:00:00"
    file = f"uid,title,reminder_at,reminder_minutes_before\n{task['uid']},t,,\n".encode()
    import_file(alice, file, "text/csv", "?existing=update")
    assert remind_at(database_url, alice.user_id, task) is None
    assert_whole(database_url, alice.user_id)


def test_line_says_that_the_service_has_reminded(alice, app, database_url):
    time = "2021-01-01T00:00:00.000000Z"
    line = ndjson({"title": "t", "reminder": PAST, "reminded_at": time, "uid": "0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11"})
    import_file(alice, line, "application/x-ndjson")
    assert alice.get().data[0]["reminded_at"] == time
    again = ndjson({**alice.get().data[0], "reminded_at": "2022-01-01T00:00:00Z"})
    assert import_file(alice, again, "application/x-ndjson", "?existing=update")["lines"][0]["result"] == "updated"
    older = ndjson({**alice.get().data[0], "reminded_at": None})  # From before the service had reminded.
    assert import_file(alice, older, "application/x-ndjson", "?existing=update")["lines"][0]["result"] == "unchanged"
    with app.app_context():
        assert service.fire(alice.user_id) == 0
    assert_whole(database_url, alice.user_id)


@pytest.mark.parametrize(
    ("line", "details"),
    [
        ({"reminded_at": "2021-01-01T00:00:00Z"}, {"lines.1.reminded_at": ["Needs reminder."]}),
        ({"reminder": HALF_AN_HOUR}, {"lines.1.reminder.minutes_before": ["Needs due_date, due_time and time_zone."]}),
        ({"reminder": {**HALF_AN_HOUR, **FUTURE}}, {"lines.1.reminder": ["Send either minutes_before or at."]}),
        ({"reminder": FUTURE, "reminded_at": "now"}, None),
    ],
)
def test_wrong_line_is_named(alice, line, details):
    body, headers = ndjson({"title": "t", **line}), {"Content-Type": "application/x-ndjson"}
    response = alice.request("POST", f"{alice.tasks}/import", body=body, headers=headers)
    assert response.status == 422
    assert response.error["details"] == details or details is None
    assert alice.get().data == []


def test_update_of_a_time_that_minutes_count_from_is_named(alice):
    task = alice.create(title="t", **DUE, reminder=HALF_AN_HOUR)
    body, headers = (
        ndjson({"title": "t", "uid": task["uid"], "due_time": None}),
        {"Content-Type": "application/x-ndjson"},
    )
    response = alice.request("POST", f"{alice.tasks}/import?existing=update", body=body, headers=headers)
    assert (response.status, list(response.error["details"])) == (409, ["lines.1.due_time"])
    assert alice.get().data == [task]
