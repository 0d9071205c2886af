"""Priority, the time of completion, and the id that a client may choose."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.postgres import run_sql

PRIORITIES = ["urgent", "high", "medium", "low", None]
UID = "0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e8f11"


@pytest.mark.parametrize("priority", PRIORITIES)
def test_priority_is_a_word_or_null(alice, priority):
    task = alice.create(priority=priority)
    assert task["priority"] == priority
    assert alice.create()["priority"] is None
    other = alice.create(priority="low")
    assert alice.patch(f"/{other['id']}", json={"priority": priority}).data["priority"] == priority
    assert alice.get(f"/{task['id']}").data == task


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("value", ["High", "none", "", 1, 4, "1", True, [], "urgent ", "critical"])
def test_other_priority_is_rejected(alice, task, value):
    for method, path in (("POST", ""), ("PUT", f"/{task['id']}"), ("PATCH", f"/{task['id']}")):
        response = alice.request(method, alice.tasks + path, json={"title": "x", "priority": value})
        assert (response.status, list(response.error["details"])) == (422, ["priority"])
    if isinstance(value, str):
        assert response.error["details"]["priority"] == ["Must be one of: urgent, high, medium, low; or null."]


def test_completed_at_follows_completed(alice):
    task = alice.create()
    path = f"/{task['id']}"
    assert task["completed_at"] is None
    done = alice.patch(path + "/complete").data
    assert done["completed_at"] == done["updated_at"]
    # It stays what it is while the task is completed.
    for changed in (
        alice.put(path, json={"title": "x", "completed": True}).data,
        alice.patch(path + "/complete", json={"completed": True}).data,
        alice.patch(path, json={"priority": "high"}).data,
    ):
        assert changed["completed_at"] == done["completed_at"]
        assert changed["updated_at"] > done["updated_at"]
    assert alice.patch(path + "/complete").data["completed_at"] is None
    again = alice.put(path, json={"completed": True}, headers={"Idempotency-Key": "k"}).data
    assert again["completed_at"] == again["updated_at"] > done["completed_at"]
    assert alice.put(path, json={"completed": True}, headers={"Idempotency-Key": "k"}).data == again
    assert alice.patch(path, json={"completed": False}).data["completed_at"] is None
    created = alice.create(completed=True)
    assert created["completed_at"] == created["created_at"]


def test_completion_that_an_earlier_release_took_back_is_not_shown(alice, database_url):
    """It clears only ``completed``, while both releases run."""
    task = alice.create(completed=True)
    run_sql(database_url, "UPDATE tasks SET completed = false WHERE id = %s", [task["id"]])
    assert alice.get(f"/{task['id']}").data["completed_at"] is None
    assert alice.get().data[0]["completed_at"] is None
    assert alice.put(f"/{task['id']}", json={"title": "x", "completed_at": None}).status == 200


def test_uid_is_made_or_chosen_and_never_changes(alice):
    made = alice.create()
    assert made["uid"] != alice.create()["uid"]
    chosen = alice.create(uid=UID.upper())
    assert chosen["uid"] == UID
    path = f"/{chosen['id']}"
    for sent in (UID, UID.upper()):
        assert alice.put(path, json={"title": "x", "uid": sent}).data["uid"] == UID
    other = alice.patch(path, json={"title": "y", "uid": made["uid"]})
    assert (other.status, list(other.error["details"])) == (422, ["uid"])


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k"}])
def test_uid_that_is_taken_is_a_conflict_with_the_task_that_has_it(alice, bob, headers):
    task = alice.create(uid=UID)
    response = alice.post(json={"title": "x", "uid": UID}, headers=headers)
    assert (response.status, response.error["code"]) == (409, "CONFLICT")
    assert response.error["message"] == "Another task has this uid. See details.current."
    assert response.error["details"] == {"current": task}
    assert alice.get().data == [task]
    # Another user's task is no conflict, and is not shown.
    assert bob.create(uid=UID)["uid"] == UID
    alice.delete(f"/{task['id']}")
    assert alice.post(json={"title": "x", "uid": UID}, headers=headers).status == 201


def test_racing_tasks_with_one_uid_are_one_task(alice, new_client):
    racers = [new_client(alice.user_id) for _ in range(20)]

    def create(racer, number):
        headers = {"Idempotency-Key": f"{number}"} if number % 2 else {}
        return racer.post(json={"title": "x", "uid": UID}, headers=headers)

    with ThreadPoolExecutor(len(racers)) as threads:
        responses = list(threads.map(create, racers, range(len(racers))))
    assert sorted(response.status for response in responses) == [201, *[409] * 19]
    (task,) = alice.get().data
    assert all(response.error["details"]["current"] == task for response in responses if response.status == 409)


@pytest.mark.parametrize(
    "value", ["", "x", UID[:-1], UID.replace("-", ""), f"{{{UID}}}", f"{UID}\n", 1, None, [], "é" * 36]
)
def test_bad_uid_is_rejected(alice, value):
    response = alice.post(json={"title": "x", "uid": value})
    assert (response.status, list(response.error["details"])) == (422, ["uid"])
    assert alice.get().data == []


def test_result_of_an_earlier_release_is_replayed_with_the_new_fields(alice, database_url):
    """A key may have been used before the update: its result lacks the fields that are new."""
    key = {"Idempotency-Key": "k"}
    first = alice.post(json={"title": "x"}, headers=key).data
    new = ["uid", "completed_at", "priority", "tags", "due_date", "due_time", "time_zone", "due_at"]
    run_sql(
        database_url,
        "UPDATE idempotency_keys SET result = result - %s::text[] WHERE user_id = %s",
        [new, alice.user_id],
    )
    again = alice.post(json={"title": "x"}, headers=key)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (201, "true")
    assert again.data == {**first, "uid": None}
