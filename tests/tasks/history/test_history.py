"""The history of a task: its changes, the newest first."""

from tests.support.postgres import run_sql


def history(alice, task, query=""):
    response = alice.get(f"/{task['id']}/history{query}")
    assert response.status == 200
    return response


def numbers(response):
    return [entry["number"] for entry in response.data]


def test_changes_come_newest_first(alice):
    task, other = alice.create(title="first", due_date="2026-12-24"), alice.create(tags=["home"])
    path = f"/{task['id']}"
    alice.put(path, json={"title": "second", "due_date": "2026-12-24"})
    alice.put(f"/{other['id']}", json={"title": "other"})
    alice.patch(f"{path}/complete")
    alice.put(path, json={"tags": ["home"]})
    alice.request("PATCH", f"{alice.tags}?name=home", json={"name": "house"})
    response = history(alice, task)
    assert numbers(response) == [7, 6, 5, 3, 1]
    assert response.json.keys() == {"data", "pagination", "complete"}
    assert response.json["complete"] is True
    entries = response.data
    assert {entry["task_id"] for entry in entries} == {task["id"]}
    assert [entry["type"] for entry in entries] == ["updated"] * 4 + ["created"]
    assert entries[3]["changed"] == {"title": {"from": "first", "to": "second"}}
    assert entries[2]["changed"]["completed_at"]["to"] == entries[2]["at"]
    assert entries[0]["changed"] == {"tags": {"from": ["home"], "to": ["house"]}}
    assert [entry["write"] for entry in entries] == [7, 6, 5, 3, 1]
    assert numbers(history(alice, other)) == [8, 4, 2]
    assert history(alice, other).data[0]["write"] == 7
    for entry in entries:
        assert entry in alice.request("GET", f"{alice.changes}/{entry['write']}").data


def test_history_goes_on_across_delete_restore_and_undo(alice):
    task = alice.create(title="first")
    path = f"/{task['id']}"
    alice.put(path, json={"title": "second"})
    alice.delete(path)
    assert numbers(history(alice, task)) == [3, 2, 1]
    alice.post(f"{path}/restore")
    alice.undo(2)
    alice.delete(path)
    alice.undo(6)
    alice.delete(path)
    found = history(alice, task)
    assert numbers(found) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert [entry["type"] for entry in found.data] == [
        *("deleted", "created", "deleted", "updated"),
        *("created", "deleted", "updated", "created"),
    ]
    assert [entry["undoes"] for entry in found.data] == [None, 6, None, 2, 3, None, None, None]
    assert found.json["complete"] is True


def test_pages(alice):
    task = alice.create()
    for number in range(6):
        alice.put(f"/{task['id']}", json={"title": str(number)})
        alice.create()
    query, found, complete = "?limit=3", [], []
    while query:
        page = history(alice, task, query)
        found += numbers(page)
        complete.append(page.json["complete"])
        alice.put(f"/{task['id']}", json={"title": "while reading"})
        cursor = page.json["pagination"]["next_cursor"]
        assert (page.headers["Link"] is None) == (cursor is None)
        query = cursor and f"?limit=3&cursor={cursor}"
    assert found == [12, 10, 8, 6, 4, 2, 1]
    assert complete == [True] * 3
    cursor = history(alice, task, "?limit=1").json["pagination"]["next_cursor"]
    other = alice.create()
    assert list(alice.get(f"/{other['id']}/history?cursor={cursor}").error["details"]) == ["cursor"]


def test_older_changes_that_are_not_known(alice, database_url):
    task = alice.create()
    path = f"/{task['id']}"
    for title in "abc":
        alice.put(path, json={"title": title})
    run_sql(database_url, "DELETE FROM changes WHERE user_id = %s AND number = 1", [alice.user_id])
    marker = "UPDATE changes SET task_id = 0, previous = NULL, before = '{}', after = '{}' WHERE user_id = %s"
    run_sql(database_url, f"{marker} AND number = 2", [alice.user_id])
    first, all_of_it = history(alice, task, "?limit=1"), history(alice, task)
    assert (numbers(all_of_it), all_of_it.json["complete"]) == ([4, 3], False)
    assert (numbers(first), first.json["complete"]) == ([4], True)
    last = history(alice, task, f"?limit=1&cursor={first.json['pagination']['next_cursor']}")
    assert (numbers(last), last.json["complete"]) == ([3], False)
    assert last.json["pagination"]["next_cursor"] is None
    run_sql(database_url, f"{marker} AND number > 2", [alice.user_id])
    nothing = history(alice, task)
    assert (nothing.data, nothing.json["complete"]) == ([], False)
    again = history(alice, task, f"?limit=1&cursor={first.json['pagination']['next_cursor']}")
    assert (again.data, again.json["complete"]) == ([], False)


def test_change_by_a_release_without_the_log(alice, database_url):
    """Its version may be the number of a change of another task."""
    task = alice.create()
    alice.create()
    run_sql(database_url, "UPDATE tasks SET version = version + 1, title = 'x' WHERE id = %s", [task["id"]])
    found = history(alice, task)
    assert (found.data, found.json["complete"]) == ([], False)
    alice.put(f"/{task['id']}", json={"title": "y"})
    found = history(alice, task)
    assert (numbers(found), found.json["complete"]) == ([3], False)


def test_task_that_is_not_known(alice, bob, database_url):
    other = bob.create()
    task = alice.create()
    alice.delete(f"/{task['id']}")
    run_sql(database_url, "DELETE FROM changes WHERE user_id = %s AND number = 2", [alice.user_id])
    for task_id in (other["id"], task["id"], 2**62, 0, "x", "01"):
        response = alice.get(f"/{task_id}/history")
        assert (response.status, response.error["code"]) == (404, "TASK_NOT_FOUND")


def test_bad_input(alice, task):
    for query in ("?limit=0", "?limit=1001", "?cursor=x", "?after=1", "?limit=1&limit=1"):
        response = alice.get(f"/{task['id']}/history{query}")
        assert (response.status, list(response.error["details"])) == (422, [query[1:].split("=")[0]])
    assert alice.post(f"/{task['id']}/history").status == 405
