"""Leases: one delivery at a time for each webhook, and what becomes of the results of those that lost theirs.

A look takes no lease. The first statement of a delivery does.
"""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskapp.db.execute import execute_out_of_turn
from taskapp.tasks.webhooks.delivery import courier, queries
from taskapp.tasks.webhooks.delivery.delivery import Options, _Delivery, deliver
from taskapp.tasks.webhooks.delivery.loop import THREADS
from tests.support.postgres import connect

pytestmark = pytest.mark.slow

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


def look(webhooks, most=64):
    with webhooks.app.app_context():
        return courier.look(most).due


def begin(webhooks, due):
    """Take the lease of a webhook, and return it; None if another process was faster."""
    with webhooks.app.app_context():
        lease = {"webhook_id": due.webhook_id, "lease": due.due_at}
        rows = execute_out_of_turn(queries.BEGIN, lease, user_id=due.user_id)
    return due._replace(due_at=rows[0][0]) if rows else None


def take(webhooks):
    """Take the leases of all webhooks that are due, as another process, and return them."""
    return [lease for due in look(webhooks) if (lease := begin(webhooks, due))]


def run(webhooks, due, options):
    with webhooks.app.app_context():
        return deliver(due, options)


def test_look_changes_nothing(webhooks, receiver, user):
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    before = webhooks.row(webhook)
    (due,) = look(webhooks)
    assert (due.user_id, due.webhook_id) == (user.user_id, webhook)
    assert look(webhooks) == [due]
    assert webhooks.row(webhook) == before


def test_lease_lasts_a_minute(webhooks, receiver, user):
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    assert len(take(webhooks)) == 1
    assert queries.LEASE_SECONDS - 5 < webhooks.seconds_left(webhook) <= queries.LEASE_SECONDS
    assert look(webhooks) == []


def test_looks_are_limited_and_the_longest_wait_comes_first(webhooks, receiver, user):
    ids = [webhooks.add(user.user_id, receiver.url, due_at=f"2026-01-0{day}")[0] for day in (3, 1, 2)]
    assert [due.webhook_id for due in look(webhooks, 2)] == [ids[1], ids[2]]
    assert [due.webhook_id for due in look(webhooks)] == [ids[1], ids[2], ids[0]]


def test_look_says_whether_any_webhook_is_enabled(webhooks, receiver, user):
    webhook, _ = webhooks.add(user.user_id, receiver.url, enabled=False)
    with webhooks.app.app_context():
        assert courier.look(1) == (False, [])
        webhooks.set(webhook, enabled=True, number=1)
        assert courier.look(1) == (True, [])


def test_one_of_many_at_once_gets_the_lease(webhooks, receiver):
    users = [f"leased {number}" for number in range(100)]
    webhooks.fill(users, 1)
    for user in users:
        webhooks.add(user, receiver.url)
    due = look(webhooks, 200)
    assert len(due) == len(users)
    with ThreadPoolExecutor(COUNT) as threads:
        taken = threads.map(lambda each: begin(webhooks, each), [each for each in due for _ in range(COUNT)])
        leases = [lease for lease in taken if lease]
    assert sorted(lease.webhook_id for lease in leases) == sorted(each.webhook_id for each in due)
    assert look(webhooks, 200) == []


def test_process_does_not_begin_with_those_that_every_other_one_begins_with(webhooks, receiver):
    users = [f"shuffled {number:03}" for number in range(4 * THREADS)]
    webhooks.fill(users, 1)
    for number, user in enumerate(users):
        webhooks.add(user, receiver.url, due_at=f"2026-01-01 00:{number // 60:02}:{number % 60:02}")
    webhooks.deliver()
    # On a busy machine, the receiver refuses some of so many connections at once.
    received = [each.json["data"]["user_id"] for each in receiver.received]
    assert set(received[:THREADS]) != set(users[:THREADS])


def test_nobody_waits_for_a_webhook_that_is_being_changed(webhooks, receiver, user):
    """Such as the one of a process that was faster, or of its user."""
    changed, _ = webhooks.add(user.user_id, receiver.url, due_at="2026-01-01")
    other, _ = webhooks.add(user.user_id, receiver.url)
    with contextlib.closing(connect(webhooks.url)) as session, session.cursor() as cursor:
        session.autocommit = False
        cursor.execute("UPDATE webhooks SET enabled = enabled WHERE id = %s", [changed])
        assert [due.webhook_id for due in look(webhooks)] == [changed, other]
        assert [lease.webhook_id for lease in take(webhooks)] == [other]
        session.rollback()
    assert [lease.webhook_id for lease in take(webhooks)] == [changed]


def test_late_result_counts_if_nobody_else_took_the_webhook(webhooks, receiver, user, options):
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    (due,) = look(webhooks)
    delivery = _Delivery(due, options)

    def end_lease(handler):
        # The end of a lease is only a time: nothing of the webhook changes.
        delivery._lease = delivery._lease._replace(due_at=due.due_at.replace(year=2020))
        webhooks.set(webhook, due_at=f"{delivery._lease.due_at}+00")
        handler.send_response(204)
        handler.end_headers()

    receiver.responses = [end_lease]
    with webhooks.app.app_context():
        delivery.run()
    assert webhooks.row(webhook)["number"] == 1


@pytest.mark.parametrize("status", [204, 500, 410])
def test_result_of_a_lost_lease_moves_nothing(webhooks, receiver, user, options, status):
    """The user has replayed meanwhile, or the lease ran out and another process has taken the webhook."""
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    (due,) = look(webhooks)
    during = {}

    def take_away(handler):
        webhooks.make_due()
        (other,) = take(webhooks)
        during.update(row=webhooks.row(webhook), other=other)
        handler.send_response(status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    receiver.responses = [take_away]
    run(webhooks, due, options)
    assert webhooks.row(webhook) == during["row"]
    run(webhooks, during["other"], options)
    assert webhooks.row(webhook)["number"] == 1
    assert receiver.received[0].body == receiver.received[1].body


def test_nothing_is_sent_with_a_lost_lease(webhooks, receiver, user, options):
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    (due,) = look(webhooks)
    webhooks.make_due()
    run(webhooks, due, options)
    assert receiver.received == []
    webhooks.set(webhook, enabled=False)
    webhooks.deliver()
    assert receiver.received == []


def test_nothing_is_sent_shortly_before_the_end_of_a_lease(webhooks, receiver, user, options, monkeypatch):
    monkeypatch.setattr(queries, "LEASE_SECONDS", 14)  # As if the first statement had taken most of the minute.
    webhooks.add(user.user_id, receiver.url)
    (due,) = look(webhooks)
    run(webhooks, due, options)
    assert receiver.received == []


def test_disabled_and_deleted_during_a_call(webhooks, receiver, user, options):
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    (due,) = look(webhooks)

    def disable(handler):
        webhooks.set(webhook, enabled=False)
        handler.send_response(500)
        handler.end_headers()

    receiver.responses = [disable]
    run(webhooks, due, options)
    row = webhooks.row(webhook)
    assert (row["enabled"], row["disabled_at"], row["attempts"]) == (False, None, 0)
    webhooks.set(webhook, enabled=True, due_at="2026-01-01")
    (due,) = look(webhooks)
    receiver.responses = [lambda handler: (webhooks.remove_all(), handler.send_response(204), handler.end_headers())]
    assert run(webhooks, due, options) is False


def test_stopping_gives_the_webhook_back(webhooks, receiver, user, options):
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    (due,) = look(webhooks)
    options.stopping.set()
    run(webhooks, due, options)
    assert receiver.received == []
    assert [due.webhook_id for due in look(webhooks)] == [webhook]


def test_deliveries_do_not_wait_for_the_turn_of_the_user(webhooks, receiver, user):
    """A write of the user that takes long delays no delivery, and no delivery delays a write."""
    from tests.db.test_turn import held_turn  # noqa: PLC0415 # Only this test needs it.

    webhooks.add(user.user_id, receiver.url)
    with held_turn(webhooks.url, user.user_id):
        webhooks.deliver()
    assert receiver.numbers == [1]
