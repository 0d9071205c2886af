"""A user who writes many tasks at once by the service, without HTTP."""

import secrets

import orjson
import pytest

from taskapp.http.json_provider import OPTIONS
from taskapp.tasks import service
from taskapp.tasks.bulk.service import apply_operations, apply_to_matching
from taskapp.tasks.errors import NotApplied
from tests.support.postgres import run_sql

# What every write of a task sets.
SET = ("version", "updated_at")


def as_json(values):
    """What a function returns as a client reads it: days and times are text."""
    return orjson.loads(orjson.dumps(values, option=OPTIONS))


def fields_of(task, *omitted):
    """The fields of a task but for those that every write sets."""
    return {name: value for name, value in task.items() if name not in (*SET, *omitted)}


class BulkUser:
    """A user of the service; a new one unless its id is given."""

    def __init__(self, url, user_id=None):
        self.url, self.user_id = url, user_id or f"user-{secrets.token_hex(6)}"

    def create(self, **fields):
        return as_json(service.create_task(self.user_id, **{"title": "t", **fields}).fields)

    def put(self, task, **changes):
        return as_json(service.update_task(self.user_id, task["id"], **changes).fields)

    def delete(self, task):
        return service.delete_task(self.user_id, task["id"]).change

    def complete(self, task, *, completed=True):
        """Complete or reopen a task, and return the next occurrence, if there is a new one."""
        following = service.complete_task(self.user_id, task["id"], completed=completed).following
        return following and as_json(following)

    def get(self, task):
        return as_json(service.get_task(self.user_id, task["id"]).fields)

    def tasks(self, **query):
        """The tasks that there are, by id."""
        page = service.list_tasks(self.user_id, **{"status": "all", "sort": "id", "limit": 1000, **query})
        return as_json(page.tasks)

    def bulk(self, *operations, read=True, **options):
        """Apply operations. If ``read``, compare the results with the tasks, which nobody else may write meanwhile."""
        written = apply_operations(self.user_id, operations, **options)
        return self._checked(written) if read else written

    def bulk_by(self, values, op, most=1000, *, read=True, **options):
        """Apply an operation to all tasks that match."""
        written = apply_to_matching(self.user_id, values, op, max_affected=most, **options)
        return self._checked(written) if read else written

    def _checked(self, written):
        tasks = [(task_id, as_json(task)) for task_id, task in written.tasks]
        following = {place: as_json(task) for place, task in written.following.items()}
        if written.change and not written.replayed:
            number, deleted = written.change, 0
            for place, (task_id, task) in enumerate(tasks):
                if task:
                    # The numbers of next occurrences that were deleted are missing.
                    assert (task["id"], task["version"] - number in range(deleted + 1)) == (task_id, True)
                    assert task == self.get(task)
                    number = task["version"]
                    deleted = bool(task["recurrence"] and not task["completed"])
                if place in following:
                    number += 1
                    assert (following[place]["version"], following[place]) == (number, self.get(following[place]))
                number += 1
        return written._replace(tasks=tasks, following=following)

    def failures(self, act):
        """The operations that fail, each as its position, reason, details and current task. Nothing is written."""
        before = self.traces()
        with pytest.raises(NotApplied) as caught:
            act()
        assert self.traces() == before
        return [
            (failure.position, failure.reason, dict(failure.details), as_json(failure.current))
            for failure in caught.value.failures
        ]

    def traces(self):
        """All that a write leaves: rows, entries, keys, and the next id."""
        tables = {"tasks": "id", "changes": "number", "idempotency_keys": "key"}
        rows = [
            run_sql(self.url, f"SELECT {key}, xmin::text FROM {table} WHERE user_id = %s ORDER BY 1", [self.user_id])
            for table, key in tables.items()
        ]
        return [*rows, run_sql(self.url, "SELECT last_value, is_called FROM tasks_id_seq")]


def assert_bulk_writes_keep_users_apart(alice, bob):
    """By ids and versions of the other user's tasks, by their uids, and by filters that match them."""
    theirs = [bob.create(tags=["a"]) for _ in range(3)]
    mine = alice.create(tags=["a"])
    before = [bob.get().data, bob.request("GET", f"{bob.changes}?after=0").data]
    operations = [
        {"op": "update", "id": theirs[0]["id"], "title": "x"},
        {"op": "complete", "id": theirs[1]["id"], "version": theirs[1]["version"], "completed": True},
        {"op": "delete", "id": theirs[2]["id"]},
        {"op": "update", "id": mine["id"], "title": "x"},
        {"op": "create", "title": "x", "uid": theirs[0]["uid"]},
    ]
    for query in ("", "?dry_run=true"):
        failed = alice.post(f"/bulk{query}", json={"operations": operations}).error["details"]["failed"]
        assert [(each["index"], each["code"], each["current"]) for each in failed] == [
            (number, "TASK_NOT_FOUND", None) for number in range(3)
        ]
    written = alice.post("/bulk", json={"operations": operations[3:]}).data
    assert [result["task"]["user_id"] for result in written["results"]] == [alice.user_id] * 2
    for op in ({"op": "complete", "completed": True}, {"op": "update", "title": "y"}, {"op": "delete"}):
        body = {"filter": {"status": "all"}, **op, "max_affected": 2}
        assert len(alice.post("/bulk", json=body).data["results"]) == 2
    assert [bob.get().data, bob.request("GET", f"{bob.changes}?after=0").data] == before
