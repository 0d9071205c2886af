"""One operation on all tasks that match a filter: those that the list with this filter has."""

from datetime import UTC, datetime, timedelta

import pytest

from taskapp.db.idempotency import RequestKey
from taskapp.tasks.errors import TooManyAffected
from taskapp.tasks.filters import FILTERS, STATUSES, filters_in_use
from taskapp.tasks.rules import NEEDS
from tests.support.bulk_user import BulkUser, fields_of
from tests.support.change_log import assert_whole
from tests.support.list_model import fill
from tests.support.postgres import run_sql

TIMES = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3, 4)]
TODAY = datetime.now(UTC).date()
# A value for each filter, by its name in FILTERS. Each matches some of the tasks, and not all.
VALUES = {
    "q": "Milk",
    "due_from": "2026-06-01",
    "due_before": "2026-06-01",
    "due=any": "any",
    "due=none": "none",
    "overdue": True,
    "priority": ["high", None],
    "tags_all": ["a", "b"],
    "tags_any": ["b", "c"],
    "tags_none": ["a"],
    "tagged": True,
    **{f"created_{end}": TIMES[1] for end in ("from", "before")},
    **{f"{name}_{end}": TIMES[2] for name in ("updated", "completed") for end in ("from", "before")},
}
ZONE = {"time_zone": "Asia/Tokyo"}


def some_tasks():
    """Tasks of every kind; all of their values differ."""
    days = [None, "2025-01-01", "2026-06-01", str(TODAY), "2999-12-31"]
    for number in range(20):
        done, day = number % 2 == 1, days[number % 5]
        yield {
            "title": ["Buy milk", "tea", "MILK", "x"][number % 4],
            "description": [None, "milk", ""][number % 3],
            "completed": done,
            "completed_at": str(TIMES[number % 4]) if done else None,
            "priority": number % 5,
            "tags": ["", "a", "a,b", "c"][number * 7 % 4],
            "due_date": day,
            "due_time": "10:00" if day and number % 3 == 0 else None,
            "time_zone": "Europe/Berlin" if day and number % 3 == 0 else None,
            "created_at": str(TIMES[number % 3]),
            "updated_at": str(TIMES[number % 3 + 1]),
        }


@pytest.fixture(scope="module")
def stored(app, database_url):
    """A user whom no test changes."""
    with app.app_context():
        user = BulkUser(database_url)
        fill(database_url, user.user_id, list(some_tasks()))
        other = BulkUser(database_url)
        fill(database_url, other.user_id, list(some_tasks()))
        yield user


@pytest.fixture
def alice(bulk_user, database_url):
    """A user whose log is whole after the test."""
    yield bulk_user
    assert_whole(database_url, bulk_user.user_id)


def matched(user, values, op=None, **options):
    return [task_id for task_id, _ in user.bulk_by(values, op or {"op": "delete"}, dry_run=True, **options).tasks]


def test_there_is_a_value_for_each_filter():
    assert VALUES.keys() == FILTERS.keys()


@pytest.mark.parametrize("name", FILTERS)
def test_filter_finds_what_the_list_has(stored, name):
    key = name.partition("=")[0]
    values = {key: VALUES[name], **(ZONE if key == "overdue" else {})}
    assert filters_in_use(values) == {name}
    found = matched(stored, values)
    assert found == [task["id"] for task in stored.tasks(**values)]
    assert 0 < len(found) < 20
    values["status"] = "pending" if key == "overdue" else "completed"
    assert matched(stored, values) == [task["id"] for task in stored.tasks(**values)]


def test_all_filters_together_find_what_the_list_has(stored):
    values = {"due_from": "2025-01-01", "due_before": "2999-12-31", "due": "any", "priority": ["high", "low", "urgent"]}
    values |= {"created_from": TIMES[0], "created_before": TIMES[3], "tags_none": ["z"], "status": "completed"}
    values |= {"completed_from": TIMES[0], "completed_before": TIMES[3] + timedelta(days=1)}
    assert matched(stored, values) == [task["id"] for task in stored.tasks(**values)] != []


@pytest.mark.parametrize("status", STATUSES)
def test_status_alone(stored, status):
    assert matched(stored, {"status": status}) == [task["id"] for task in stored.tasks(status=status)]
    assert len(matched(stored, {})) == 20


def test_as_many_as_allowed_and_one_more(alice):
    tasks = [alice.create(tags=["a"]) for _ in range(3)]
    other, op = alice.create(), {"op": "update", "title": "x"}
    for most in (1, 2):
        before = alice.traces()
        for options in ({}, {"dry_run": True}, {"key": RequestKey("k", b"x")}):
            with pytest.raises(TooManyAffected) as caught:
                alice.bulk_by({"tags_any": ["a"]}, op, most, **options)
            assert caught.value.most == most
        assert alice.traces() == before
    written = alice.bulk_by({"tags_any": ["a"]}, op, 3)
    assert [task_id for task_id, _ in written.tasks] == [task["id"] for task in tasks]
    assert (written.change, alice.get(other)) == (5, other)


def test_limit_is_that_of_the_request_up_to_1000(alice, database_url):
    create = "INSERT INTO tasks (user_id, title, version) SELECT %s, 't', 1 FROM generate_series(1, 1001)"
    run_sql(database_url, create, [alice.user_id])
    with pytest.raises(TooManyAffected):
        alice.bulk_by({}, {"op": "delete"}, 1000, dry_run=True)
    run_sql(database_url, "DELETE FROM tasks WHERE user_id = %s AND id %% 2 = 0", [alice.user_id])
    assert len(matched(alice, {})) in (500, 501)
    run_sql(database_url, "DELETE FROM tasks WHERE user_id = %s", [alice.user_id])


def test_no_match_writes_nothing(alice):
    alice.create()
    before = alice.traces()
    for options in ({}, {"dry_run": True}, {"key": RequestKey("k", b"x")}):
        written = alice.bulk_by({"tags_any": ["nobody"]}, {"op": "delete"}, 1, **options)
        assert (written.change, written.replayed, written.tasks) == (None, False, [])
    assert alice.traces() == before


@pytest.mark.parametrize("value", [True, False])
def test_complete_leaves_out_what_is_so_already(alice, value):
    tasks = [alice.create(completed=bool(number % 2)) for number in range(4)]
    expected = [task["id"] for task in tasks if task["completed"] is not value]
    op = {"op": "complete", "completed": value}
    assert matched(alice, {}, op, most=2) == expected
    written = alice.bulk_by({"status": "all"}, op, 2)
    assert [task_id for task_id, _ in written.tasks] == expected
    assert {task["completed"] for task in alice.tasks()} == {value}
    kept = [task for task in tasks if task["id"] not in expected]
    assert [alice.get(task) for task in kept] == kept
    for status in STATUSES:
        assert alice.bulk_by({"status": status}, op, 1).change is None


def test_update_changes_the_named_fields_only(alice):
    tasks = [alice.create(tags=["home", name], title=name, due_date="2026-12-24") for name in "xyz"]
    changes = {"add_tags": ["a"], "remove_tags": ["home"], "due_time": "09:00", "time_zone": "UTC", "priority": "low"}
    written = alice.bulk_by({"tags_any": ["home"]}, {"op": "update", **changes}, 3)
    for task, (_, after) in zip(tasks, written.tasks, strict=True):
        expected = {**fields_of(task), "tags": ["a", task["title"]], "due_time": "09:00", "time_zone": "UTC"}
        assert fields_of(after) == {**expected, "priority": "low", "due_at": "2026-12-24T09:00:00.000000Z"}
    cleared = alice.bulk_by({"due": "any"}, {"op": "update", "due_date": None, "tags": None})
    assert {task["due_time"] for _, task in cleared.tasks} == {None}
    assert [task["tags"] for task in alice.tasks()] == [[]] * 3


def test_update_that_breaks_a_rule_for_some_of_the_tasks(alice):
    """Their index is the place among all that match, by id."""
    tasks = [alice.create(due_date="2026-12-24" if number % 2 else None) for number in range(4)]
    change = {"op": "update", "due_time": "10:00", "time_zone": "UTC"}
    expected = [(number, "invalid", {"due_time": NEEDS["due_time"]}, tasks[number]) for number in (0, 2)]
    for options in ({}, {"dry_run": True}, {"key": RequestKey("k", b"x")}):
        assert alice.failures(lambda o=options: alice.bulk_by({}, change, **o)) == expected
    full = alice.create(tags=[f"{n:02}" for n in range(20)])
    ((position, *rest),) = alice.failures(lambda: alice.bulk_by({}, {"op": "update", "add_tags": ["x"]}))
    assert (position, rest[0], list(rest[1]), rest[2]) == (4, "invalid", ["add_tags"], full)
    assert alice.bulk_by({"due": "any"}, change, 2).change == 6


def test_filter_never_touches_the_tasks_of_others(alice):
    bob = BulkUser(alice.url)
    theirs = [bob.create(tags=["a"]) for _ in range(3)]
    mine, before = alice.create(tags=["a"]), bob.traces()[:-1]
    alice.bulk_by({"tags_any": ["a"]}, {"op": "update", "title": "x"}, 1)
    alice.bulk_by({}, {"op": "delete"}, 1)
    assert (alice.tasks(), bob.tasks(), bob.traces()[:-1]) == ([], theirs, before)
    assert mine["id"] not in [task["id"] for task in theirs]
