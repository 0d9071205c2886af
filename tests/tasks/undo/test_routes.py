"""The routes of single writes: bad input, keys, dry runs, limits, and many undos at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from taskapp.tasks.changes.batch import MAXIMUM_CHANGES
from tests.support.change_log import assert_whole, read_log
from tests.support.postgres import run_sql
from tests.support.retries import assert_replayed
from tests.tasks.test_tag_races import fill

RACERS = 20


def write(alice, number, **options):
    return alice.request("GET", f"{alice.changes}/{number}", **options)


def rename(alice, name="home", new_name="house"):
    return int(alice.request("PATCH", f"{alice.tags}?name={name}", json={"name": new_name}).headers["Change"])


def assert_not_found(*responses):
    assert [(response.status, response.error["code"]) for response in responses] == [(404, "CHANGE_NOT_FOUND")] * len(
        responses
    )


# Which numbers there are.


def test_write_has_all_its_changes(alice):
    tasks = [alice.create(title="t", tags=["home"]) for _ in range(3)]
    (created,) = write(alice, 1).data
    assert created.keys() == {"number", "write", "undoes", "task_id", "type", "at", "changed"}
    assert created["changed"]["title"] == {"from": None, "to": "t"}
    assert "due_order" not in created["changed"]
    number = rename(alice)
    entries = write(alice, number).data
    assert [entry["task_id"] for entry in entries] == [task["id"] for task in tasks]
    assert [entry["changed"] for entry in entries] == [{"tags": {"from": ["home"], "to": ["house"]}}] * 3


@pytest.mark.parametrize("number", ["0", "01", "-1", "1.0", "x", "2", "9007199254740992", "9223372036854775808"])
def test_number_that_is_none_of_the_user(alice, number):
    alice.create()
    assert_not_found(write(alice, number), alice.undo(number), alice.undo(number, "?dry_run=true"))
    assert_not_found(alice.undo(number, headers={"Idempotency-Key": "k"}))


def test_number_of_another_user(alice, bob):
    bob.create()
    assert_not_found(write(alice, 1), alice.undo(1))
    alice.create()
    alice.undo(1)
    assert len(bob.get().data) == 1


def test_number_inside_a_write(alice):
    for _ in range(3):
        alice.create(tags=["home"])
    number = rename(alice)
    for inside in (number + 1, number + 2):
        assert_not_found(write(alice, inside), alice.undo(inside))
    assert {tuple(task["tags"]) for task in alice.get().data} == {("house",)}


def test_marker_and_what_was_purged(alice, database_url):
    """A write of which only a part is left is not known either."""
    for _ in range(2):
        alice.create(tags=["home"])
    number = rename(alice)
    run_sql(database_url, "DELETE FROM changes WHERE user_id = %s AND number <= %s", [alice.user_id, number])
    assert_not_found(*(write(alice, n) for n in (1, number, number + 1)), alice.undo(number), alice.undo(number + 1))
    marker = "UPDATE changes SET task_id = 0, operation = NULL, before = '{}', after = '{}' WHERE user_id = %s"
    run_sql(database_url, marker, [alice.user_id])
    assert_not_found(write(alice, number + 1), alice.undo(number + 1), alice.undo(number + 1, "?dry_run=true"))
    assert alice.create()["version"] == number + 2


def test_bad_input(alice):
    task = alice.create(title="first")
    alice.put(f"/{task['id']}", json={"title": "second"})
    cases = [
        ("POST", "/2/undo?dry_run=1", {}, "dry_run"),
        ("POST", "/2/undo?dry_run=", {}, "dry_run"),
        ("POST", "/2/undo?dry_run=true&dry_run=true", {}, "dry_run"),
        ("POST", "/2/undo?preview=true", {}, "preview"),
        ("POST", "/2/undo", {"json": {"dry_run": True}}, "dry_run"),
        ("POST", "/2/undo", {"headers": {"Idempotency-Key": "a b"}}, "Idempotency-Key"),
        ("GET", "/2?limit=0", {}, "limit"),
        ("GET", "/2?limit=1001", {}, "limit"),
        ("GET", "/2?cursor=x", {}, "cursor"),
        ("GET", "/2?after=1", {}, "after"),
    ]
    for method, path, options, name in cases:
        response = alice.request(method, alice.changes + path, **options)
        assert (response.status, list(response.error["details"])) == (422, [name]), path
    for method, path in (("PUT", "/2"), ("DELETE", "/2"), ("GET", "/2/undo"), ("PATCH", "/2/undo")):
        assert alice.request(method, alice.changes + path).status == 405
    assert alice.get().data[0]["title"] == "second"


# Dry runs.


def test_dry_run_says_what_would_become_and_writes_nothing(alice, database_url):
    tasks = [alice.create(tags=["home"], completed=True) for _ in range(2)]
    gone = alice.create(title="gone", due_date="2026-12-24")
    last = alice.delete(f"/{gone['id']}").headers["Change"]
    number = rename(alice)
    before, log = alice.get().data, read_log(database_url, alice.user_id)
    rows = run_sql(database_url, "SELECT id, xmin::text, xmax::text FROM tasks WHERE user_id = %s", [alice.user_id])
    keyed = {"headers": {"Idempotency-Key": "k"}}
    runs = {n: alice.undo(n, "?dry_run=true", **keyed) for n in (last, number)}
    assert {run.headers["Change"] for run in runs.values()} == {None}
    assert {(run.data["change"], run.data["dry_run"]) for run in runs.values()} == {(None, True)}
    assert runs[last].data["results"] == [{"task_id": gone["id"], "type": "created", "task": gone}]
    shown = [result["task"] for result in runs[number].data["results"]]
    assert [(task["tags"], task["version"]) for task in shown] == [(["home"], number), (["home"], number + 1)]
    assert alice.undo(1, "?dry_run=true", **keyed).error["code"] == "UNDO_CONFLICT"
    assert (alice.get().data, read_log(database_url, alice.user_id)) == (before, log)
    assert rows == run_sql(
        database_url, "SELECT id, xmin::text, xmax::text FROM tasks WHERE user_id = %s", [alice.user_id]
    )
    undone = alice.undo(number, **keyed)  # The key is free.
    assert undone.headers["Idempotency-Replayed"] is None
    names = [name for name in tasks[0] if name not in ("version", "updated_at")]
    for result, preview in zip(undone.data["results"], shown, strict=True):
        assert {name: result["task"][name] for name in names} == {name: preview[name] for name in names}
    assert alice.create()["id"] == gone["id"] + 1


def test_dry_run_of_new_tasks(alice):
    task = alice.create()
    assert alice.undo(1, "?dry_run=true").data["results"] == [{"task_id": task["id"], "type": "deleted", "task": None}]
    assert alice.undo(1, "?dry_run=false").data["dry_run"] is False


# Keys.


def test_replay_is_the_first_response(alice, database_url):
    for number in range(3):
        alice.create(tags=["home"], due_date="2026-12-24", due_time="17:00", time_zone="UTC", completed=bool(number))
    number, key = rename(alice), {"headers": {"Idempotency-Key": "k"}}
    first = alice.undo(number, **key)
    assert (first.status, first.headers["Change"]) == (200, str(number + 3))
    alice.put(f"/{first.data['results'][0]['task_id']}", json={"title": "since"})
    again = alice.undo(number, **key)
    assert_replayed(first, again)
    assert again.headers["Change"] == first.headers["Change"]
    reused = alice.undo(number - 1, **key)
    assert (reused.status, list(reused.error["details"])) == (422, ["Idempotency-Key"])
    assert alice.undo(number, "?dry_run=false", **key).status == 422  # Another request, byte for byte.
    assert len(assert_whole(database_url, alice.user_id)) == number + 6


def test_failed_undo_leaves_the_key_free(alice):
    key = {"headers": {"Idempotency-Key": "k"}}
    assert_not_found(alice.undo(2, **key))
    task = alice.create(title="first")
    alice.put(f"/{task['id']}", json={"title": "second"})
    alice.put(f"/{task['id']}", json={"title": "third"})
    assert alice.undo(2, **key).error["code"] == "UNDO_CONFLICT"
    alice.put(f"/{task['id']}", json={"title": "second"})
    undone = alice.undo(2, **key)
    assert (undone.status, undone.headers["Idempotency-Replayed"]) == (200, None)


# Limits.


@pytest.mark.slow
def test_undo_of_2000_changes(alice, database_url):
    fill(database_url, alice.user_id, ["home"], MAXIMUM_CHANGES)
    number = rename(alice)
    undone = alice.undo(number, headers={"Idempotency-Key": "k"})
    assert undone.status == 200
    assert len(undone.data["results"]) == MAXIMUM_CHANGES == 2000
    assert {tuple(task["tags"]) for task in alice.get().data} == {("home",)}
    assert_replayed(undone, alice.undo(number, headers={"Idempotency-Key": "k"}))


def test_undo_of_2001_changes_is_too_much(alice, database_url):
    fill(database_url, alice.user_id, ["home"], MAXIMUM_CHANGES + 1)
    number = rename(alice)
    for response in (alice.undo(number), alice.undo(number, "?dry_run=true")):
        assert (response.status, response.error["code"]) == (409, "TOO_MANY_AFFECTED")
    assert len(read_log(database_url, alice.user_id)) == MAXIMUM_CHANGES + 1
    first = write(alice, number)
    assert [len(first.data), first.data[-1]["number"]] == [1000, number + 999]
    last = first
    for expected in (range(1000, 2000), [2000]):
        path, query = last.headers["Link"][1:].split(">")[0].split("?")
        assert path == f"{alice.changes}/{number}"
        last = alice.request("GET", f"{path}?{query}")
        assert [entry["number"] - number for entry in last.data] == [*expected]
    assert last.json["pagination"]["next_cursor"] is None


def test_pages_of_a_write(alice):
    for _ in range(5):
        alice.create(tags=["home"])
    number = rename(alice)
    alice.create()
    query, found = "?limit=2", []
    while query:
        page = alice.request("GET", f"{alice.changes}/{number}{query}")
        found += [entry["number"] for entry in page.data]
        cursor = page.json["pagination"]["next_cursor"]
        query = cursor and f"?limit=2&cursor={cursor}"
        if cursor:
            assert write(alice, f"1?cursor={cursor}").status == 422  # That of another list.
            assert alice.request("GET", f"{alice.trash}?cursor={cursor}").status == 422
    assert found == list(range(number, number + 5))


# Many at once.


def test_many_undos_at_once(alice, new_client, database_url):
    for _ in range(3):
        alice.create(tags=["home"])
    number = rename(alice)
    clients = [new_client(alice.user_id) for _ in range(RACERS)]
    with ThreadPoolExecutor(RACERS) as threads:
        responses = list(threads.map(lambda client: client.undo(number), clients))
    assert sorted(response.status for response in responses) == [200] + [409] * (RACERS - 1)
    assert {response.error["code"] for response in responses if response.status == 409} == {"UNDO_CONFLICT"}
    assert len(assert_whole(database_url, alice.user_id)) == number + 5


def test_many_undos_at_once_with_one_key(alice, new_client, database_url):
    task = alice.create()
    clients = [new_client(alice.user_id) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(lambda client: client.undo(1, headers={"Idempotency-Key": "k"}), clients))
    assert {response.error["code"] for response in responses if response.status == 409} <= {"CONFLICT"}
    done = [response for response in responses if response.status == 200]
    assert {response.body for response in done} == {done[0].body}
    assert done[0].data["results"][0]["task_id"] == task["id"]
    assert len(assert_whole(database_url, alice.user_id)) == 2
