"""Leases: one delivery at a time for each webhook, and what becomes of the results of those that lost theirs."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskapp.tasks.webhooks.delivery import courier
from taskapp.tasks.webhooks.delivery.delivery import Options, deliver
from tests.support.postgres import connect

COUNT = 10


@pytest.fixture
def user(webhooks):
    user = webhooks.user()
    user.write()
    return user


@pytest.fixture
def options():
    return Options(
        allow_private=True, prefix="", log_calls=False, stopping=threading.Event(), database=threading.Semaphore(4)
    )


def take(webhooks, most=64):
    with webhooks.app.app_context():
        return courier.look(most).leases


def run(webhooks, lease, options):
    with webhooks.app.app_context():
        return deliver(lease, options)


def test_lease_lasts_a_minute(webhooks, receiver, user):
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    (lease,) = take(webhooks)
    assert (lease.user_id, lease.webhook_id) == (user.user_id, webhook)
    assert 30 < webhooks.seconds_left(webhook) <= courier.LEASE_SECONDS
    assert take(webhooks) == []


def test_leases_are_limited_and_the_longest_wait_comes_first(webhooks, receiver, user):
    ids = [webhooks.add(user.user_id, receiver.url, due_at=f"2026-01-0{day}")[0] for day in (3, 1, 2)]
    assert [lease.webhook_id for lease in take(webhooks, 2)] == [ids[1], ids[2]]
    assert [lease.webhook_id for lease in take(webhooks, 2)] == [ids[0]]


def test_look_says_whether_any_webhook_is_enabled(webhooks, receiver, user):
    webhook, _ = webhooks.add(user.user_id, receiver.url, enabled=False)
    with webhooks.app.app_context():
        assert courier.look(1) == (False, [])
        webhooks.set(webhook, enabled=True, number=1)
        assert courier.look(1) == (True, [])


def test_no_webhook_is_leased_twice_by_many_at_once(webhooks, receiver):
    users = [f"leased {number}" for number in range(100)]
    webhooks.fill(users, 1)
    ids = {webhooks.add(user, receiver.url)[0] for user in users}
    with ThreadPoolExecutor(COUNT) as threads:
        taken = list(threads.map(lambda _: take(webhooks, 7), range(3 * COUNT)))
    leases = [lease.webhook_id for some in taken for lease in some]
    assert len(leases) == len(set(leases))
    assert set(leases) <= ids
    assert {lease.webhook_id for lease in take(webhooks, 100)} == ids - set(leases)


def test_a_look_does_not_wait_for_a_webhook_that_its_user_is_changing(webhooks, receiver, user):
    changed, _ = webhooks.add(user.user_id, receiver.url, due_at="2026-01-01")
    other, _ = webhooks.add(user.user_id, receiver.url)
    with contextlib.closing(connect(webhooks.url)) as session, session.cursor() as cursor:
        session.autocommit = False
        cursor.execute("UPDATE webhooks SET enabled = enabled WHERE id = %s", [changed])
        assert [lease.webhook_id for lease in take(webhooks)] == [other]
        session.rollback()
    assert [lease.webhook_id for lease in take(webhooks)] == [changed]


def test_late_result_counts_if_nobody_else_took_the_webhook(webhooks, receiver, user, options):
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    (lease,) = take(webhooks)
    # The end of a lease is only a time: nothing of the webhook changes.
    ended = lease._replace(due_at=lease.due_at.replace(year=2020))
    webhooks.set(webhook, due_at=f"{ended.due_at}+00")
    run(webhooks, ended, options)
    assert webhooks.row(webhook)["number"] == 1


@pytest.mark.parametrize("status", [204, 500, 410])
def test_result_of_a_lost_lease_moves_nothing(webhooks, receiver, user, options, status):
    """The user has replayed meanwhile, or the lease ran out and another process has taken the webhook."""
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    (lease,) = take(webhooks)
    during = {}

    def take_away(handler):
        webhooks.make_due()
        (other,) = take(webhooks)
        during.update(row=webhooks.row(webhook), other=other)
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.responses = [take_away]
    run(webhooks, lease, options)
    assert webhooks.row(webhook) == during["row"]
    run(webhooks, during["other"], options)
    assert webhooks.row(webhook)["number"] == 1
    assert receiver.received[0].body == receiver.received[1].body


def test_nothing_is_sent_with_a_lost_lease(webhooks, receiver, user, options):
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    (lease,) = take(webhooks)
    webhooks.make_due()
    run(webhooks, lease, options)
    assert receiver.received == []
    webhooks.set(webhook, enabled=False)
    webhooks.deliver()
    assert receiver.received == []


def test_nothing_is_sent_shortly_before_the_end_of_a_lease(webhooks, receiver, user, options):
    webhooks.add(user.user_id, receiver.url)
    (lease,) = take(webhooks)
    run(webhooks, lease._replace(ends_at=lease.ends_at - courier.LEASE_SECONDS + 10), options)
    assert receiver.received == []


def test_disabled_and_deleted_during_a_call(webhooks, receiver, user, options):
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    (lease,) = take(webhooks)

    def disable(handler):
        webhooks.set(webhook, enabled=False)
        handler.send_response(500)
        handler.end_headers()

    receiver.responses = [disable]
    run(webhooks, lease, options)
    row = webhooks.row(webhook)
    assert (row["enabled"], row["disabled_at"], row["attempts"]) == (False, None, 0)
    webhooks.set(webhook, enabled=True, due_at="2026-01-01")
    (lease,) = take(webhooks)
    receiver.responses = [lambda handler: (webhooks.remove_all(), handler.send_response(204), handler.end_headers())]
    assert run(webhooks, lease, options) is False


def test_stopping_gives_the_webhook_back(webhooks, receiver, user, options):
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    (lease,) = take(webhooks)
    options.stopping.set()
    run(webhooks, lease, options)
    assert receiver.received == []
    assert [lease.webhook_id for lease in take(webhooks)] == [webhook]


def test_deliveries_do_not_wait_for_the_turn_of_the_user(webhooks, receiver, user):
    """A write of the user that takes long delays no delivery, and no delivery delays a write."""
    from tests.db.test_turn import held_turn  # noqa: PLC0415 # Only this test needs it.

    webhooks.add(user.user_id, receiver.url)
    with held_turn(webhooks.url, user.user_id):
        webhooks.deliver()
    assert receiver.numbers == [1]
