"""What is wrong about a due date is a 422 that names the field, and changes nothing."""

import pytest

from taskapp.tasks import service
from taskapp.tasks.errors import InvalidChange

DUE = {"due_date": "2026-12-24", "due_time": "17:00", "time_zone": "Europe/Berlin"}
NEEDS_BOTH, NEEDS_DAY = "Needs due_date and time_zone.", "Needs due_date."
ALL_DAY = {"due_date": "2026-12-24"}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("before", "change", "details"),
    [
        ({}, {"due_time": "17:00"}, {"due_time": NEEDS_BOTH}),
        ({}, {"time_zone": "UTC"}, {"time_zone": NEEDS_DAY}),
        ({}, {"due_time": "17:00", "time_zone": "UTC"}, {"due_time": NEEDS_BOTH}),
        ({}, {"due_date": "2026-12-24", "due_time": "17:00"}, {"due_time": NEEDS_BOTH}),
        (ALL_DAY, {"due_time": "17:00"}, {"due_time": NEEDS_BOTH}),
        (DUE, {"time_zone": None}, {"time_zone": "Must not be null while the task has a due_time."}),
        (DUE, {"due_date": None, "due_time": "17:00"}, {"due_time": NEEDS_BOTH}),
        (DUE, {"due_date": None, "time_zone": "UTC"}, {"time_zone": NEEDS_DAY}),
    ],
)
def test_change_that_leaves_a_time_alone_names_the_field(alice, method, before, change, details):
    task = alice.create(**before)
    response = alice.request(method, f"{alice.tasks}/{task['id']}", json=change)
    assert (response.status, response.error["code"]) == (422, "VALIDATION_ERROR")
    assert response.error["details"] == {name: [sentence] for name, sentence in details.items()}
    keyed = alice.request(
        method, f"{alice.tasks}/{task['id']}", json=change, headers={"Idempotency-Key": str(task["id"])}
    )
    assert keyed.error["details"] == response.error["details"]
    assert alice.get(f"/{task['id']}").data == task


DAY = "Must be a day, YYYY-MM-DD. A time goes into due_time, with time_zone."
YEARS = "Must be from 1900-01-01 to 2999-12-31."
CLOCK = "Must be a time, HH:MM, from 00:00 to 23:59."
ZONE = "Must be the name of a time zone, such as Europe/Berlin."


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("name", "sentence", "values"),
    [
        (
            *("due_date", DAY),
            [
                "2026-1-1",
                "20261224",
                "2026-W52-4",
                "2026-12-24T00:00:00Z",
                "٢٠٢٦-١٢-٢٤",
                "",
                "tomorrow",
                "2026-12-24\n",
            ],
        ),
        ("due_date", DAY, [0, 1_766_534_400, True, [], {}, "-2026-12-24", "+002026-12-24", " 2026-12-24"]),
        ("due_date", "Must be a day that exists.", ["2026-02-29", "2026-13-01", "2026-00-10", "2026-04-31"]),
        ("due_date", YEARS, ["1899-12-31", "3000-01-01", "9999-12-31", "0001-01-01"]),
        (
            "due_time",
            CLOCK,
            ["24:00", "7:00", "17:00:30", "17:00Z", "17:00+01:00", "٠٧:٠٠", "", "5pm", "17:60"],
        ),
        ("due_time", CLOCK, ["17:00\n", 17, 1700, True, [], {}]),
        ("time_zone", ZONE, ["Mars/Phobos", "FooBar3", "EST5EDT4", "europe/berlin", "UTC+2", "+02:00", "", "x" * 65]),
        (
            "time_zone",
            ZONE,
            ["Europe/Berlin\0", "\ud800", "🙂", " UTC", "posix/UTC", "localtime", "../UTC", "Factory"],
        ),
        ("time_zone", "Not a valid string.", [2, True, [], {}]),
    ],
)
def test_bad_value_names_its_field(alice, task, name, sentence, values):
    for value in values:
        fields = {**DUE, "title": "x", name: value}
        for method, path in (("POST", ""), ("PUT", f"/{task['id']}"), ("PATCH", f"/{task['id']}")):
            response = alice.request(method, alice.tasks + path, json=fields)
            assert (response.status, response.error["details"]) == (422, {name: [sentence]}), value


def test_zone_that_only_the_database_does_not_know_is_named(app, alice):
    """PostgreSQL may have an older list of time zones than the service."""
    task = alice.create()

    def update(user_id, **changes):
        service.update_task(user_id, task["id"], **changes)

    with app.app_context():
        for fields in ({"due_date": "2026-12-24"}, DUE):
            unknown = {**fields, "time_zone": "Mars/Phobos"}
            for write in (
                service.create_task,
                lambda user, **changes: service.update_task(user, task["id"], **changes),
            ):
                with pytest.raises(InvalidChange) as caught:
                    write(alice.user_id, title="x", **unknown)
                assert list(caught.value.details) == ["time_zone"]
    assert alice.get().data == [task]
