"""Lists as of any number equal what was listed then, and the replayed feed, after any writes."""

import secrets
from datetime import UTC, datetime
from operator import itemgetter
from zoneinfo import ZoneInfo

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.errors import CheckViolation

from taskapp.http.json_provider import OPTIONS
from taskapp.tasks import service
from taskapp.tasks.bulk.service import apply_operations, apply_to_matching
from taskapp.tasks.changes.service import list_changes, list_tasks_as_of
from taskapp.tasks.errors import ChangeNotFound, InvalidChange, NotApplied, TagNotFound, UndoConflict
from taskapp.tasks.reminders.service import fire as remind
from taskapp.tasks.representation import FIELDS
from taskapp.tasks.tags import service as tags_service
from taskapp.tasks.trash.service import list_deleted, restore_task
from taskapp.tasks.undo.service import undo_write

TAGS = st.lists(st.sampled_from(["a", "b", "é"]), unique=True, max_size=3).map(sorted)
DAYS = st.sampled_from([None, "1900-01-01", "2026-12-24", "2999-12-31"])
FIELD_VALUES = {
    "title": st.sampled_from(["a", "b", "🙂"]),
    "description": st.sampled_from([None, "", "a"]),
    "completed": st.booleans(),
    "priority": st.sampled_from([None, "low", "urgent"]),
    "tags": TAGS,
    "due_date": DAYS,
    "due_time": st.sampled_from([None, "00:00", "23:59"]),
    "time_zone": st.sampled_from([None, "Etc/GMT+12", "Asia/Tokyo"]),
    "reminder": st.sampled_from([None, {"minutes_before": 60}, {"at": "2000-01-01T00:00:00.000000Z"}]),
}
# With a time that is past, so that it is due at once.
REMINDS = {"due_date": "1999-12-27", "due_time": "23:59", "time_zone": "Asia/Tokyo", "reminder": {"minutes_before": 60}}
SOME_FIELDS = st.fixed_dictionaries({}, optional=FIELD_VALUES)
TAG = st.sampled_from(["a", "b", "é"])
# Days that are late, and days that are not.
RECURS = st.builds(
    lambda day, recurrence: {
        "due_date": day,
        "time_zone": "Asia/Tokyo",
        "recurrence": dict(zip(("rule", "from"), recurrence, strict=True)),
    },
    st.sampled_from(["1999-12-27", "2040-01-02"]),
    st.sampled_from(
        [
            *(("FREQ=DAILY", "due_date"), ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "due_date")),
            *(("FREQ=DAILY", "completion"), ("FREQ=MONTHLY;INTERVAL=2", "completion")),
        ]
    ),
) | st.just({"recurrence": None})
CREATE = SOME_FIELDS.map(lambda fields: {"op": "create", "title": "new", **fields})
ON_A_TASK = st.one_of(
    SOME_FIELDS.filter(bool).map(lambda fields: {"op": "update", **fields}),
    st.booleans().map(lambda completed: {"op": "complete", "completed": completed}),
    st.just({"op": "delete"}),
)
# From each operation to its arguments. Those that write a task are called with its id, too.
OPERATIONS = {
    "create": st.tuples(SOME_FIELDS | RECURS | st.just(REMINDS)),
    "update": st.tuples(SOME_FIELDS.filter(bool) | RECURS | st.just(REMINDS)),
    "complete": st.tuples(st.sampled_from([None, True, False])),
    "delete": st.tuples(),
    "add and remove tags": st.tuples(TAGS, TAGS),
    "rename a tag": st.tuples(TAG, TAG),
    "remove a tag": st.tuples(TAG),
    "undo": st.tuples(st.integers(0, 20)),
    "restore": st.tuples(st.integers(0, 9)),
    "remind": st.tuples(),
    "bulk": st.tuples(st.lists(CREATE, max_size=2), st.lists(ON_A_TASK, max_size=4)),
    "bulk by filter": st.tuples(TAGS.filter(bool), ON_A_TASK),
}
WRITES = {
    "update": lambda user, task, fields: service.update_task(user, task, **fields),
    "complete": lambda user, task, completed: service.complete_task(user, task, completed=completed),
    "delete": service.delete_task,
    "add and remove tags": lambda user, task, added, removed: service.update_task(
        user, task, add_tags=added, remove_tags=[tag for tag in removed if tag not in added]
    ),
}
WRITES_OF_ALL = {
    "create": lambda user, fields: service.create_task(user, **{"title": "new", **fields}),
    "rename a tag": tags_service.rename_tag,
    "remove a tag": tags_service.remove_tag,
    "undo": lambda user, ago: undo_write(user, max(1, list_now(user)[0] - ago)),
    "remind": remind,
    "restore": lambda user, chosen: restore_one(user, chosen),
    "bulk": lambda user, new, operations: write_many(user, new, operations),
    "bulk by filter": lambda user, tags, operation: apply_to_matching(
        user, {"tags_any": tags}, operation, max_affected=1000
    ),
}
SOME_WRITES = st.lists(
    st.sampled_from(["create", *OPERATIONS]).flatmap(
        lambda name: st.tuples(st.just(name), st.integers(0, 9), OPERATIONS[name])
    ),
    min_size=1,
    max_size=12,
)
property_test = settings(deadline=None, suppress_health_check=list(HealthCheck))


def as_json(values):
    """What a service function returns as a client reads it: days and times are text."""
    return orjson.loads(orjson.dumps(values, option=OPTIONS))


def list_now(user):
    page = service.list_tasks(user, status="all", sort="id", limit=1000, number=True)
    return page.as_of, as_json(page.tasks)


def restore_one(user, chosen):
    """Restore one of the deleted tasks, if there is one."""
    if deleted := list_deleted(user, limit=100).tasks:
        restore_task(user, deleted[chosen % len(deleted)]["id"])


def write_many(user, new, operations):
    """Create tasks, and make an operation on each of the newest ones, in one write."""
    ids = [task["id"] for task in reversed(list_now(user)[1])]
    known = [{"id": task_id, **operation} for task_id, operation in zip(ids, operations, strict=False)]
    if together := new + known:
        apply_operations(user, together)


def write(user, name, chosen, arguments):
    """Make a write of a task that there is, or none if it breaks a rule."""
    try:
        if name in WRITES_OF_ALL:
            WRITES_OF_ALL[name](user, *arguments)
        elif tasks := list_now(user)[1]:
            WRITES[name](user, tasks[chosen % len(tasks)]["id"], *arguments)
    except (CheckViolation, InvalidChange, NotApplied, TagNotFound, ChangeNotFound, UndoConflict):
        pass


def due_at(task):
    if not task["due_time"]:
        return None
    zone = ZoneInfo(task["time_zone"])
    local = datetime.fromisoformat(f"{task['due_date']}T{task['due_time']}").replace(tzinfo=zone)
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def replay(user):
    """Replay the feed: the tasks after each change, by its number."""
    tasks, created, states = {}, {}, {0: []}
    for entry in as_json(list_changes(user, after=0, limit=1000).changes):
        number, task_id, at = entry["number"], entry["task_id"], entry["at"]
        if entry["type"] == "deleted":
            del tasks[task_id]
        else:
            new = {"id": task_id, "user_id": user, "created_at": created.setdefault(task_id, at)}
            task = tasks.get(task_id, dict.fromkeys(FIELDS) | new | {"tags": []})
            changed = {name: change["to"] for name, change in entry["changed"].items()}
            task = {**task, **changed, "updated_at": at, "version": number}
            tasks[task_id] = {**task, "due_at": due_at(task)}
        states[number] = sorted(tasks.values(), key=itemgetter("id"))
    return states


def walk(user, number, *, sort, status, limit, count):
    """All pages of a list as of a number."""
    options = {"sort": sort, "status": status, "limit": limit, "count": count}
    page = list_tasks_as_of(user, number, **options)
    tasks, totals = list(page.tasks), [page.total]
    while page.next:
        page = list_tasks_as_of(user, number, **options, after=page.next)
        tasks += page.tasks
        totals.append(page.total)
    return as_json(tasks), totals


any_log = given(
    writes=SOME_WRITES,
    sort=st.sampled_from(["id", "-id"]),
    status=st.sampled_from(service.STATUSES),
    limit=st.integers(1, 5),
    count=st.booleans(),
)


def assert_as_of_equals_replay(app, writes, sort, status, limit, count):
    user = f"user-{secrets.token_hex(6)}"
    with app.app_context():
        listed = {}
        for name, chosen, arguments in writes:
            write(user, name, chosen, arguments)
            number, listed[number] = list_now(user)
        states = replay(user)
        assert list(states) == list(range(len(states)))
        assert {number: states[number] for number in listed} == listed
        for number, state in states.items():
            assert as_json(list_tasks_as_of(user, number, status="all", sort="id", limit=1000).tasks) == state
            wanted = [task for task in state if status == "all" or task["completed"] == (status == "completed")]
            tasks, totals = walk(user, number, sort=sort, status=status, limit=limit, count=count)
            assert tasks == (wanted if sort == "id" else wanted[::-1])
            assert set(totals) == {len(wanted) if count else None}


@settings(property_test, max_examples=6)
@any_log
def test_list_as_of_any_number_equals_the_replayed_feed(app, **example):
    assert_as_of_equals_replay(app, **example)


@pytest.mark.slow
@settings(property_test, max_examples=250)
@any_log
def test_list_as_of_any_number_of_many_logs_equals_the_replayed_feed(app, **example):
    assert_as_of_equals_replay(app, **example)
