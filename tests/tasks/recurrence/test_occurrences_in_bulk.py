"""Several operations of one write on tasks of one series."""

import pytest

from tests.support.change_log import assert_whole
from tests.support.postgres import run_sql
from tests.support.recurring_operations import complete, day, recurring


@pytest.fixture
def user(bulk_user):
    return bulk_user


def two_of_a_series(user, days=1):
    """A pending occurrence, and the next one, which a client has changed."""
    old = user.create(**recurring(days=days))
    following = user.put(user.bulk(complete(old)).following[0], title="changed")
    user.bulk(complete(old, completed=False))
    return old, following


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("other", "left"),
    [
        ({"op": "delete"}, ["t"]),
        ({"op": "update", "title": "again"}, ["t", "again"]),
        ({"op": "update", "recurrence": None}, ["t", "changed"]),
        ({"op": "complete", "completed": True}, ["t", "changed", "changed"]),
        ({"op": "update", "due_date": day(9)}, ["t", "changed"]),
    ],
    ids=lambda value: value["op"] if isinstance(value, dict) else None,
)
def test_completing_where_another_operation_is_about_the_next(user, other, left, reverse):
    """Nothing is created that exists before the write, whatever the order."""
    old, following = two_of_a_series(user)
    operations = [complete(old), {**other, "id": following["id"]}]
    user.bulk(*(operations[::-1] if reverse else operations), read=False)
    assert [task["title"] for task in user.tasks()] == left
    assert_whole(user.url, user.user_id)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("other", "left"),
    [
        ({"op": "delete"}, ["t"]),
        ({"op": "update", "title": "again"}, ["t", "again"]),
        ({"op": "complete", "completed": True}, ["t", "t", "t"]),
    ],
)
def test_reopening_where_another_operation_is_about_the_next(user, other, left, reverse):
    """The other operation decides about it."""
    old = user.create(**recurring())
    following = user.bulk(complete(old)).following[0]
    operations = [complete(old, completed=False), {**other, "id": following["id"]}]
    user.bulk(*(operations[::-1] if reverse else operations), read=False)
    assert [task["title"] for task in user.tasks()] == left
    assert_whole(user.url, user.user_id)


def test_two_occurrences_with_the_same_next_make_one(user):
    """Both are late, so the first day that is not before today follows both."""
    first = user.create(**recurring(days=-10))
    statement = """INSERT INTO tasks (user_id, title, due_date, time_zone, due_order, recurrence)
        SELECT user_id, 'second', due_date + 1, time_zone, due_order + interval '1 day',
            jsonb_set(recurrence, '{occurrence}', to_jsonb(due_date + 1)) FROM tasks WHERE user_id = %s RETURNING id"""
    ((second,),) = run_sql(user.url, statement, [user.user_id])
    written = user.bulk(complete({"id": second}), complete(first))
    assert list(written.following) == [0]
    assert [task["due_date"] for task in user.tasks(status="pending")] == [day(0)]


def test_completing_what_is_completed_makes_nothing_if_the_next_is_gone(user):
    task = user.create(**recurring())
    user.delete(user.bulk(complete(task)).following[0])
    for operation in (complete(task), {"op": "update", "id": task["id"], "completed": True, "title": "x"}):
        assert not user.bulk(operation, read=False).following
    assert [each["completed"] for each in user.tasks()] == [True]
