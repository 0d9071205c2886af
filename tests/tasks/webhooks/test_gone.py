"""A webhook whose changes are no longer in the log is told so once, and goes on from the newest."""

import pytest

from taskapp.http.json_provider import with_microseconds
from tests.support.postgres import run_sql


@pytest.fixture
def user(webhooks):
    user = webhooks.user("a user ü")
    webhooks.fill([user.user_id], 10)
    yield user
    run_sql(webhooks.url, "DELETE FROM changes WHERE user_id = %s", [user.user_id])


def forget(webhooks, user, up_to):
    run_sql(webhooks.url, "DELETE FROM changes WHERE user_id = %s AND number <= %s", [user.user_id, up_to])


def at_of(webhooks, user, number):
    statement = "SELECT at AT TIME ZONE 'UTC' FROM changes WHERE user_id = %s AND number = %s"
    at = with_microseconds(run_sql(webhooks.url, statement, [user.user_id, number])[0][0])
    return at if isinstance(at, str) else f"{at.isoformat()}Z"


def test_purged_changes_are_one_event(webhooks, receiver, user):
    webhook, _ = webhooks.add(user.user_id, receiver.url, number=2)
    forget(webhooks, user, 5)
    webhooks.deliver()
    (received,) = receiver.received
    assert received.json == {
        "type": "changes.gone",
        "timestamp": at_of(webhooks, user, 10),
        "data": {"user_id": user.user_id, "after": 2, "restart": "/api/a%20user%20%C3%BC/tasks?sort=id&as_of=now"},
    }
    assert received.id == f"wh_{webhook}_gone_10"
    assert webhooks.row(webhook)["number"] == 10


def test_its_tries_have_the_same_bytes(webhooks, receiver, user):
    receiver.responses = [500]
    webhooks.add(user.user_id, receiver.url, number=2)
    forget(webhooks, user, 5)
    webhooks.deliver()
    assert user.write().status_code == 201
    webhooks.make_due()
    webhooks.deliver()
    first, second, third = receiver.received
    assert (first.id, first.body) == (second.id, second.body)
    assert third.numbers == [11]


def test_changes_that_are_purged_between_two_tries_are_gone(webhooks, receiver, user):
    receiver.responses = [500]
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    webhooks.deliver()
    assert user.write().status_code == 201
    forget(webhooks, user, 3)
    webhooks.make_due()
    webhooks.deliver()
    assert receiver.ids == [f"wh_{webhook}_1_10", f"wh_{webhook}_gone_10", f"wh_{webhook}_11_11"]


def test_the_whole_range_may_be_purged(webhooks, receiver, user):
    receiver.responses = [500]
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    webhooks.deliver()
    assert user.write().status_code == 201
    forget(webhooks, user, 10)
    webhooks.make_due()
    webhooks.deliver()
    assert receiver.ids == [f"wh_{webhook}_1_10", f"wh_{webhook}_gone_11"]


def test_a_marker_is_never_sent(webhooks, receiver, user):
    webhook, _ = webhooks.add(user.user_id, receiver.url, number=9)
    marker = "UPDATE changes SET task_id = 0, before = '{}', after = '{}' WHERE user_id = %s AND number = 10"
    run_sql(webhooks.url, marker, [user.user_id])
    forget(webhooks, user, 9)
    webhooks.deliver()
    assert receiver.ids == [f"wh_{webhook}_gone_10"]


def test_what_was_received_may_be_purged(webhooks, receiver, user):
    webhooks.add(user.user_id, receiver.url, number=5)
    forget(webhooks, user, 5)
    webhooks.deliver()
    assert receiver.numbers == [6, 7, 8, 9, 10]
