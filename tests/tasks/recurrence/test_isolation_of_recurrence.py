"""Two layers keep users apart in writes of recurring tasks, each by itself: conditions, and row-level security.

Two users have the same: versions, times, numbers of changes and ids of series. The one who is not acting has the lower
ids, and a newer last change. So a statement that lacks a condition finds the tasks or changes of the wrong one.
"""

import pytest

from taskapp.tasks.errors import TaskNotFound
from taskapp.tasks.service import complete_task
from tests.support.bulk_user import BulkUser, as_json
from tests.support.change_log import assert_whole, read_log
from tests.support.postgres import run_sql
from tests.support.recurring_operations import complete, day, recurring, use_up

# All times of the users become those of the acting one, by the titles of tasks and the numbers of changes.
SAME = """
UPDATE tasks SET created_at = his.created_at, updated_at = his.updated_at, completed_at = his.completed_at,
    recurrence = his.recurrence FROM tasks his
    WHERE tasks.user_id = %(other)s AND his.user_id = %(acting)s
    AND (his.title, his.due_date) = (tasks.title, tasks.due_date);
UPDATE changes SET at = his.at, previous_at = his.previous_at, before = his.before,
    after = CASE WHEN changes.before IS NULL THEN his.after || jsonb_build_object('uid', changes.after -> 'uid')
        ELSE his.after END
    FROM changes his
    WHERE changes.user_id = %(other)s AND his.user_id = %(acting)s AND his.number = changes.number
"""
LATER = "UPDATE changes SET at = now() + interval '50 days' WHERE user_id = %s AND number = 99"


class Single:
    """Writes of one task each."""

    @staticmethod
    def complete(user, *tasks, completed=True):
        """Complete or reopen tasks, and return the next occurrence of each."""
        return [user.complete(task, completed=completed) for task in tasks]


class Bulk:
    """One write of all tasks."""

    @staticmethod
    def complete(user, *tasks, completed=True):
        written = user.bulk(*(complete(task, completed=completed) for task in tasks), read=False)
        return [as_json(written.following.get(place)) for place in range(len(tasks))]


def next_days():
    """The days on which the tasks of :func:`tasks_of` recur."""
    return [day(2), day(2), day(3)]


def tasks_of(user):
    kinds = [
        recurring(title="daily"),
        recurring(title="used up"),
        recurring("FREQ=DAILY;INTERVAL=3", title="from completion", origin="completion"),
    ]
    tasks = [user.create(**kind) for kind in kinds]
    use_up(user, tasks[1])
    return tasks


def stored(user):
    rows = run_sql(user.url, "SELECT to_jsonb(t) FROM tasks t WHERE user_id = %s ORDER BY id", [user.user_id])
    return rows, read_log(user.url, user.user_id)


def assert_users_are_apart(url, way):
    bob, alice = BulkUser(url), BulkUser(url)
    # The same writes, the tasks of bob have the lower ids.
    bobs, alices = tasks_of(bob), tasks_of(alice)
    made = {user: way.complete(user, *tasks) for user, tasks in ((bob, bobs), (alice, alices))}
    assert [task["due_date"] for task in made[alice]] == next_days()
    run_sql(url, SAME, {"other": bob.user_id, "acting": alice.user_id})
    assert len(assert_whole(url, bob.user_id)) == 9
    # Bob's newest change is later, and has a higher number.
    run_sql(url, "UPDATE changes SET number = 99 WHERE user_id = %s AND number = 1", [bob.user_id])
    run_sql(url, LATER, [bob.user_id])
    before = stored(bob)
    # Neither can complete nor reopen a task of the other one, also if its days are used up.
    for completed, task in ((False, bobs[0]), (True, made[bob][0]), (True, bobs[1])):
        with pytest.raises(TaskNotFound):
            complete_task(alice.user_id, task["id"], completed=completed)
        assert alice.failures(lambda c=completed, t=task: alice.bulk(complete(t, completed=c)))[0][1] == "missing"
    for _ in range(2):
        assert way.complete(alice, *alices, completed=False) == [None] * 3
        assert [task["id"] for task in alice.tasks()] == [task["id"] for task in alices]
        again = way.complete(alice, *alices)
        assert [task["due_date"] for task in again] == next_days()
    # Only one has a next occurrence, and bob has that of the other.
    alice.put(again[0], title="changed")
    way.complete(alice, *alices, completed=False)
    assert [task and task["due_date"] for task in way.complete(alice, *alices)] == [None, *next_days()[1:]]
    assert stored(bob) == before
    assert_whole(url, alice.user_id)


@pytest.fixture(params=[Single, Bulk])
def way(request):
    return request.param


@pytest.mark.usefixtures("without_conditions")
def test_row_level_security_alone_keeps_users_apart(app, database_url, way):
    with app.app_context():
        assert_users_are_apart(database_url, way)


@pytest.fixture(scope="module")
def open_database(new_database):
    """A database whose row-level security is switched off."""
    url = new_database()
    for table in ("tasks", "changes", "idempotency_keys"):
        run_sql(url, f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    return url


@pytest.fixture(scope="module")
def open_app(open_database, make_app, via_pooler):
    return make_app(DATABASE_URL=via_pooler(open_database))


@pytest.mark.slow
def test_conditions_alone_keep_users_apart(open_app, open_database, way):
    with open_app.app_context():
        assert_users_are_apart(open_database, way)
