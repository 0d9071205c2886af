"""A 412 names the fields that changed since the version that the client has, or says that they are unknown."""

import pytest

from taskapp.tasks.changes.entries import CHANGING_FIELDS
from tests.support.log_gaps import delete_and_restore, mark, purge, write_unlogged

WRITES = [
    ("PUT", "", {"json": {"title": "mine"}}),
    ("PATCH", "", {"json": {"title": "mine"}}),
    ("PATCH", "/complete", {"json": {"completed": True}}),
    ("PATCH", "/complete", {}),
    ("DELETE", "", {}),
]
DUE = {"due_date": "2026-12-24", "due_time": "17:00", "time_zone": "Europe/Berlin"}


@pytest.fixture
def task(alice):
    """A task in its first version, and its path."""
    alice.create()  # So that numbers and versions of the task differ.
    created = alice.create(title="first", tags=["a"], priority="low", **DUE)
    return f"/{created['id']}", created["version"]


def changed_since(client, path, condition, operation=WRITES[0]):
    method, suffix, options = operation
    condition = f'"{condition}"' if isinstance(condition, int) else condition
    response = client.request(method, f"{client.tasks}{path}{suffix}", headers={"If-Match": condition}, **options)
    assert response.status == 412, response.body
    assert list(response.error["details"]) == ["current", "changed"]
    current = client.get(path)
    assert response.error["details"]["current"] == current.data
    assert response.headers["ETag"] == current.headers["ETag"]
    return response.error["details"]["changed"]


@pytest.mark.parametrize("operation", WRITES)
def test_conflict_names_what_changed_since(alice, task, operation):
    path, version = task
    alice.put(path, json={"title": "theirs"})
    assert changed_since(alice, path, version, operation) == ["title"]
    alice.create()
    alice.put(path, json={"description": "theirs", "priority": None})
    assert changed_since(alice, path, version, operation) == ["title", "description", "priority"]


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ({"completed": True}, ["completed", "completed_at"]),
        ({"due_date": "2026-12-25"}, ["due_date"]),
        ({"due_time": None}, ["due_time"]),
        ({"due_date": None}, ["due_date", "due_time", "time_zone"]),
        ({"add_tags": ["b"], "remove_tags": ["a"]}, ["tags"]),
        ({"add_tags": ["a"]}, []),
        ({"title": "first", "tags": ["a"], "due_time": "17:00"}, []),
        ({"title": "x", "description": "x", "priority": "high"}, ["title", "description", "priority"]),
    ],
)
def test_fields_are_those_of_the_contract_whose_values_differ(alice, task, change, changed):
    path, version = task
    assert alice.put(path, json=change).status == 200
    assert changed_since(alice, path, version) == changed
    assert set(changed) <= set(CHANGING_FIELDS)


def test_field_that_changed_back_has_changed(alice, task):
    path, version = task
    for title in ("second", "first"):
        alice.put(path, json={"title": title})
    assert changed_since(alice, path, version) == ["title"]


def test_renamed_tag_has_changed_its_tasks(alice, task):
    path, version = task
    assert alice.request("PATCH", f"{alice.tags}?name=a", json={"name": "b"}).status == 200
    assert changed_since(alice, path, version) == ["tags"]


def test_versions_of_others_and_of_other_tasks_tell_nothing(alice, bob, task):
    path, version = task
    bob.create()
    alice.put(path, json={"title": "second"})
    other = alice.create()["version"]
    alice.put(path, json={"title": "third"})
    newest = alice.get(path).data["version"]
    # The number before the task, that of another task in between, and one from the future.
    for never in (version - 1, other, newest + 1, 2**53, 9_999_999_999_999_999):
        assert changed_since(alice, path, never) is None
    assert changed_since(alice, path, version + 1) == ["title"]


@pytest.mark.parametrize(
    "form", ['"{0}", "{1}"', '"{0}", "x"', 'W/"{0}"', '"{0}-gzip"', '"x"', '""', '"0{0}"', '"{0}", "{0}"']
)
def test_what_changed_is_unknown_unless_the_condition_is_one_version(alice, task, form):
    path, version = task
    for title in ("second", "third"):
        alice.put(path, json={"title": title})
    assert changed_since(alice, path, version) == ["title"]
    assert changed_since(alice, path, form.format(version, version + 1)) is None


def test_what_changed_is_unknown_if_a_part_of_it_was_purged(alice, database_url, task):
    path, version = task
    for title in ("second", "third", "fourth"):
        alice.put(path, json={"title": title})
    purge(alice, database_url, version + 1)
    assert changed_since(alice, path, version) is None
    assert changed_since(alice, path, version + 1) == ["title"]  # Purged itself, but all that followed is known.


def test_marker_in_place_of_the_newest_change_leaves_nothing_known(alice, database_url, task):
    path, version = task
    alice.put(path, json={"title": "second"})
    mark(alice, database_url)
    assert changed_since(alice, path, version) is None
    alice.put(path, json={"description": "third"})
    assert changed_since(alice, path, version) is None
    assert changed_since(alice, path, version + 1) == ["description"]


def test_write_of_a_release_without_the_log_leaves_nothing_known(alice, database_url, task):
    path, version = task
    alice.put(path, json={"title": "second"})
    write_unlogged(alice, database_url, path)
    assert changed_since(alice, path, version) is None
    alice.put(path, json={"description": "third"})
    assert changed_since(alice, path, version) is None
    assert changed_since(alice, path, version + 2) == ["description"]


def test_what_changed_is_unknown_if_the_task_was_deleted_and_restored(alice, database_url, task):
    path, version = task
    delete_and_restore(alice, database_url, path)
    assert changed_since(alice, path, version) is None
