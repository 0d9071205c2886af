"""A task that was read can be put back whole: read-only fields with the values of the task pass, others are named."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.support.retries import assert_replayed

METHODS = pytest.mark.parametrize("method", ["PUT", "PATCH"])
READ_ONLY = ["id", "uid", "completed_at", "due_at", "created_at", "updated_at", "version"]
NULLABLE = {"completed_at", "due_at"}
OMIT_OR_REPEAT = "Read-only. Omit it, or send its current value."
CHANGED = "Read-only, and the task has another value now. Omit it, or read the task again."


def update(client, method, task, fields, **headers):
    return client.request(method, f"{client.tasks}/{task['id']}", json=fields, headers=headers)


@METHODS
def test_whole_task_is_put_back(alice, method):
    task = alice.create(description="kept")
    for listed in (False, True):
        read = alice.get().data[0] if listed else alice.get(f"/{task['id']}").data
        response = update(alice, method, task, {**read, "title": f"changed {listed}"})
        assert response.status == 200
        changed = {"title": f"changed {listed}", "updated_at": response.data["updated_at"]}
        assert response.data == {**read, **changed, "version": read["version"] + 1}
    # And again with what the write returned.
    assert update(alice, method, task, response.data).status == 200


@METHODS
@pytest.mark.parametrize("name", READ_ONLY)
def test_each_read_only_field_may_be_repeated(alice, method, name):
    task = alice.create()
    assert update(alice, method, task, {"title": "x", name: task[name]}).status == 200


@METHODS
def test_task_that_has_changed_is_not_overwritten(alice, method):
    read = alice.create()
    changed = update(alice, "PUT", read, {"title": "by another"}).data
    response = update(alice, method, read, {**read, "completed": True})
    assert (response.status, response.error["code"]) == (422, "VALIDATION_ERROR")
    assert response.error["details"] == {"updated_at": [CHANGED], "version": [CHANGED]}
    assert alice.get(f"/{read['id']}").data == changed


@METHODS
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("id", 2**63 - 1), ("version", 2), ("version", 2**31), ("version", 2**63 - 1)),
        *(("created_at", "2026-01-01T00:00:00.000000Z"), ("updated_at", "0001-01-01T00:00:00.000001Z")),
        *(("updated_at", "9999-12-31T23:59:59.999999Z"), ("created_at", "9999-12-31T23:59:59Z")),
        *(("completed_at", "2026-01-01T00:00:00Z"), ("due_at", "2026-01-01T00:00:00.000001Z")),
        ("uid", "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_other_value_is_read_only(alice, task, method, name, value):
    response = update(alice, method, task, {**task, name: value})
    assert (response.status, response.error["details"]) == (422, {name: [CHANGED]})


OF_NO_TASK = [
    *("", "x", True, 1.0, 0, -1, 2**63, 10**300, [], {}, "1", "2026-01-01", "2026-01-01T00:00:00", "\ud800"),
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "10000-01-01T00:00:00Z", "x" * 10_000),
]


@METHODS
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", READ_ONLY)
@pytest.mark.parametrize("value", OF_NO_TASK, ids=range(len(OF_NO_TASK)))
def test_value_that_no_task_can_have_is_read_only(alice, task, method, name, value):
    response = update(alice, method, task, {"title": "x", name: value})
    assert (response.status, response.error["details"]) == (422, {name: [OMIT_OR_REPEAT]})


@METHODS
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", [name for name in READ_ONLY if name not in NULLABLE])
def test_null_is_no_value_of_other_read_only_fields(alice, task, method, name):
    response = update(alice, method, task, {"title": "x", name: None})
    assert (response.status, response.error["details"]) == (422, {name: [OMIT_OR_REPEAT]})


@METHODS
def test_equal_times_may_be_written_in_other_ways(alice, method):
    """JavaScript's Date has milliseconds, .NET and Java write an offset, and others write it in local time."""
    task = alice.create()
    time = datetime.fromisoformat(task["created_at"])
    milliseconds = time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    berlin = time.astimezone(timezone(timedelta(hours=1))).isoformat(timespec="microseconds")
    for text in (milliseconds, berlin, task["created_at"].replace("Z", "+00:00"), task["created_at"][:-1] + "0Z"):
        assert update(alice, method, task, {"title": "x", "created_at": text}).status == 200, text
    for other in (time + timedelta(microseconds=1), time - timedelta(microseconds=1)):
        response = update(alice, method, task, {"title": "x", "created_at": other.isoformat(timespec="microseconds")})
        assert response.status == (200 if other.microsecond % 1000 == 0 and other < time else 422)


@METHODS
@pytest.mark.usefixtures("unchanged")
def test_read_only_fields_alone_change_nothing(alice, task, method):
    response = update(alice, method, task, {name: task[name] for name in READ_ONLY})
    assert list(response.error["details"]) == ["body"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", READ_ONLY)
def test_new_task_has_no_read_only_fields(alice, task, name):
    for value in (task[name], None):
        for path, method in (("", "POST"), (f"/{task['id']}/complete", "PATCH")):
            if name == "uid" and not path:
                continue  # A new task may have it.
            fields = {"completed": True, name: value} | ({} if path else {"title": "x"})
            response = alice.request(method, alice.tasks + path, json=fields)
            assert (response.status, response.error["details"]) == (422, {name: ["Read-only. Omit it."]})


@METHODS
def test_other_users_task_is_not_found_whatever_is_sent(alice, bob, method):
    task = alice.create()
    for name in READ_ONLY:
        response = update(bob, method, task, {"title": "x", name: task[name]})
        assert (response.status, response.error["code"]) == (404, "TASK_NOT_FOUND")
    assert update(bob, method, task, {"title": "x", "version": 9}, **{"If-Match": '"1"'}).status == 404
    assert alice.get().data == [task]


@METHODS
def test_condition_comes_before_read_only_fields(alice, method):
    read = alice.create()
    update(alice, "PUT", read, {"title": "by another"})
    stale = update(alice, method, read, {**read, "title": "x"}, **{"If-Match": '"1"'})
    assert (stale.status, stale.error["details"]["current"]["version"]) == (412, 2)
    other = update(alice, method, read, {**read, "title": "x"}, **{"If-Match": '"2"'})
    assert other.error["details"].keys() == {"updated_at", "version"}
    current = alice.get(f"/{read['id']}").data
    assert update(alice, method, read, current, **{"If-Match": '"2"'}).status == 200


@METHODS
def test_whole_task_is_put_back_once_with_a_key(alice, method):
    read = alice.create()
    key = {"Idempotency-Key": "key"}
    wrong = update(alice, method, read, {**read, "version": 7}, **key)
    assert (wrong.status, wrong.error["details"]) == (422, {"version": [CHANGED]})
    first = update(alice, method, read, {**read, "title": "once"}, **key)
    assert first.status == 200
    assert_replayed(first, update(alice, method, read, {**read, "title": "once"}, **key))
    assert alice.get().data == [first.data]
