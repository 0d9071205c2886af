"""A task with every field is read, changed and put back whole, and errors and stored results have every field."""

import pytest

from taskapp.tasks.representation import FIELDS

DUE = {"due_date": "2026-12-24", "due_time": "17:00", "time_zone": "Europe/Berlin"}
FULL = {**DUE, "title": "Buy milk", "completed": True, "priority": "high", "tags": ["errand", "home"]}


@pytest.fixture
def full(alice):
    return alice.create(**FULL)


@pytest.fixture(params=["PUT", "PATCH"])
def write(request, alice, full):
    """Sends a write of the task."""
    return lambda body, **options: alice.request(request.param, f"{alice.tasks}/{full['id']}", json=body, **options)


@pytest.mark.parametrize(
    ("change", "follows"),
    [
        ({"due_date": "2026-12-25"}, {"due_at": "2026-12-25T16:00:00.000000Z"}),
        ({"due_time": None}, {"due_at": None}),
        ({"due_date": None, "due_time": None, "time_zone": None}, {"due_at": None}),
        ({"time_zone": "Asia/Tokyo"}, {"due_at": "2026-12-24T08:00:00.000000Z"}),
        ({"completed": False}, {"completed_at": None}),
        ({"priority": None, "tags": []}, {}),
    ],
)
def test_whole_task_with_a_change_is_put_back(write, full, change, follows):
    """The values of due_at and completed_at that the client sends are those before the change."""
    response = write({**full, **change})
    assert response.status == 200
    changed = {name: response.data[name] for name in ("updated_at", "version")}
    assert response.data == {**full, **change, **follows, **changed}


def test_times_may_have_gone_through_a_date_of_javascript(write, full):
    times = {name: full[name][:-4] + "Z" for name in ("completed_at", "due_at", "created_at", "updated_at")}
    assert write({**full, **times, "title": "Buy tea"}).status == 200


@pytest.mark.parametrize("name", ["due_at", "completed_at"])
def test_instant_that_the_client_computed_is_rejected(alice, write, full, name):
    """A client that wants to move a task must say so with the day and the time."""
    response = write({**full, name: "2026-12-25T16:00:00Z"})
    assert (response.status, list(response.error["details"])) == (422, [name])
    assert alice.get(f"/{full['id']}").data == full


def test_conflict_shows_every_field(write, full):
    response = write({"title": "Buy tea"}, headers={"If-Match": '"0"'})
    assert response.status == 412
    assert list(response.error["details"]["current"]) == list(FIELDS)
    assert response.error["details"]["current"] == full


def test_replay_shows_every_field_as_it_was(alice, write, full):
    body, headers = {"due_date": "2026-12-31", "tags": ["late"]}, {"Idempotency-Key": "k"}
    first = write(body, headers=headers)
    assert first.status == 200
    alice.patch(f"/{full['id']}", json={"due_date": None, "tags": None, "priority": None, "completed": False})
    replay = write(body, headers=headers)
    assert (replay.status, replay.headers["Idempotency-Replayed"]) == (200, "true")
    assert replay.body == first.body
