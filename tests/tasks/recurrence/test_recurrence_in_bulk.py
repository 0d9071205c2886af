"""Operations of many writes on tasks that recur do what single writes do, with numbers in the order of the list."""

import pytest

from taskapp.tasks.changes.service import list_changes
from taskapp.tasks.service import complete_task, list_tasks
from taskapp.tasks.undo.service import undo_write
from tests.support.bulk_user import BulkUser, as_json
from tests.support.change_log import assert_whole
from tests.support.recurring_operations import complete, day, recurring, stored_recurrence


@pytest.fixture
def user(bulk_user):
    return bulk_user


def test_completing_creates_the_next_with_the_number_behind(user):
    a = user.create(**recurring(title="a", tags=["x"], priority="high"))
    plain = user.create(title="plain")
    b = user.create(**recurring("FREQ=WEEKLY;INTERVAL=2", title="b", due_time="09:30"))
    written = user.bulk(complete(a), complete(plain), {"op": "update", "id": b["id"], "title": "B", "completed": True})
    assert written.change == 4
    assert sorted(written.following) == [0, 2]
    assert [task["version"] for _, task in written.tasks] == [4, 6, 7]
    first, second = written.following[0], written.following[2]
    assert (first["due_date"], first["title"], first["tags"], first["priority"]) == (day(2), "a", ["x"], "high")
    assert (second["due_date"], second["due_time"], second["title"]) == (day(15), "09:30", "B")
    assert first["recurrence"] == {**a["recurrence"], "occurrence": day(2), "next": day(3)}
    assert (first["completed"], first["completed_at"], first["created_at"]) == (False, None, first["updated_at"])
    log = assert_whole(user.url, user.user_id)
    assert [entry["operation"] for entry in log] == [None] * 3 + [4] * 5


def test_next_is_that_of_a_single_write(user):
    """Late, from the completion, of a series that ends, of one that has ended, and of a moved task."""
    kinds = [
        recurring(days=-10),
        recurring("FREQ=DAILY;INTERVAL=3", days=-10, origin="completion"),
        recurring("FREQ=DAILY;COUNT=2"),
        recurring(f"FREQ=DAILY;UNTIL={day(-2).replace('-', '')}", days=-3),
        recurring("FREQ=MONTHLY;BYMONTHDAY=-1", days=0, due_date="2026-01-31"),
        recurring(due_time="23:59", time_zone="Pacific/Kiritimati"),
    ]
    one = BulkUser(user.url)
    singles = [complete_task(one.user_id, one.create(**kind)["id"], completed=True) for kind in kinds]
    written = user.bulk(*(complete(user.create(**kind)) for kind in kinds))
    own = ("id", "uid", "user_id", "created_at", "updated_at", "version", "recurrence")
    for place, single in enumerate(singles):
        expected, got = (single.following, written.following.get(place))
        if expected is None:
            assert got is None
            continue
        expected = as_json(expected)
        assert {k: v for k, v in got.items() if k not in own} == {k: v for k, v in expected.items() if k not in own}
        for each in (got, expected):
            del each["recurrence"]["series_id"]
        assert got["recurrence"] == expected["recurrence"]
    assert [place in written.following for place in range(6)] == [True, True, True, False, True, True]
    assert_whole(user.url, user.user_id)


def test_next_of_the_next_has_the_days_behind(user):
    task = user.create(**recurring())
    following = user.bulk(complete(task)).following[0]
    before, after = stored_recurrence(user, task), stored_recurrence(user, following)
    assert after["upcoming"] == before["upcoming"][1:]
    assert {**after, "upcoming": 0, "occurrence": 0} == {**before, "upcoming": 0, "occurrence": 0}


def test_reopening_deletes_the_next_if_nobody_has_changed_it(user):
    a, b, c = (user.create(**recurring(title=name)) for name in "abc")
    done = user.bulk(complete(a), complete(b), complete(c))
    user.put(done.following[1], title="changed")
    reopened = user.bulk(*(complete(task, completed=False) for task in (a, b, c)))
    assert [task["version"] for _, task in reopened.tasks] == [reopened.change + n for n in (0, 2, 3)]
    assert not reopened.following
    titles = [(task["title"], task["completed"]) for task in user.tasks()]
    assert titles == [("a", False), ("b", False), ("c", False), ("changed", False)]
    assert_whole(user.url, user.user_id)
    # What was deleted can be made again, and what is there is not made twice.
    again = user.bulk(complete(a), complete(b), complete(c))
    assert sorted(again.following) == [0, 2]
    assert_whole(user.url, user.user_id)


def test_completion_by_one_route_is_taken_back_by_the_other(user):
    a, b = user.create(**recurring()), user.create(**recurring())
    complete_task(user.user_id, a["id"], completed=True)
    user.bulk(complete(b))
    user.bulk(complete(a, completed=False))
    complete_task(user.user_id, b["id"], completed=False)
    assert [task["id"] for task in user.tasks()] == [a["id"], b["id"]]
    assert_whole(user.url, user.user_id)


def test_by_filter(user):
    tasks = [user.create(**recurring(title=str(n))) for n in range(3)]
    user.create(title="plain")
    done = user.bulk_by({"status": "pending"}, {"op": "complete", "completed": True})
    assert sorted(done.following) == [0, 1, 2]
    assert len(user.tasks(status="pending")) == 3
    again = user.bulk_by({"status": "pending"}, {"op": "update", "completed": True})
    assert [each["due_date"] for each in again.following.values()] == [day(3)] * 3
    back = user.bulk_by({"status": "completed", "q": "1"}, {"op": "complete", "completed": False})
    # The one in the middle was completed, so it stays. What it made is deleted.
    assert [(task["due_date"], task["completed"]) for _, task in back.tasks] == [(day(1), False), (day(2), False)]
    assert [task["due_date"] for task in user.tasks() if task["title"] == "1"] == [day(1), day(2)]
    assert tasks[0]["id"] == done.tasks[0][0]
    assert_whole(user.url, user.user_id)


def test_undo_takes_back_all_of_it(user):
    a, b = user.create(**recurring()), user.create(**recurring())
    complete_task(user.user_id, b["id"], completed=True)
    before = user.tasks()
    done = user.bulk(complete(a), complete(b, completed=False), {"op": "create", "title": "x"})
    assert len(user.tasks()) == 4
    as_of = as_json(list_tasks(user.user_id, status="all", sort="id", limit=9).tasks)
    feed = list_changes(user.user_id, after=done.change - 1, limit=9)
    assert [entry["type"] for entry in feed.changes] == ["updated", "created", "updated", "deleted", "created"]
    assert {entry["write"] for entry in feed.changes} == {done.change}
    undone = undo_write(user.user_id, done.change)
    assert len(undone.results) == 5
    own = ("version", "updated_at")
    assert [{**task, **dict.fromkeys(own)} for task in user.tasks()] == [
        {**task, **dict.fromkeys(own)} for task in before
    ]
    undo_write(user.user_id, undone.change)  # Redo.
    assert [task["completed"] for task in user.tasks()] == [task["completed"] for task in as_of]
    assert_whole(user.url, user.user_id)


@pytest.mark.slow
def test_undo_takes_back_1000_completions(user):
    made = user.bulk(*({"op": "create", **recurring()} for _ in range(1000)), read=False)
    done = user.bulk(*(complete({"id": task_id}) for task_id, _ in made.tasks), read=False)
    assert len(done.following) == 1000
    undone = undo_write(user.user_id, done.change)
    assert len(undone.results) == 2000
    assert len(user.tasks(status="pending")) == 1000
    assert not user.tasks(status="completed")
    assert_whole(user.url, user.user_id)
