"""The trash: deleted tasks as they were, and restore."""

from urllib.parse import quote

import pytest

from tests.support.change_log import assert_whole
from tests.support.postgres import run_sql
from tests.support.retries import assert_replayed
from tests.tasks.undo.test_undo import WHOLE, fields_of


def trash(alice, query=""):
    response = alice.request("GET", alice.trash + query)
    assert response.status == 200
    return response.data


def restore(alice, task, **options):
    return alice.post(f"/{task['id']}/restore", **options)


@pytest.mark.parametrize("fields", [WHOLE, {}], ids=["whole", "title only"])
def test_deleted_task_is_shown_and_restored_as_it_was(alice, database_url, fields):
    task = alice.create(**fields)
    number = int(alice.delete(f"/{task['id']}").headers["Change"])
    (deleted,) = trash(alice)
    assert {name: deleted.pop(name) for name in ("change",)} == {"change": number}
    (entry,) = alice.request("GET", f"{alice.changes}/{number}").data
    assert deleted.pop("deleted_at") == entry["at"]
    assert deleted == task
    restored = restore(alice, task)
    assert (restored.status, restored.headers["ETag"], restored.headers["Change"]) == (200, '"3"', "3")
    assert fields_of(restored.data) == fields_of(task)
    assert restored.data["version"] == 3
    assert restored.data["updated_at"] > entry["at"] > task["updated_at"]
    assert alice.get(f"/{task['id']}").data == restored.data
    assert trash(alice) == []
    assert_whole(database_url, alice.user_id)


def test_task_is_in_every_list_again(alice):
    task = alice.create(**{**WHOLE, "completed": False})
    alice.delete(f"/{task['id']}")
    restored = restore(alice, task).data
    for query in ("?sort=due&status=pending", "?sort=-priority", "?tags_all=home", "?sort=title&q=kept"):
        assert alice.get(query).data == [restored], query
    assert alice.request("GET", alice.tags).data[0]["total"] == 1


def test_task_that_is_deleted_and_restored_twice(alice, database_url):
    task = alice.create(title="first")
    path = f"/{task['id']}"
    for title in ("second", "third"):
        alice.put(path, json={"title": title})
        alice.delete(path)
        assert [each["title"] for each in trash(alice)] == [title]
        assert restore(alice, task).data["title"] == title
    alice.delete(path)
    assert len(trash(alice)) == 1
    assert_whole(database_url, alice.user_id)


def test_restore_of_what_is_there(alice):
    task = alice.create()
    for _ in range(2):
        response = restore(alice, task)
        assert (response.status, response.error["code"]) == (409, "CONFLICT")
        assert response.error["details"] == {"current": alice.get(f"/{task['id']}").data}
        alice.delete(f"/{task['id']}")
        restore(alice, task)


def test_restore_of_what_never_was(alice, bob):
    other = bob.create()
    bob.delete(f"/{other['id']}")
    for task_id in (other["id"], 2**62, 0, "x", "01", 2**63):
        response = alice.post(f"/{task_id}/restore")
        assert (response.status, response.error["code"]) == (404, "TASK_NOT_FOUND")
    assert trash(alice) == []
    assert [task["id"] for task in trash(bob)] == [other["id"]]
    assert bob.get().data == []


def test_deletion_that_is_no_longer_known(alice, database_url):
    task = alice.create()
    alice.delete(f"/{task['id']}")
    marker = (
        "UPDATE changes SET task_id = 0, previous = NULL, before = '{}', after = '{}' WHERE user_id = %s AND number = 2"
    )
    run_sql(database_url, marker, [alice.user_id])
    assert trash(alice) == []
    assert restore(alice, task).error["code"] == "TASK_NOT_FOUND"


def test_keyed_restore(alice):
    task, key = alice.create(**WHOLE), {"headers": {"Idempotency-Key": "k"}}
    assert restore(alice, task, **key).status == 409
    alice.delete(f"/{task['id']}")
    first = restore(alice, task, **key)
    assert (first.status, first.headers["Change"]) == (200, "3")
    alice.delete(f"/{task['id']}")
    again = restore(alice, task, **key)
    assert_replayed(first, again)
    assert again.headers["Change"] == "3"
    assert alice.get().data == []
    other = alice.create()
    assert restore(alice, other, **key).status == 422


def test_bad_input(alice):
    task = alice.create()
    alice.delete(f"/{task['id']}")
    assert alice.post(f"/{task['id']}/restore", json={}).status == 200
    alice.delete(f"/{task['id']}")
    assert list(restore(alice, task, json={"title": "x"}).error["details"]) == ["title"]
    assert alice.post(f"/{task['id']}/restore?dry_run=true").status == 422
    for query in ("?limit=0", "?limit=1001", "?limit=x", "?cursor=", "?cursor=x", "?sort=id", "?limit=1&limit=1"):
        response = alice.request("GET", alice.trash + query)
        assert (response.status, list(response.error["details"])) == (422, [query[1:].split("=")[0]])
    for method in ("POST", "DELETE"):
        assert alice.request(method, alice.trash).status == 405
    assert [each["id"] for each in trash(alice)] == [task["id"]]


def test_pages_while_tasks_are_restored(alice):
    tasks = [alice.create(title=str(number)) for number in range(10)]
    for task in tasks:
        alice.delete(f"/{task['id']}")
    found, query = [], "?limit=3"
    while query:
        page = alice.request("GET", alice.trash + query)
        found += [int(task["title"]) for task in page.data]
        assert (page.headers["Link"] is None) == (page.json["pagination"]["next_cursor"] is None)
        if len(found) == 3:  # One that was shown, one that comes next, and one of the last page.
            for number in (8, 6, 0):
                restore(alice, tasks[number])
            alice.delete(f"/{tasks[8]['id']}")
        cursor = page.json["pagination"]["next_cursor"]
        query = cursor and f"?limit=3&cursor={quote(cursor)}"
    assert found == [9, 8, 7, 5, 4, 3, 2, 1]
    assert [int(task["title"]) for task in trash(alice)] == [9, 8, 7, 5, 4, 3, 2, 1]


def test_task_of_a_write_of_many_names_that_write(alice):
    """The undo of a new write of many tasks deletes them all. Each can be restored alone."""
    tasks = [alice.create(tags=["home"]) for _ in range(2)]
    alice.request("PATCH", f"{alice.tags}?name=home", json={"name": "house"})
    alice.delete(f"/{tasks[0]['id']}")
    assert trash(alice)[0]["change"] == 5
    assert trash(alice)[0]["tags"] == ["house"]
    assert restore(alice, tasks[0]).data["tags"] == ["house"]
