"""The feed: every change, once, in order, with its task as it is now; and a 410 if not every change is known."""

import pytest

from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql

MARKER = "INSERT INTO changes (user_id, number, task_id, at, before, after) VALUES (%s, %s, 0, now(), '{}', '{}')"


@pytest.fixture
def feed(alice):
    """Requests the feed of alice."""

    def request(after, *, method="GET", **options):
        return alice.request(method, f"/api/{alice.user_id}/changes?after={after}", **options)

    return request


def numbers(response):
    assert response.status == 200, response.body
    return [entry["number"] for entry in response.data]


def assert_gone(response, user_id):
    assert (response.status, response.error["code"]) == (410, "CHANGES_GONE")
    assert response.error["details"] == {"restart": f"/api/{user_id}/tasks?sort=id&as_of=now"}
    assert response.headers["Cache-Control"] == "no-store"


def test_feed_tells_every_write(alice, feed):
    task = alice.create(title="Buy milk", due_date="2026-12-24", tags=["home"])
    changed = alice.put(f"/{task['id']}", json={"title": "Buy oat milk", "priority": "high"}).data
    other = alice.create(title="x", completed=True)
    alice.request("PATCH", f"{alice.tags}?name=home", json={"name": "house"})
    renamed = alice.get(f"/{task['id']}").data
    alice.delete(f"/{other['id']}")
    response = feed(0)
    assert response.json["pagination"] == {"limit": 100, "after": 5, "more": False}
    assert (response.headers["ETag"], "Link" in response.headers) == ('"5"', False)
    assert response.headers["Cache-Control"] == "private, no-cache, no-transform"
    first, second, third, fourth, fifth = response.data
    shared = {"undoes": None, "task_id": task["id"], "task": renamed}
    none = dict.fromkeys(("from", "to"))
    assert first == {
        "number": 1,
        "write": 1,
        **shared,
        "type": "created",
        "at": task["created_at"],
        "changed": {name: {**none, "to": task[name]} for name in ("uid", "title", "completed", "tags", "due_date")},
    }
    assert second == {
        "number": 2,
        "write": 2,
        **shared,
        "type": "updated",
        "at": changed["updated_at"],
        "changed": {
            "title": {"from": "Buy milk", "to": "Buy oat milk"},
            "priority": {"from": None, "to": "high"},
        },
    }
    assert (third["type"], third["task_id"], third["task"]) == ("created", other["id"], None)
    assert fourth["changed"] == {"tags": {"from": ["home"], "to": ["house"]}}
    assert (fifth["type"], fifth["task"]) == ("deleted", None)
    assert fifth["changed"] == {name: {"from": value["to"], "to": None} for name, value in third["changed"].items()}


def test_update_that_changes_nothing_has_no_changed_fields(alice, feed):
    task = alice.create(title="same")
    alice.put(f"/{task['id']}", json={"title": "same", "tags": []})
    assert feed(1).data[0]["changed"] == {}


def test_writes_that_write_nothing_take_no_number(alice, feed):
    task = alice.create()
    alice.put(f"/{task['id']}", json={"title": "y"}, headers={"If-Match": '"9"'})
    alice.delete("/9223372036854775807")
    alice.post(json={"title": ""})
    alice.request("DELETE", f"{alice.tags}?name=none")
    alice.put(f"/{task['id']}", json={"title": "y"})
    assert numbers(feed(0)) == [1, 2]


def test_pages_follow_each_other(alice, feed):
    for number in range(7):
        alice.create(title=str(number))
    seen, response = [], feed("0&limit=3")
    while response.json["pagination"]["more"]:
        assert "ETag" not in response.headers
        assert response.headers["Cache-Control"] == "no-store"
        seen += numbers(response)
        (url, rel) = response.headers["Link"].split("; ")
        assert (url, rel) == (f"</api/{alice.user_id}/changes?after={seen[-1]}&limit=3>", 'rel="next"')
        response = alice.request("GET", url.strip("<>"))
    assert seen + numbers(response) == [1, 2, 3, 4, 5, 6, 7]
    assert response.json["pagination"] == {"limit": 3, "after": 7, "more": False}
    assert numbers(feed("3&limit=4")) == [4, 5, 6, 7]  # Just full.
    assert not feed("3&limit=4").json["pagination"]["more"]


def test_nothing_new_is_an_empty_page_or_a_304(alice, feed):
    assert (feed(0).data, feed(0).headers["ETag"]) == ([], '"0"')
    assert feed(0, headers={"If-None-Match": '"0"'}).status == 304
    alice.create()
    assert feed(0, headers={"If-None-Match": '"0"'}).status == 200
    empty = feed(1)
    assert (empty.data, empty.json["pagination"]["after"], empty.headers["ETag"]) == ([], 1, '"1"')
    for tags in ('"1"', 'W/"1"', '"7", "1"', "*"):
        response = feed(1, headers={"If-None-Match": tags})
        assert (response.status, response.body, response.headers["ETag"]) == (304, b"", '"1"'), tags
        assert response.headers["Cache-Control"] == "private, no-cache, no-transform"
    alice.create()
    assert numbers(feed(1, headers={"If-None-Match": '"1"'})) == [2]
    # A page with more to follow has no tag, so it is never a 304.
    assert numbers(feed("0&limit=1", headers={"If-None-Match": '"1", "2"'})) == [1]
    head = feed(1, method="HEAD")
    assert (head.status, head.headers["ETag"], head.body) == (200, '"2"', b"")


def test_number_from_the_future_is_gone(alice, feed):
    assert_gone(feed(1), alice.user_id)
    alice.create()
    assert numbers(feed(1)) == []
    assert_gone(feed(2), alice.user_id)
    assert_gone(feed(2, headers={"If-None-Match": '"2"'}), alice.user_id)
    assert_gone(feed(2**53 - 1), alice.user_id)


def test_changes_that_were_purged_are_gone(alice, feed, database_url):
    for _ in range(6):
        alice.create()
    run_sql(database_url, "DELETE FROM changes WHERE user_id = %s AND number < 4", [alice.user_id])
    for after in (0, 1, 2):
        assert_gone(feed(after), alice.user_id)
    assert numbers(feed(3)) == [4, 5, 6]
    assert numbers(feed(4)) == [5, 6]


def test_marker_is_never_shown_and_hides_what_is_before(alice, feed, database_url):
    run_sql(database_url, MARKER, [alice.user_id, 7])
    assert alice.create()["version"] == 8
    for after in (0, 6):
        assert_gone(feed(after), alice.user_id)
    assert numbers(feed(7)) == [8]
    # A purge that ended too early may leave changes before the newest marker.
    run_sql(database_url, MARKER, [alice.user_id, 9])
    alice.create()
    for after in (7, 8, "7&limit=1"):
        assert_gone(feed(after), alice.user_id)
    assert numbers(feed(9)) == [10]


def test_log_with_a_marker_only_has_nothing_new(alice, feed, database_url):
    run_sql(database_url, MARKER, [alice.user_id, 7])
    assert (numbers(feed(7)), feed(7).headers["ETag"]) == ([], '"7"')
    assert_gone(feed(8), alice.user_id)


@pytest.mark.parametrize(
    ("query", "name", "sentence"),
    [
        ("", "after", "Missing data for required field."),
        ("?after=", "after", "Must not be empty. Omit it instead."),
        *(
            (f"?after={after}", "after", "Not a valid integer.")
            for after in ("x", "-0", "1.0", "1e3", "%2B1", "now", "%D9%A3")
        ),
        *((f"?after={after}", "after", "Must be from 0 to 9007199254740991.") for after in (-1, 2**53, 2**63, 10**30)),
        ("?after=1&after=1", "after", "Appears more than once."),
        *((f"?after=0&limit={limit}", "limit", "Must be from 1 to 1000.") for limit in (-1, 0, 1001, 10**30)),
        ("?after=0&limit=x", "limit", "Not a valid integer."),
        ("?since=0", "since", "Unknown parameter. Did you mean after?"),
        ("?after=0&status=all", "status", "Unknown parameter."),
    ],
)
def test_invalid_parameters_are_rejected(alice, query, name, sentence):
    response = alice.request("GET", f"/api/{alice.user_id}/changes{query}")
    assert (response.status, response.error["code"]) == (422, "VALIDATION_ERROR")
    assert response.error["details"][name][0].startswith(sentence)


def test_restart_url_has_the_prefix_and_is_encoded(make_app, secret):
    app = make_app(SCRIPT_NAME="/todo")
    user = LocalUser(app, secret, "jö e")
    path = "/todo/api/j%C3%B6%20e"
    response = app.test_client().get(f"{path}/changes?after=9", headers={"Authorization": user._authorization})
    assert response.json["error"]["details"] == {"restart": f"{path}/tasks?sort=id&as_of=now"}
