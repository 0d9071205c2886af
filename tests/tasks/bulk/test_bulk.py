"""A list of operations: each does what the single write does, all of them in one write."""

import random
import uuid
from datetime import datetime

import pytest

from taskapp.tasks.bulk.found import FIXED_FIELDS
from taskapp.tasks.representation import is_time
from tests.support.bulk_user import BulkUser, as_json, fields_of
from tests.support.change_log import assert_whole
from tests.support.postgres import run_sql
from tests.tasks.changes.test_log import CHANGES
from tests.tasks.undo.test_undo import WHOLE


@pytest.fixture(autouse=True)
def whole_log(bulk_user, database_url):
    """After each test, the log is whole, and makes the tasks that there are."""
    yield
    assert_whole(database_url, bulk_user.user_id)


@pytest.fixture
def alice(bulk_user):
    return bulk_user


def test_results_and_numbers_are_in_the_order_of_the_request(alice):
    tasks = [alice.create(title=f"{number}") for number in range(9)]
    operations = [{"op": "create", "title": f"new {number}"} for number in range(3)]
    for number, task in enumerate(tasks):
        rest = [{"op": "update", "title": "u"}, {"op": "complete", "completed": True}, {"op": "delete"}][number % 3]
        operations.append({"id": task["id"], **rest})
    random.Random(1).shuffle(operations)
    written = alice.bulk(*operations)
    assert (written.change, len(written.tasks)) == (10, 12)
    for operation, (task_id, task) in zip(operations, written.tasks, strict=True):
        assert operation.get("id", task_id) == task_id
        assert (task is None) == (operation["op"] == "delete")
        assert task is None or {**task, **operation, "op": 0} == {**task, "op": 0}
    new = [task_id for operation, (task_id, _) in zip(operations, written.tasks, strict=True) if "id" not in operation]
    assert new == sorted(new)
    assert len(alice.tasks()) == 9
    assert alice.create()["version"] == 22


@pytest.mark.parametrize("fields", [WHOLE, {}], ids=["whole", "title only"])
def test_update_and_create_are_as_single_ones(alice, database_url, fields):
    bob = BulkUser(database_url)
    own = ("id", "uid", "user_id", "created_at", "completed_at")
    names = [name for name in CHANGES if name not in ("time", "reopened")] + ["reopened", "time"]
    single = [bob.put(bob.create(**fields), **CHANGES[name]) for name in names]
    created = alice.bulk(*({"op": "create", "title": "t", **fields} for _ in names))
    tasks = [task for _, task in created.tasks]
    for task in tasks:
        assert task["created_at"] == task["updated_at"]
        assert task["completed_at"] == (task["created_at"] if fields else None)
    written = alice.bulk(*({"op": "update", "id": t["id"], **CHANGES[n]} for t, n in zip(tasks, names, strict=True)))
    for name, one, before, (_, after) in zip(names, single, tasks, written.tasks, strict=True):
        assert fields_of(after, *own) == fields_of(one, *own), name
        assert (after["completed_at"] is None) == (one["completed_at"] is None), name
        if before["completed"] and after["completed"]:
            assert after["completed_at"] == before["completed_at"]
        assert {name: after[name] for name in own[:-1]} == {name: before[name] for name in own[:-1]}


def test_complete_keeps_or_sets_or_clears_its_time(alice):
    pending, done = alice.create(), alice.create(completed=True)
    for value, expected in ((True, [..., done["completed_at"]]), (False, [None, None]), (False, [None, None])):
        written = alice.bulk(*({"op": "complete", "id": task["id"], "completed": value} for task in (pending, done)))
        for (_, task), time in zip(written.tasks, expected, strict=True):
            assert task["completed"] is value
            assert task["completed_at"] == (task["updated_at"] if time is ... else time)


def test_task_of_a_release_without_the_log_keeps_its_count(bulk_user, database_url):
    """Its version may be ahead of the log."""
    alice, bob = bulk_user, BulkUser(database_url)
    statement = "INSERT INTO tasks (user_id, title, version) VALUES (%s, 'old', 7) RETURNING id"
    ((task_id,),) = run_sql(database_url, statement, [bob.user_id])
    assert bob.bulk({"op": "create", "title": "x"}, {"op": "update", "id": task_id, "title": "y"}).change == 8
    assert (bob.create()["version"], alice.create()["version"]) == (10, 1)


def test_uid_of_a_new_task(alice):
    uid = str(uuid.uuid4())
    (_, named), (_, other) = alice.bulk(
        {"op": "create", "title": "a", "uid": uid}, {"op": "create", "title": "b"}
    ).tasks
    assert named["uid"] == uid != other["uid"]
    assert uuid.UUID(other["uid"]).version == 4
    # A deleted task does not keep it.
    alice.delete(named)
    assert alice.bulk({"op": "create", "title": "c", "uid": uid}).tasks[0][1]["uid"] == uid
    # That of another user does not count.
    bob = BulkUser(alice.url)
    assert bob.bulk({"op": "create", "title": "c", "uid": uid}).tasks[0][1]["uid"] == uid


def test_clearing_the_day_clears_the_time_with_it(alice):
    due = {name: WHOLE[name] for name in ("due_date", "due_time", "time_zone")}
    tasks = [alice.create(**due) for _ in range(3)]
    changes = ({"due_date": None}, {"due_time": None, "time_zone": None}, {"due_time": None})
    written = alice.bulk(*({"op": "update", "id": t["id"], **c} for t, c in zip(tasks, changes, strict=True)))
    kept = [[task[name] for name in (*due, "due_at")] for _, task in written.tasks]
    assert kept == [[None] * 4, [due["due_date"], None, None, None], [due["due_date"], None, due["time_zone"], None]]
    assert [task["id"] for task in alice.tasks(due="none", status="all")] == [tasks[0]["id"]]


def test_tags_are_a_sorted_set(alice):
    tasks = [alice.create(tags=["b", "c"]) for _ in range(4)]
    changes = (
        {"add_tags": ["é", "a", "b"]},
        {"remove_tags": ["b", "x"]},
        {"add_tags": ["a"], "remove_tags": ["c"]},
        {"tags": None},
    )
    written = alice.bulk(*({"op": "update", "id": t["id"], **c} for t, c in zip(tasks, changes, strict=True)))
    assert [task["tags"] for _, task in written.tasks] == [["a", "b", "c", "é"], ["c"], ["a", "b"], []]


# Read-only fields and versions.


def whole_task(task, **changes):
    """An update that sends a whole task back, as its schema reads it: times are naive."""
    times = {
        name: datetime.fromisoformat(value).replace(tzinfo=None)
        for name, value in task.items()
        if is_time(name) and value
    }
    rest = {name: value for name, value in task.items() if name != "user_id"}
    return {"op": "update", **rest, **times, **changes}


def test_whole_tasks_can_be_sent_back(alice):
    tasks = [alice.create(**WHOLE), alice.create(), alice.create(due_date="2026-12-24", time_zone="UTC")]
    written = alice.bulk(*(whole_task(task, title="new") for task in tasks))
    assert [fields_of(task) for _, task in written.tasks] == [fields_of({**task, "title": "new"}) for task in tasks]


def test_times_may_have_milliseconds(alice):
    task = alice.create(**WHOLE)
    for _ in range(3):
        sent = whole_task(task)
        for name in ("created_at", "updated_at", "completed_at"):
            sent[name] = sent[name].replace(microsecond=sent[name].microsecond // 1000 * 1000)
        ((_, task),) = alice.bulk(sent).tasks
    late = sent["created_at"].replace(microsecond=(sent["created_at"].microsecond + 1000) % 1_000_000)
    ((_, reason, details, _),) = alice.failures(lambda: alice.bulk({**whole_task(task), "created_at": late}))
    assert (reason, list(details)) == ("invalid", ["created_at"])


@pytest.mark.parametrize("name", FIXED_FIELDS)
def test_read_only_field_with_another_value_is_named(alice, name):
    tasks = [alice.create(**WHOLE), alice.create(**WHOLE), alice.create()]
    time = whole_task(tasks[0])[name if name != "reminded_at" else "updated_at"]
    value = str(uuid.uuid4()) if name == "uid" else time.replace(year=2000, microsecond=1)
    bad = [whole_task(tasks[0], **{name: value}), whole_task(tasks[1]), whole_task(tasks[2], **{name: value})]
    failed = alice.failures(lambda: alice.bulk(*bad))
    assert [(position, reason, list(details)) for position, reason, details, _ in failed] == [
        (0, "invalid", [name]),
        (2, "invalid", [name]),
    ]
    assert [current for *_, current in failed] == [tasks[0], tasks[2]]
    if name in ("completed_at", "due_at"):
        ((_, reason, details, _),) = alice.failures(lambda: alice.bulk(whole_task(tasks[0], **{name: None})))
        assert (reason, list(details)) == ("invalid", [name])


@pytest.mark.parametrize(
    "op", [{"op": "update", "title": "x"}, {"op": "complete", "completed": True}, {"op": "delete"}]
)
def test_version_that_the_task_must_have(alice, op):
    tasks = [alice.create(), alice.create()]
    stale = [{"id": task["id"], "version": task["version"] + number, **op} for number, task in enumerate(tasks)]
    assert alice.failures(lambda: alice.bulk(*stale)) == [(1, "changed", {}, tasks[1])]
    right = [{"id": task["id"], "version": task["version"], **op} for task in tasks]
    assert alice.bulk(*right).change == 3
    assert len(alice.tasks()) == (0 if op["op"] == "delete" else 2)


def test_dry_run_shows_the_result_and_leaves_no_trace(alice):
    tasks = [alice.create(**WHOLE), alice.create(), alice.create()]
    uid = str(uuid.uuid4())
    operations = [
        {"op": "create", "title": "new", "completed": True},
        {"op": "delete", "id": tasks[0]["id"]},
        {"op": "complete", "id": tasks[1]["id"], "completed": True},
        {"op": "create", "title": "named", "uid": uid},
        {"op": "update", "id": tasks[2]["id"], "version": 3, "due_date": "2026-12-24"},
    ]
    before = alice.traces()
    shown = alice.bulk(*operations, dry_run=True)
    assert alice.traces() == before
    assert (shown.change, shown.replayed) == (None, False)
    news = [task for task_id, task in shown.tasks if task_id is None]
    assert [[task[name] for name in ("id", "uid", "version")] for task in news] == [[None] * 3, [None, uid, None]]
    for number in (2, 4):
        old = tasks[number // 2]
        task = shown.tasks[number][1]
        assert (task["id"], task["version"], task["updated_at"]) == (old["id"], old["version"], old["updated_at"])
    written = alice.bulk(*operations)
    changing = ("id", "uid", "created_at", "completed_at")
    for (_, one), (_, other) in zip(shown.tasks, written.tasks, strict=True):
        assert (one is None) == (other is None)
        assert one is None or fields_of(one, *changing) == fields_of(other, *changing)
    assert as_json(alice.tasks()[-1])["id"] == tasks[-1]["id"] + 2  # No id was used.
