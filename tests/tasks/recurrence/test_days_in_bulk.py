"""Series whose stored days are used up, tries, and idempotency keys in writes of many tasks."""

import contextlib

import pytest

from taskapp.db.execute import statement_executed
from taskapp.db.idempotency import RequestKey
from tests.support.change_log import assert_whole
from tests.support.recurring_operations import complete, day, recurring, stored_recurrence, use_up


@pytest.fixture
def user(bulk_user):
    return bulk_user


@pytest.mark.parametrize("left", [(), (2,), (-4, -3)])
@pytest.mark.parametrize("options", [{}, {"key": RequestKey("k", b"f")}, {"dry_run": True}])
def test_used_up_days_are_read(user, left, options):
    tasks = [user.create(**recurring(rule)) for rule in ("FREQ=DAILY", "FREQ=DAILY;INTERVAL=2", "FREQ=DAILY;COUNT=2")]
    fresh = user.create(**recurring("FREQ=DAILY;INTERVAL=5"))
    use_up(user, *tasks, days=map(day, left))
    written = user.bulk(*map(complete, tasks), complete(fresh), **options)
    days = {place: task["due_date"] for place, task in written.following.items()}
    # The days that are stored are taken as they are.
    assert days == {0: day(2), 1: day(3), 2: day(2), 3: day(6)}
    if "dry_run" not in options:
        log = assert_whole(user.url, user.user_id)
        assert len(log) == 12
        assert len(stored_recurrence(user, written.following[0])["upcoming"]) == 31


def test_used_up_days_by_filter(user):
    tasks = [user.create(**recurring()) for _ in range(3)]
    use_up(user, *tasks)
    done = user.bulk_by({"status": "pending"}, {"op": "complete", "completed": True})
    assert [task["due_date"] for task in done.following.values()] == [day(2)] * 3


def test_other_failures_come_before_used_up_days(user):
    task, other = user.create(**recurring()), user.create(**recurring())
    use_up(user, task)
    failures = user.failures(lambda: user.bulk(complete(task), {"op": "delete", "id": other["id"], "version": 99}))
    assert [failure[:2] for failure in failures] == [(1, "changed")]


def test_dry_run_shows_the_next(user):
    task = user.create(**recurring())
    traces = user.traces()
    tried = user.bulk(complete(task), dry_run=True)
    assert user.traces() == traces
    following = tried.following[0]
    assert (following["id"], following["uid"], following["version"]) == (None, None, None)
    written = user.bulk(complete(task)).following[0]
    own = ("id", "uid", "version", "created_at", "updated_at")
    assert {k: v for k, v in following.items() if k not in own} == {k: v for k, v in written.items() if k not in own}


def test_dry_run_sees_a_next_that_exists(user):
    task = user.create(**recurring())
    user.put(user.bulk(complete(task)).following[0], title="changed")
    user.bulk(complete(task, completed=False))
    assert not user.bulk(complete(task), dry_run=True).following
    assert not user.bulk(complete(task)).following
    assert_whole(user.url, user.user_id)


def test_key_stores_the_next(user):
    task, key = user.create(**recurring()), RequestKey("k", b"f")
    written = user.bulk(complete(task), key=key)
    replayed = user.bulk(complete(task), key=key)
    assert replayed == written._replace(replayed=True)
    assert len(user.tasks()) == 2


@contextlib.contextmanager
def messages():
    """Counts the messages to the database."""
    sent = []

    def count(_engine, **facts):
        sent.append(facts["outcome"])

    with statement_executed.connected_to(count):
        yield sent


def test_one_message_and_two_if_days_are_missing_or_a_next_is_there(user):
    fresh, used = user.create(**recurring()), user.create(**recurring())
    use_up(user, used)
    with messages() as sent:
        following = user.bulk(complete(fresh), read=False).following[0]
    assert sent == ["ok"]
    with messages() as sent:
        user.bulk(complete(used), read=False)
    assert sent == ["ok", "ok"]
    user.put(following, title="changed")
    with messages() as sent:
        user.bulk(complete(fresh, completed=False), read=False)
    assert sent == ["ok"]
    with messages() as sent:
        assert not user.bulk(complete(fresh), read=False).following
    assert sent == ["failed", "ok"]
    assert_whole(user.url, user.user_id)
