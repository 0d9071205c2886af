"""The log of a bulk write is, entry for entry, what single writes log."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskapp.tasks.errors import InvalidChange, NotApplied
from taskapp.tasks.service import complete_task
from tests.support.bulk_user import BulkUser, fields_of
from tests.support.change_log import assert_whole
from tests.tasks.changes.test_as_of_property import FIELD_VALUES, TAGS

OTHERS = {name: values for name, values in FIELD_VALUES.items() if name != "title"}
TASK = st.fixed_dictionaries({"title": FIELD_VALUES["title"]}, optional=OTHERS)
CHANGES = st.fixed_dictionaries({}, optional=FIELD_VALUES).filter(bool)
TAG_CHANGES = st.fixed_dictionaries({}, optional={"add_tags": TAGS, "remove_tags": TAGS}).filter(bool)
REST = st.fixed_dictionaries({}, optional={"title": FIELD_VALUES["title"], "due_date": FIELD_VALUES["due_date"]})
OPERATION = st.one_of(
    TASK.map(lambda fields: {"op": "create", **fields}),
    CHANGES.map(lambda changes: {"op": "update", **changes}),
    st.tuples(TAG_CHANGES, REST).map(lambda parts: {"op": "update", **parts[0], **parts[1]}),
    st.booleans().map(lambda completed: {"op": "complete", "completed": completed}),
    st.just({"op": "delete"}),
)
# What differs between users, between writes, and with the time.
OWN = ("user_id", "number", "operation", "task_id", "previous", "at", "previous_at")
OWN_COLUMNS = ("uid", "created_at")


def is_whole(task):
    """Whether a new task satisfies the rules of its due date and its reminder, which its schema checks."""
    day, time, zone = (task.get(name) for name in ("due_date", "due_time", "time_zone"))
    counts = "minutes_before" in (task.get("reminder") or ())
    is_due = (time is None or None not in (day, zone)) and (zone is None or day is not None)
    return is_due and not (counts and time is None)


WHOLE_TASK = TASK.filter(is_whole)


class Account(BulkUser):
    """A user with tasks, and operations on them by their places."""

    def __init__(self, url, tasks):
        super().__init__(url)
        self.ids = [self.create(**task)["id"] for task in tasks]

    def operations(self, operations):
        """The operations, each on the next task."""
        ids = iter(self.ids)
        return [each if each["op"] == "create" else {"id": next(ids), **each} for each in operations]

    def single(self, operation):
        """Make one operation by itself."""
        task, fields = {"id": operation.get("id")}, {k: v for k, v in operation.items() if k not in ("op", "id")}
        if operation["op"] == "create":
            self.create(**fields)
        elif operation["op"] == "delete":
            self.delete(task)
        elif operation["op"] == "complete":
            complete_task(self.user_id, task["id"], **fields)
        else:
            self.put(task, **fields)


def comparable(log, ids):
    """Entries without what differs, with the places of tasks."""
    for entry in log:
        if entry["task_id"] not in ids:
            ids.append(entry["task_id"])

        def relative(image, entry=entry):
            if image is None:
                return None
            values = {name: value for name, value in image.items() if name not in OWN_COLUMNS}
            now = values.get("completed_at") == entry["at"]
            # The time of a completion is that of the write, or one from before, of which the place tells which.
            return {**values, "completed_at": "now" if now else bool(values.get("completed_at"))}

        keys = [sorted(entry[part] or ()) for part in ("before", "after")]
        values = {name: value for name, value in entry.items() if name not in OWN}
        parts = {part: relative(entry[part]) for part in ("before", "after")}
        yield {**values, **parts, "keys": keys, "place": ids.index(entry["task_id"])}


def assert_logs_are_equal(app, url, tasks, operations):
    with app.app_context():
        one, other = Account(url, tasks), Account(url, tasks)
        failing = []
        for position, operation in enumerate(other.operations(operations)):
            if operation["op"] == "create" and not is_whole(operation):
                failing.append(position)
                continue
            try:
                other.single(operation)
            except InvalidChange:
                failing.append(position)
        if failing:
            with pytest.raises(NotApplied) as caught:
                one.bulk(*one.operations(operations))
            assert [failure.position for failure in caught.value.failures] == failing
            # Without those, the rest is applied.
            kept = [each for position, each in enumerate(one.operations(operations)) if position not in failing]
        else:
            kept = one.operations(operations)
        if kept:
            assert one.bulk(*kept).change == len(tasks) + 1
        logs = [assert_whole(url, user.user_id) for user in (one, other)]
        first, second = (list(comparable(log, list(user.ids))) for log, user in zip(logs, (one, other), strict=True))
        assert first == second
        assert {entry["operation"] for entry in logs[0][len(tasks) :]} <= {len(tasks) + 1 if len(kept) > 1 else None}
        own = ("id", "uid", "user_id", "created_at", "completed_at")
        assert [fields_of(task, *own) for task in one.tasks()] == [fields_of(task, *own) for task in other.tasks()]


any_write = given(
    tasks=st.lists(WHOLE_TASK, min_size=5, max_size=5), operations=st.lists(OPERATION, min_size=1, max_size=5)
)
property_test = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(property_test, max_examples=6)
@any_write
def test_log_of_a_bulk_write_is_that_of_single_writes(app, database_url, tasks, operations):
    assert_logs_are_equal(app, database_url, tasks, operations)


@pytest.mark.slow
@settings(property_test, max_examples=300)
@any_write
def test_log_of_many_bulk_writes_is_that_of_single_writes(app, database_url, tasks, operations):
    assert_logs_are_equal(app, database_url, tasks, operations)
