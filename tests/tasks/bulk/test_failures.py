"""One operation that is impossible fails all: each one that is, is named, and nothing is written."""

import contextlib
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskapp.db.idempotency import RequestKey
from taskapp.tasks.errors import InvalidChange, NotApplied, UnknownTimeZone
from taskapp.tasks.rules import NEEDS, ZONE_UNKNOWN, names_zone
from taskapp.tasks.service import list_tasks
from tests.support.bulk_user import BulkUser
from tests.support.change_log import assert_whole
from tests.support.in_process import LocalUser
from tests.support.postgres import connect, run_sql
from tests.support.waiting import wait_until
from tests.tasks.undo.test_undo import WHOLE

MARS = "Mars/Phobos"


@pytest.fixture
def alice(bulk_user, database_url):
    yield bulk_user
    assert_whole(database_url, bulk_user.user_id)


@pytest.fixture
def local(app, secret, alice):
    """The same user over HTTP."""
    return LocalUser(app, secret, alice.user_id)


def test_each_failure_is_named_in_order(alice, local):
    changed, dated, kept = alice.create(), alice.create(), alice.create(title="kept", uid=str(uuid.uuid4()))
    gone = alice.create()
    alice.delete(gone)
    operations = [
        {"op": "create", "title": "same uid", "uid": kept["uid"]},
        {"op": "update", "id": changed["id"], "version": 99, "title": "x"},
        {"op": "create", "title": "would be fine"},
        {"op": "delete", "id": gone["id"]},
        {"op": "update", "id": dated["id"], "due_time": "10:00"},
        {"op": "complete", "id": 2**62, "completed": True},
        {"op": "delete", "id": kept["id"]},
    ]
    expected = [
        (0, "taken", {}, kept),
        (1, "changed", {}, changed),
        (3, "missing", {}, None),
        (4, "invalid", {"due_time": NEEDS["due_time"]}, dated),
        (5, "missing", {}, None),
    ]
    for options in ({}, {"dry_run": True}, {"key": RequestKey("k", b"x" * 32)}):
        assert alice.failures(lambda o=options: alice.bulk(*operations, **o)) == expected
    response = local.send("POST", "/bulk", json={"operations": operations})
    assert (response.status_code, "Change" in response.headers) == (409, False)
    error = response.json["error"]
    assert (error["code"], error["message"]) == (
        "NOT_APPLIED",
        "5 of 7 operations cannot be applied. Nothing was changed.",
    )
    assert error["details"] == {
        "failed": [
            {"index": 0, "id": None, "code": "CONFLICT", "current": kept},
            {"index": 1, "id": changed["id"], "code": "PRECONDITION_FAILED", "current": changed},
            {"index": 3, "id": gone["id"], "code": "TASK_NOT_FOUND", "current": None},
            {
                "index": 4,
                "id": dated["id"],
                "code": "VALIDATION_ERROR",
                "details": {"due_time": [NEEDS["due_time"]]},
                "current": dated,
            },
            {"index": 5, "id": 2**62, "code": "TASK_NOT_FOUND", "current": None},
        ]
    }


DUE = {name: WHOLE[name] for name in ("due_date", "due_time", "time_zone")}
BROKEN = {
    "time without a day": ({}, {"due_time": "10:00"}, "due_time"),
    "time without a zone": ({"due_date": "2026-12-24"}, {"due_time": "10:00"}, "due_time"),
    "zone without a day": ({}, {"time_zone": "UTC"}, "time_zone"),
    "zone away from a time": (DUE, {"time_zone": None}, "time_zone"),
    "too many tags": ({"tags": [f"{n:02}" for n in range(20)]}, {"add_tags": ["x"]}, "add_tags"),
    "too many new tags": ({"tags": ["a"]}, {"add_tags": [f"{n:02}" for n in range(20)]}, "add_tags"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_rule_that_depends_on_the_task(alice, case):
    """The same sentence as after the single write."""
    fields, changes, name = BROKEN[case]
    task, other = alice.create(**fields), alice.create()
    with pytest.raises(InvalidChange) as single:
        alice.put(task, **changes)
    operations = [{"op": "update", "id": task["id"], **changes}, {"op": "delete", "id": other["id"]}]
    expected = [(0, "invalid", single.value.details, task)]
    assert list(single.value.details) == [name]
    assert alice.failures(lambda: alice.bulk(*operations)) == expected
    assert alice.failures(lambda: alice.bulk(*operations, dry_run=True)) == expected


def test_what_else_is_wrong_with_a_task_is_not_said(alice):
    """There are details for VALIDATION_ERROR only."""
    task = alice.create()
    bad = {"op": "update", "due_time": "10:00", "uid": str(uuid.uuid4())}
    failed = alice.failures(
        lambda: alice.bulk({**bad, "id": task["id"], "version": 9}, {**bad, "id": 2**62}, {**bad, "id": task["id"] + 1})
    )
    assert failed == [(0, "changed", {}, task), (1, "missing", {}, None), (2, "missing", {}, None)]
    uid_taken = {"op": "create", "title": "x", "uid": task["uid"], "time_zone": "UTC"}
    assert alice.failures(lambda: alice.bulk(uid_taken)) == [(0, "taken", {}, task)]


def test_several_rules_of_one_task(alice):
    task = alice.create(tags=[f"{n:02}" for n in range(20)])
    operation = {"op": "update", "id": task["id"], "due_time": "10:00", "add_tags": ["x"], "uid": str(uuid.uuid4())}
    ((_, reason, details, _),) = alice.failures(lambda: alice.bulk(operation))
    assert (reason, list(details)) == ("invalid", ["due_time", "add_tags", "uid"])


def test_uid_of_a_task_that_the_same_request_deletes_is_taken(alice):
    """Operations are judged by the tasks as they are. Otherwise their order would count."""
    task = alice.create()
    new = {"op": "create", "title": "x", "uid": task["uid"]}
    for operations in ([{"op": "delete", "id": task["id"]}, new], [new, {"op": "delete", "id": task["id"]}]):
        ((position, *rest),) = alice.failures(lambda o=operations: alice.bulk(*o))
        assert (position, rest) == (operations.index(new), ["taken", {}, task])


def test_task_of_another_user_is_not_there(alice):
    bob = BulkUser(alice.url)
    theirs, before = [bob.create(), bob.create(), bob.create()], bob.traces()
    operations = [
        {"op": "update", "id": theirs[0]["id"], "title": "x"},
        {"op": "complete", "id": theirs[1]["id"], "completed": True, "version": theirs[1]["version"]},
        {"op": "delete", "id": theirs[2]["id"]},
    ]
    assert alice.failures(lambda: alice.bulk(*operations)) == [(n, "missing", {}, None) for n in range(3)]
    assert bob.traces() == before


# Time zones that tzdata has, and PostgreSQL does not.


def test_time_zone_that_the_database_does_not_know(alice):
    task, before = alice.create(due_date="2020-02-29"), alice.traces()
    due = {"due_date": "2026-12-24", "time_zone": MARS}
    operations = [
        {"op": "create", "title": "x", "due_date": "2026-12-24", "time_zone": "UTC"},
        {"op": "create", "title": "x", **due},
        {"op": "update", "id": task["id"], **due},
    ]
    for options in ({}, {"dry_run": True}, {"key": RequestKey("k", b"x" * 32)}):
        with pytest.raises(InvalidChange) as caught:
            alice.bulk(*operations, **options)
        assert caught.value.details == {f"operations.{n}.time_zone": ZONE_UNKNOWN for n in (1, 2)}
        with pytest.raises(InvalidChange) as caught:
            alice.bulk_by({}, {"op": "update", **due}, **options)
        assert caught.value.details == {"time_zone": ZONE_UNKNOWN}
        with pytest.raises(InvalidChange) as caught:
            alice.bulk_by({"overdue": True, "time_zone": MARS}, {"op": "delete"}, **options)
        assert caught.value.details == {"filter.time_zone": ZONE_UNKNOWN}
    assert alice.traces() == before
    with pytest.raises(UnknownTimeZone):
        list_tasks(alice.user_id, status="all", sort="id", limit=9, overdue=True, time_zone=MARS)


@pytest.mark.parametrize("marks", ['"{}"', "»{}«", "« {} »", "「{}」"])
def test_time_zone_is_found_in_the_message_in_any_language(marks):
    message = f"xx {marks.format('Etc/GMT+1')} yy"
    zones = ("Etc/GMT", "GMT", "GMT+1", "Etc/GMT+1", "Etc/GMT+12")
    assert [zone for zone in zones if names_zone(message, zone)] == ["Etc/GMT+1"]


def test_uid_that_a_release_without_turns_takes_meanwhile(app, alice):
    """The insert waits for it. PostgreSQL then refuses the row, and the statement finds the task."""
    uid = str(uuid.uuid4())
    operations = [{"op": "create", "title": "a"}, {"op": "create", "title": "b", "uid": uid}]

    def apply():
        with app.app_context():
            return alice.bulk(*operations, key=RequestKey("k", b"x"))

    with contextlib.closing(connect(alice.url)) as other, other.cursor() as cursor, ThreadPoolExecutor(1) as thread:
        other.autocommit = False
        cursor.execute("INSERT INTO tasks (user_id, title, uid) VALUES (%s, 'old', %s)", [alice.user_id, uid])
        written = thread.submit(apply)
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s"
        wait_until(lambda: run_sql(alice.url, waiting, [f"%{alice.user_id}%"]), "the insert does not wait")
        other.commit()
        with pytest.raises(NotApplied) as caught:
            written.result()
        cursor.execute("DELETE FROM tasks WHERE uid = %s", [uid])
        other.commit()
    (failure,) = caught.value.failures
    assert (failure.position, failure.reason, failure.current["title"]) == (1, "taken", "old")
    assert apply().change == 1
