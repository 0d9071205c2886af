"""Users create, list, read, change, complete and delete their tasks."""

import re

import pytest

RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
FIELDS = [
    *("id", "uid", "user_id", "title", "description", "completed", "completed_at", "priority", "tags"),
    *("due_date", "due_time", "time_zone", "due_at", "recurrence", "reminder", "reminded_at"),
    *("created_at", "updated_at", "version"),
]


def test_create_task_with_title_fills_in_the_rest(alice):
    response = alice.post(json={"title": "Buy milk"})
    assert response.status == 201
    assert list(response.json) == ["data"]
    task = response.data
    assert list(task) == FIELDS
    assert (task["user_id"], task["title"], task["description"]) == (alice.user_id, "Buy milk", None)
    assert task["completed"] is False
    assert type(task["id"]) is int
    assert task["id"] >= 1
    assert RFC_3339_UTC.fullmatch(task["created_at"])
    assert task["updated_at"] == task["created_at"]
    assert response.headers["Location"] == f"/api/{alice.user_id}/tasks/{task['id']}"
    assert re.fullmatch(r'"[^"]+"', response.headers["ETag"])


def test_create_task_with_all_fields_keeps_them(alice):
    fields = {"title": "t", "description": "", "completed": True}
    task = alice.create(**fields)
    assert {name: task[name] for name in fields} == fields
    assert alice.get(f"/{task['id']}").data == task


def test_location_of_a_created_task_leads_to_it(new_client):
    user = new_client("Zoë & co/100%".replace("/", "-") + " +?#")
    response = user.post(json={"title": "t"})
    assert response.status == 201
    assert user.request("GET", response.headers["Location"]).data == response.data


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("  trimmed \t\n", "trimmed"),
        ("\u00a0\u3000wide\u2003", "wide"),
        ("in  side", "in  side"),
        ("x" * 255, "x" * 255),
        (" " + "x" * 255 + " ", "x" * 255),
        ("🙂" * 255, "🙂" * 255),
        ("שלום עולם", "שלום עולם"),
        ("\u202eright to left", "\u202eright to left"),
        ("null", "null"),
        ("100% %s %(x)s :y '\"\\", "100% %s %(x)s :y '\"\\"),
    ],
)
def test_title_is_stored_without_space_around_it(alice, sent, stored):
    task = alice.create(title=sent)
    assert task["title"] == stored
    assert alice.put(f"/{task['id']}", json={"title": sent}).data["title"] == stored


@pytest.mark.parametrize("description", [None, "", "  kept  ", "x" * 1000, "🙂" * 1000, "a\nb"])
def test_description_is_stored_as_sent(alice, description):
    task = alice.create(description="before")
    assert alice.create(description=description)["description"] == description
    assert alice.put(f"/{task['id']}", json={"description": description}).data["description"] == description


def test_list_tasks_newest_first(alice):
    ids = [alice.create(title=f"task {number}")["id"] for number in range(5)]
    response = alice.get()
    assert response.status == 200
    assert list(response.json) == ["data", "pagination"]
    assert [task["id"] for task in response.data] == ids[::-1]
    assert list(response.data[0]) == FIELDS
    assert response.json["pagination"] == {"limit": 1000, "next_cursor": None}


def test_list_tasks_of_a_new_user_is_empty(alice):
    response = alice.get()
    assert (response.status, response.data) == (200, [])


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("?status=all", ["c", "b", "a"]),
        ("?status=pending", ["c", "a"]),
        ("?status=completed", ["b"]),
        ("?limit=2", ["c", "b"]),
        ("?limit=1&status=pending", ["c"]),
        ("?limit=1000", ["c", "b", "a"]),
    ],
)
def test_list_tasks_by_status_and_limit(alice, query, titles):
    for title in "abc":
        alice.create(title=title, completed=title == "b")
    response = alice.get(query)
    assert [task["title"] for task in response.data] == titles
    assert f"limit={response.json['pagination']['limit']}" in query or "limit" not in query


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    "changes",
    [
        {"title": "new"},
        {"description": "new"},
        {"description": ""},
        {"description": None},
        {"completed": False},
        {"title": "new", "description": None, "completed": False},
    ],
)
def test_update_task_changes_sent_fields_and_keeps_the_rest(alice, method, changes):
    task = alice.create(title="old", description="old", completed=True)
    response = alice.request(method, f"{alice.tasks}/{task['id']}", json=changes)
    assert response.status == 200
    follows = {} if changes.get("completed", True) else {"completed_at": None}
    changed = {**task, **changes, **follows, "updated_at": response.data["updated_at"], "version": 2}
    assert response.data == changed
    assert response.data["updated_at"] > task["updated_at"]
    assert alice.get(f"/{task['id']}").data == response.data


def test_patch_task_takes_a_merge_patch(alice):
    task = alice.create(description="old")
    headers = {"Content-Type": "application/merge-patch+json; charset=utf-8"}
    response = alice.patch(f"/{task['id']}", json={"description": None}, headers=headers)
    assert (response.status, response.data["description"]) == (200, None)


@pytest.mark.parametrize("completed", [True, False])
def test_complete_task_with_a_value_sets_it(alice, completed):
    task = alice.create(completed=not completed)
    for _ in range(2):
        response = alice.patch(f"/{task['id']}/complete", json={"completed": completed})
        assert (response.status, response.data["completed"]) == (200, completed)


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "application/json"}, {"Content-Type": "text/plain"}])
def test_complete_task_without_a_body_toggles_it(alice, headers):
    task = alice.create()
    path = f"/{task['id']}/complete"
    assert [alice.patch(path, headers=headers).data["completed"] for _ in range(3)] == [True, False, True]


def test_delete_task_twice_is_not_found_the_second_time(alice):
    task = alice.create()
    response = alice.delete(f"/{task['id']}")
    assert response.status == 200
    assert response.json == {"data": {"success": True, "message": "Task deleted successfully"}}
    assert alice.delete(f"/{task['id']}").error["code"] == "TASK_NOT_FOUND"
    assert alice.get(f"/{task['id']}").status == 404
    assert alice.get().data == []


def test_etag_changes_with_every_change_and_only_then(alice):
    created = alice.post(json={"title": "t"})
    path = f"/{created.data['id']}"
    tags = [
        created.headers["ETag"],
        alice.put(path, json={"title": "u"}).headers["ETag"],
        alice.patch(path, json={"completed": True}).headers["ETag"],
        alice.patch(path + "/complete").headers["ETag"],
    ]
    assert len(set(tags)) == len(tags)
    assert alice.get(path).headers["ETag"] == tags[-1] == alice.get(path).headers["ETag"]
    assert not any(tag.startswith("W/") for tag in tags)


@pytest.mark.parametrize("user_key", ["body", "query"])
def test_own_user_id_may_be_repeated(alice, user_key):
    body = {"user_id": alice.user_id} if user_key == "body" else {}
    query = f"?user_id={alice.user_id}" if user_key == "query" else ""
    task = alice.post(query, json={"title": "t", **body}).data
    path = f"/{task['id']}"
    assert alice.get(query).data == [task]
    assert alice.get(path + query).status == 200
    assert alice.put(path + query, json={"title": "u", **body}).status == 200
    assert alice.patch(path + query, json={"title": "u", **body}).status == 200
    assert alice.patch(f"{path}/complete{query}", json={"completed": True, **body}).status == 200
    assert alice.delete(path + query, **({"json": body} if body else {})).status == 200


def test_head_returns_the_headers_of_get_without_a_body(alice):
    task = alice.create()
    for path in ("", f"/{task['id']}"):
        head, get = alice.request("HEAD", alice.tasks + path), alice.get(path)
        assert (head.status, head.body) == (200, b"")
        assert head.headers["Content-Length"] == get.headers["Content-Length"]
        assert head.headers["ETag"] == get.headers["ETag"]
