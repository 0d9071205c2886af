"""Any writes, undone from the newest on, lead back to each earlier state."""

import contextlib
import secrets

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from taskapp.db.execute import execute_in_turn
from taskapp.tasks import service
from taskapp.tasks.bulk.service import apply_operations
from taskapp.tasks.changes.log import newest_number
from taskapp.tasks.errors import InvalidChange, NotApplied, TagNotFound, TaskExists, TaskNotFound, UndoConflict
from taskapp.tasks.reminders.queries import REMIND
from taskapp.tasks.tags import service as tags
from taskapp.tasks.trash.service import list_deleted, restore_task
from taskapp.tasks.undo.service import undo_write
from tests.support.change_log import assert_whole

NO_EFFECT = (InvalidChange, NotApplied, TagNotFound, TaskExists, TaskNotFound, UndoConflict)
TAG = st.sampled_from(["a", "b", "é"])
TITLE = st.sampled_from(["a", "🙂", 'quote " and \\'])
FIELDS = {
    "description": st.none() | st.sampled_from(["", "a\nb"]),
    "completed": st.booleans(),
    "priority": st.sampled_from(["urgent", "low", None]),
    "tags": st.lists(TAG, max_size=3, unique=True).map(sorted),
}
DUE = {
    "due_date": st.none() | st.sampled_from(["1900-01-01", "2026-12-24"]),
    "due_time": st.none() | st.sampled_from(["00:00", "23:59"]),
    "time_zone": st.none() | st.sampled_from(["UTC", "Asia/Kathmandu"]),
}
# Some are due at once.
REMINDER = st.sampled_from(
    [None, {"minutes_before": 0}, {"minutes_before": 40320}, {"at": "2000-01-01T00:00:00.000000Z"}]
)
# One day is long ago, so that its occurrences are late.
RECURS = st.builds(
    lambda day, rule, zone, since: {
        "due_date": day,
        "time_zone": zone,
        "recurrence": {"rule": rule, "from": since},
    },
    st.sampled_from(["1999-12-27", "2040-01-02"]),
    st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY;INTERVAL=2"]),
    DUE["time_zone"].filter(bool),
    st.sampled_from(["due_date", "completion"]),
)
REMINDED = st.builds(
    lambda day, reminder: {"due_date": day, "due_time": "23:59", "time_zone": "UTC", "reminder": reminder},
    st.sampled_from(["1999-12-27", "2040-01-02"]),
    REMINDER,
)
CHANGES = REMINDED | (
    st.fixed_dictionaries({}, optional={"title": TITLE, **FIELDS, **DUE, "reminder": REMINDER}).filter(bool)
)
TASK = REMINDED.map(lambda fields: {"title": "reminds", **fields}) | (
    st.fixed_dictionaries({"title": TITLE}, optional={**FIELDS, "due_date": DUE["due_date"]})
)
PLACE = st.integers(0, 3)
WRITES = st.one_of(
    st.tuples(st.just("create"), TASK | RECURS.map(lambda fields: {"title": "recurs", **fields})),
    st.tuples(st.just("update"), PLACE, CHANGES | RECURS | st.just({"recurrence": None})),
    st.tuples(st.just("toggle"), PLACE),
    st.tuples(st.just("delete"), PLACE),
    st.tuples(st.just("restore"), PLACE),
    st.tuples(st.just("rename"), TAG, TAG),
    st.tuples(st.just("remove"), TAG),
    st.tuples(st.just("undo"), st.integers(1, 8)),
    st.tuples(st.just("remind")),
    st.tuples(st.just("bulk"), st.lists(TASK, max_size=2), st.dictionaries(PLACE, CHANGES, max_size=2), PLACE),
)


class Account:
    """A user who writes, and what the tasks were after each write."""

    def __init__(self):
        self.user_id, self.ids, self.writes = f"user-{secrets.token_hex(6)}", [], []
        self.states = [self.state()]

    def state(self):
        page = service.list_tasks(self.user_id, status="all", sort="id", limit=1000)
        return [{name: task[name] for name in task if name not in ("version", "updated_at")} for task in page.tasks]

    def write(self, kind, *values):
        """Make a write, on the id of a place in the order of creation; it may have no effect."""
        with contextlib.suppress(*NO_EFFECT, IndexError):
            if (change := getattr(self, kind)(*values)) is not None:
                self.writes.append(change)
                self.states.append(self.state())

    def create(self, fields):
        created = service.create_task(self.user_id, **fields)
        self.ids.append(created.fields["id"])
        return created.change

    def update(self, place, changes):
        return self._with_next(service.update_task(self.user_id, self.ids[place], **changes))

    def toggle(self, place):
        return self._with_next(service.complete_task(self.user_id, self.ids[place]))

    def _with_next(self, written):
        if written.following:
            self.ids.append(written.following["id"])
        return written.change

    def delete(self, place):
        return service.delete_task(self.user_id, self.ids[place]).change

    def restore(self, place):
        return restore_task(self.user_id, self.ids[place]).change

    def rename(self, name, new_name):
        return tags.rename_tag(self.user_id, name, new_name).change

    def remove(self, name):
        return tags.remove_tag(self.user_id, name).change

    def bulk(self, new, changes, deleted):
        """Create, update and delete tasks in one write."""
        updates = [{"op": "update", "id": self.ids[place], **fields} for place, fields in changes.items()]
        delete = [] if deleted in changes else [{"op": "delete", "id": self.ids[deleted]}]
        creates = [{"op": "create", **fields} for fields in new]
        if not (operations := updates + creates + delete):
            return None
        written = apply_operations(self.user_id, operations)
        self.ids += [task_id for task_id, _ in written.tasks[len(updates) : len(updates) + len(creates)]]
        return written.change

    def remind(self):
        """Remind of one task, if one is due."""
        ((number,),) = execute_in_turn(REMIND, {"most": 1}, user_id=self.user_id)
        return execute_in_turn(select(newest_number().c.as_of), {}, user_id=self.user_id)[0][0] if number else None

    def undo(self, back):
        return undo_write(self.user_id, self.writes[-back]).change


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writes=st.lists(WRITES, min_size=3, max_size=16))
def test_undo_of_the_newest_writes_leads_back_to_each_state(app, database_url, writes):
    with app.app_context():
        account = Account()
        account.write("create", {"title": "first", "tags": ["a"], "completed": True})
        for kind, *values in writes:
            account.write(kind, *values)
        assert account.state() == account.states[-1]
        for number, state in zip(reversed(account.writes), reversed(account.states[:-1]), strict=True):
            preview = undo_write(account.user_id, number, dry_run=True)
            undone = undo_write(account.user_id, number)
            assert [result["task_id"] for result in preview.results] == [result["task_id"] for result in undone.results]
            assert account.state() == state
        deleted = list_deleted(account.user_id, limit=1000).tasks
        assert [task["id"] for task in deleted] == sorted(account.ids, reverse=True)
    assert_whole(database_url, account.user_id)
