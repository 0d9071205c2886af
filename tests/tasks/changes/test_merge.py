"""With ``Prefer: merge=disjoint``, an update of an earlier version takes effect if its fields did not change since."""

import pytest

from tests.support.merging import DUE, FULL, assert_conflict, assert_merged, merge


@pytest.fixture
def base(alice):
    """A task in its first version. Numbers and versions of the task differ."""
    alice.create()
    return alice.create(**FULL)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}])
def test_disjoint_updates_are_merged(alice, base, method, key):
    path = f"/{base['id']}"
    alice.put(path, json={"description": "theirs"})
    alice.put(path, json={"priority": "high", "title": "first"})
    merged = merge(alice, base, {"title": "mine"}, method=method, **key)
    assert_merged(merged, title="mine", description="theirs", priority="high")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}])
def test_updates_of_one_field_are_not_merged(alice, base, method, key):
    alice.put(f"/{base['id']}", json={"title": "theirs", "priority": "high"})
    for body in ({"title": "mine"}, {"title": "mine", "description": "mine"}, {"title": "theirs"}):
        assert_conflict(merge(alice, base, body, method=method, **key), ["title", "priority"])


EDITS = {
    "title": {"title": "x"},
    "description": {"description": "x"},
    "priority": {"priority": "high"},
    "tags": {"tags": ["x"]},
    "add_tags": {"add_tags": ["y"]},
    "remove_tags": {"remove_tags": ["a"]},
    "completed": {"completed": True},
    "day": {"due_date": "2027-01-01"},
    "time": {"due_time": "18:00"},
    "zone": {"time_zone": "Asia/Tokyo"},
    "all day": {"due_time": None},
    "no day": {"due_date": None},
}
KINDS = [{"tags", "add_tags", "remove_tags"}, {"day", "time", "zone", "all day", "no day"}]


@pytest.mark.slow
@pytest.mark.parametrize("theirs", EDITS)
def test_each_pair_of_edits_is_whole_or_refused(alice, theirs):
    """Tags are one field however they are changed, and so are the three that make an instant."""
    for mine, edit in EDITS.items():
        task = alice.create(**FULL)
        after_theirs = alice.put(f"/{task['id']}", json=EDITS[theirs]).data
        merged = merge(alice, task, edit)
        if mine == theirs or any({mine, theirs} <= kind for kind in KINDS):
            assert merged.status == 412, (mine, theirs)
            assert merged.error["details"]["changed"], (mine, theirs)
        else:
            alone = alice.put(f"/{alice.create(**FULL)['id']}", json=edit).data
            expected = {**after_theirs, **{name: alone[name] for name in alone if alone[name] != task[name]}}
            same = ("id", "uid", "version", "created_at", "updated_at", "completed_at")
            assert merged.status == 200, (mine, theirs)
            assert {**expected, **dict.fromkeys(same)} == {**merged.data, **dict.fromkeys(same)}
            assert (merged.data["completed_at"] is None) is not merged.data["completed"]


@pytest.mark.parametrize(("theirs", "mine"), [("day", "zone"), ("time", "day"), ("no day", "all day")])
def test_dates_are_one_field(alice, base, theirs, mine):
    alice.put(f"/{base['id']}", json=EDITS[theirs])
    assert merge(alice, base, EDITS[mine]).status == 412


@pytest.mark.parametrize("edit", ["tags", "add_tags", "remove_tags"])
def test_tags_are_one_field(alice, base, edit):
    alice.put(f"/{base['id']}", json={"add_tags": ["theirs"]})
    assert_conflict(merge(alice, base, EDITS[edit]), ["tags"])


@pytest.mark.parametrize("body", [{"completed": True}, ...])
def test_completion_is_merged(alice, base, body):
    alice.put(f"/{base['id']}", json={"title": "theirs"})
    merged = merge(alice, base, body, method="PATCH", suffix="/complete")
    assert_merged(merged, title="theirs", completed=True)
    assert merged.data["completed_at"] == merged.data["updated_at"]
    conflict = merge(alice, base, body, method="PATCH", suffix="/complete")
    assert_conflict(conflict, ["title", "completed", "completed_at"])


def test_toggle_is_not_merged_even_if_others_toggled_twice(alice, base):
    for completed in (True, False):
        alice.patch(f"/{base['id']}/complete", json={"completed": completed})
    assert_conflict(merge(alice, base, method="PATCH", suffix="/complete"), ["completed", "completed_at"])


def test_field_that_changed_back_is_not_merged(alice, base):
    for title in ("second", "first"):
        alice.put(f"/{base['id']}", json={"title": title})
    assert_conflict(merge(alice, base, {"title": "mine"}), ["title"])


def test_update_without_an_effect_does_not_conflict(alice, base):
    """Others sent the values that the fields had."""
    sent = {name: base[name] for name in ("title", "tags", *DUE)}
    assert alice.put(f"/{base['id']}", json=sent).status == 200
    assert_merged(merge(alice, base, {"title": "mine", "tags": ["b"], "due_time": "09:00"}), title="mine", tags=["b"])


def test_whole_task_is_merged_with_its_changes_only(alice, base):
    """A client that sends back all that it read has changed the fields that differ from what it read."""
    path = f"/{base['id']}"
    theirs = {"description": "theirs", "tags": ["b"], "completed": True, "due_time": "18:00"}
    after_theirs = alice.put(path, json=theirs).data
    merged = merge(alice, base, {**base, "title": "mine", "priority": None})
    changed = {name: merged.data[name] for name in ("version", "updated_at")}
    assert merged.status == 200
    assert merged.data == {**after_theirs, "title": "mine", "priority": None, **changed}
    for edit in ({"tags": ["c"]}, {"completed": True}, {"due_date": "2027-01-01"}):
        task = alice.create(**FULL)
        alice.put(f"/{task['id']}", json=theirs)
        changed = ["description", "completed", "completed_at", "tags", "due_time"]
        assert_conflict(merge(alice, task, {**task, **edit}), changed)


def test_whole_task_of_many_changes_ago_is_merged(alice, base):
    """Its values are compared with those before the first of the changes."""
    for number, title in enumerate(("second", "third", "fourth")):
        alice.put(f"/{base['id']}", json={"title": title, "completed": not number % 2})
    assert_conflict(merge(alice, base, {**base, "title": "third"}), ["title", "completed", "completed_at"])
    assert_merged(merge(alice, base, {**base, "description": "mine"}), title="fourth", completed=True)


def test_whole_task_whose_dates_others_moved_keeps_their_dates(alice):
    for theirs in (
        {"due_date": None},
        {**DUE, "due_date": "2028-02-29"},
        {"time_zone": "Asia/Tokyo", "due_time": None},
    ):
        task = alice.create(**FULL)
        after = alice.put(f"/{task['id']}", json=theirs).data
        merged = merge(alice, task, {**task, "title": "mine"})
        assert_merged(merged, title="mine", **{name: after[name] for name in (*DUE, "due_at")})
    assert [each["title"] for each in alice.get("?sort=due&q=mine").data] == ["mine"] * 3


def test_read_only_fields_are_those_of_the_version_of_the_client(alice, base):
    current = alice.put(f"/{base['id']}", json={"completed": True, "due_time": "18:00"}).data
    others = {
        **{name: current[name] for name in ("version", "updated_at", "completed_at", "due_at")},
        "id": base["id"] + 1,
        "uid": "5f0c9a35-6a5e-4f0e-8d4b-0e5f5f1b7a52",
        "created_at": "2026-01-01T00:00:00Z",
    }
    for name, other in others.items():
        assert other != base[name]
        assert merge(alice, base, {"description": "x", name: other}).status == 412
        # Without microseconds, as JavaScript sends times.
        sent = f"{base[name][:-4]}Z" if name.endswith("_at") and base[name] else base[name]
        assert_merged(merge(alice, base, {"title": "x", name: sent}))
        base = alice.create(**FULL)
        alice.put(f"/{base['id']}", json={"completed": True, "due_time": "18:00"})


def test_read_only_field_that_the_client_changed_is_named_on_the_current_version(alice, base):
    response = merge(alice, base, {**base, "due_at": "2027-01-01T00:00:00Z"})
    assert (response.status, list(response.error["details"])) == (422, ["due_at"])
