"""A recurrence in each response that has tasks: lists, the history, the feed, the trash, undo and erasure."""

import pytest

from tests.support.recurring import MONDAY, complete, days, following, path_of, recurs

pytestmark = pytest.mark.usefixtures("whole_log")

NEXT = "2035-01-08"


def shown(task, occurrence=MONDAY, following=NEXT):
    return {**task["recurrence"], "occurrence": occurrence, "next": following}


def test_lists_and_versions(alice, task, made):
    both = [{"id": each["id"], "recurrence": each["recurrence"]} for each in (task, made)]
    assert alice.get("?sort=id&fields=recurrence").data == both
    first, second = alice.get("?sort=id&as_of=1").data, alice.get("?sort=id&as_of=3").data
    assert (first, second) == ([task], alice.get("?sort=id").data)
    assert alice.get("?sort=id&as_of=2&fields=recurrence").data == both[:1]
    response = alice.get(path_of(task), headers={"If-None-Match": '"2"'})
    assert response.status == 304


def test_history_and_feed_show_what_clients_know(alice, task, made):
    alice.patch(path_of(made), json={"recurrence": None})
    entries = alice.request("GET", f"{alice.changes}?after=0").data
    assert [entry["write"] for entry in entries] == [1, 2, 2, 4]
    recurrences = [entry["changed"].get("recurrence") for entry in entries]
    of_next = shown(task, NEXT, "2035-01-15")
    assert recurrences == [
        {"from": None, "to": task["recurrence"]},
        None,
        {"from": None, "to": of_next},
        {"from": of_next, "to": None},
    ]
    assert set(entries[1]["changed"]) == {"completed", "completed_at"}
    history = alice.get(f"{path_of(made)}/history").data
    assert [entry["changed"] for entry in history] == [entry["changed"] for entry in entries[:1:-1]]
    of_write = alice.request("GET", f"{alice.changes}/2").data
    assert [entry["changed"] for entry in of_write] == [entry["changed"] for entry in entries[1:3]]


@pytest.mark.parametrize("origin", ["due_date", "completion"])
def test_lists_as_of_each_number_are_what_was_listed_then(alice, origin):
    """With a completion, which is two changes, a reopening, undo, and the completion of a moved next one."""
    task = alice.create(**recurs("FREQ=DAILY", "2020-01-01", **{"from": origin}))
    listed = {}

    def note():
        page = alice.get("?status=all&sort=id&as_of=now").json
        listed[page["as_of"]] = page["data"]

    for act in (
        lambda: complete(alice, task),
        lambda: complete(alice, task, completed=False),
        lambda: complete(alice, task),
        lambda: alice.undo(6),
        lambda: alice.undo(8),
        lambda: alice.patch(path_of(alice.get("?status=pending").data[0]), json={"due_date": "2036-02-29"}),
        lambda: complete(alice, alice.get("?status=pending").data[0]),
    ):
        note()
        act()
        note()
    assert list(listed) == [1, 3, 5, 7, 9, 11, 12, 14]
    for number, tasks in listed.items():
        assert alice.get(f"?sort=id&as_of={number}").data == tasks
    # Between the two changes of the completion: completed, and nothing follows yet.
    (between,) = alice.get("?sort=id&as_of=2").data
    assert between == listed[3][0]
    assert [entry["type"] for entry in alice.request("GET", f"{alice.changes}/2").data] == ["updated", "created"]
    made = listed[3][1]["id"]
    history = alice.get(f"{path_of({'id': made})}/history").data
    assert [(entry["number"], entry["write"], entry["type"]) for entry in history] == [
        (5, 4, "deleted"),
        (3, 2, "created"),
    ]


def test_history_of_a_moved_day_does_not_show_the_recurrence(alice, task):
    moved = alice.put(path_of(task), json={**task, "due_date": "2035-01-03"})
    assert moved.status == 200
    (newest, _) = alice.get(f"{path_of(task)}/history").data
    assert "recurrence" not in newest["changed"]


def test_trash_and_restore(alice, task):
    alice.delete(path_of(task))
    (deleted,) = alice.request("GET", alice.trash).data
    assert deleted["recurrence"] == task["recurrence"]
    restored = alice.post(f"{path_of(task)}/restore")
    assert restored.data["recurrence"] == task["recurrence"]
    assert following(complete(alice, task))["due_date"] == NEXT


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "key"}])
def test_occurrence_that_exists_again_cannot_be_restored(alice, task, made, key):
    alice.delete(path_of(made))
    complete(alice, task, completed=False)
    again = following(complete(alice, task))
    assert again["due_date"] == NEXT
    refused = alice.post(f"{path_of(made)}/restore", headers=key)
    assert (refused.status, refused.error["code"]) == (409, "CONFLICT")
    # The deletion of the first one, which the third change made.
    assert alice.undo(4).status == 409
    assert days(alice) == [NEXT]


def test_undo_of_a_completion_takes_both_back(alice, task, made):
    tried = alice.undo(2, "?dry_run=true").data["results"]
    undone = alice.undo(2).data
    assert [(each["task_id"], each["type"]) for each in undone["results"]] == [
        (task["id"], "updated"),
        (made["id"], "deleted"),
    ]
    assert [each["type"] for each in tried] == ["updated", "deleted"]
    assert undone["results"][0]["task"]["recurrence"] == task["recurrence"]
    assert days(alice, "all") == [MONDAY]
    assert alice.undo(undone["change"]).status == 200
    assert alice.get(path_of(made)).data["recurrence"] == made["recurrence"]
    assert days(alice, "all") == [MONDAY, NEXT]


def test_undo_of_a_reopening_brings_the_next_back(alice, task, made):
    reopened = complete(alice, task, completed=False)
    undone = alice.undo(reopened.data["version"])
    assert {each["type"] for each in undone.data["results"]} == {"updated", "created"}
    assert days(alice) == [NEXT]
    assert alice.get(path_of(made)).data["recurrence"] == made["recurrence"]


MOVES = {
    "title": lambda user, made: user.put(path_of(made), json={"title": "changed"}),
    "completed": complete,
    "id": lambda user, made: user.delete(path_of(made)),
    "recurrence": lambda user, made: user.patch(path_of(made), json={"recurrence": None}),
}


@pytest.mark.parametrize("name", MOVES)
def test_undo_of_a_completion_says_what_moved(alice, task, made, name):
    MOVES[name](alice, made)
    conflict = alice.undo(2)
    assert conflict.status == 409
    ((moved),) = conflict.error["details"]["conflicts"]
    assert moved["task_id"] == made["id"]
    assert name in moved["changed"]
    assert alice.get(path_of(task)).data["completed"]


def test_undo_of_a_new_rule(alice, task):
    edited = alice.patch(path_of(task), json=recurs("FREQ=DAILY")).data
    alice.undo(edited["version"])
    assert alice.get(path_of(task)).data["recurrence"] == task["recurrence"]


def test_erasure(bob):
    complete(bob, bob.create(**recurs()))
    erased = bob.request("DELETE", f"/api/{bob.user_id}?confirm={bob.user_id}").data
    assert (erased["tasks"], erased["changes"]) == (2, 3)
    assert days(bob, "all") == []


def test_recurrence_of_another_user_is_never_seen(alice, bob, task, made):
    assert bob.patch(f"{path_of(task)}/complete").status == 404
    own = bob.create(**recurs())
    own = bob.put(path_of(own), json={**recurs(), "recurrence": task["recurrence"]}).data
    assert own["recurrence"]["series_id"] != task["recurrence"]["series_id"]
    complete(bob, own)
    complete(bob, own, completed=False)
    assert days(alice, "all") == [MONDAY, NEXT]
    assert alice.get(path_of(made)).data == made
