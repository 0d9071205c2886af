"""Reminders on their way to webhooks: each is an event of its own, in order, and delays nothing else."""

import threading
import time

import pytest

from taskapp.db.execute import statement_executed
from taskapp.tasks.webhooks.delivery import reminders
from taskapp.tasks.webhooks.delivery.reminders import ReminderThread
from tests.db.test_turn import held_turn
from tests.support.deliveries import wait_for
from tests.support.importing import NDJSON, ndjson
from tests.support.postgres import run_sql
from tests.support.waiting import wait_until

PAST = {"reminder": {"at": "2026-01-01T00:00:00Z"}}
# Later than the deadline of a statement.
LONG = 8


@pytest.fixture
def user(webhooks):
    user = webhooks.user()
    yield user
    run_sql(webhooks.url, "DELETE FROM tasks")


def create(user, **fields):
    response = user.send("POST", json={"title": "t", **fields})
    assert response.status_code == 201
    return response.json["data"]["id"]


def types_of(receiver):
    return [(received.json["type"], received.numbers) for received in receiver.received]


def test_a_reminder_is_delivered_alone_and_in_its_place(webhooks, receiver, user):
    webhooks.add(user.user_id, receiver.url)
    create(user)
    task = create(user, **PAST)
    webhooks.deliver()  # Fires it first.
    create(user)
    webhooks.deliver()
    assert types_of(receiver) == [("changes", [1, 2]), ("reminder.due", [3]), ("changes", [4])]
    reminder = receiver.received[1]
    (change,) = reminder.json["data"]["changes"]
    assert (change["task_id"], [*change["changed"]], change["changed"]["reminded_at"]["from"]) == (
        task,
        ["reminded_at"],
        None,
    )
    assert reminder.json["data"]["after"] == 2


def test_reminders_one_after_the_other(webhooks, receiver, user):
    webhooks.add(user.user_id, receiver.url)
    for _ in range(3):
        create(user, **PAST)
    webhooks.deliver()
    assert types_of(receiver) == [("changes", [1, 2, 3]), *(("reminder.due", [number]) for number in (4, 5, 6))]


def test_each_try_of_a_reminder_has_the_same_bytes(webhooks, receiver, user):
    webhooks.add(user.user_id, receiver.url, number=1)
    receiver.responses = [500]
    create(user, **PAST)
    webhooks.deliver()
    create(user)
    webhooks.make_due()
    webhooks.deliver()
    first, second, third = receiver.received
    assert (first.id, first.body, first.json["type"]) == (second.id, second.body, "reminder.due")
    assert third.json["type"] == "changes"


def test_undo_and_deletion_are_no_reminders(webhooks, receiver, user):
    webhooks.add(user.user_id, receiver.url)
    task = create(user, **PAST)
    webhooks.deliver()
    later = {"reminder": {"at": "2030-01-01T00:00:00Z"}}
    assert user.send("PATCH", f"/{task}", json=later).json["data"]["reminded_at"] is None
    assert user.send("POST", "/3/undo", resource="changes").status_code == 200
    assert user.send("GET", f"/{task}").json["data"]["reminded_at"]
    assert user.send("DELETE", f"/{task}").status_code == 200
    assert user.send("POST", f"/{task}/restore").status_code in {200, 201}
    webhooks.deliver()
    assert [kind for kind, _ in types_of(receiver)] == ["changes", "reminder.due", "changes"]


def test_an_import_is_no_reminder(webhooks, receiver, user):
    """A file may say that another service has reminded, so nobody needs to hear of it again."""
    task = user.send("POST", json={"title": "t", "reminder": {"at": "2035-01-01T00:00:00Z"}}).json["data"]
    webhooks.add(user.user_id, receiver.url, number=1)
    line = {name: task[name] for name in ("uid", "title", "reminder")}
    file = ndjson({**line, "reminded_at": "2026-01-01T00:00:00Z"})
    imported = user.send("POST", "/import?existing=update", data=file, headers={"Content-Type": NDJSON})
    assert imported.json["data"]["updated"] == 1
    webhooks.deliver()
    assert types_of(receiver) == [("changes", [2])]


def test_a_bug_does_not_end_the_thread_of_reminders(webhooks, user, monkeypatch):
    """The process would go on without any reminder."""
    bugs = [RuntimeError("can't start new thread")]

    def fail(_sender, **_):
        if threading.current_thread().name == "reminders" and bugs:
            raise bugs.pop()

    monkeypatch.setattr(reminders, "_BUG", 0.1)
    create(user, **PAST)
    fired = "SELECT count(*) FROM tasks WHERE reminded_at IS NOT NULL"
    with statement_executed.connected_to(fail), ReminderThread(webhooks.app, 60):
        wait_until(lambda: run_sql(webhooks.url, fired) == [(1,)], "the reminder is not fired", 60)
    assert not bugs


@pytest.mark.slow
def test_a_user_whose_turn_takes_long_delays_no_delivery(webhooks, receiver, user, start_deliverer):
    webhooks.add(user.user_id, receiver.url)
    busy = webhooks.user()
    create(busy, **PAST)
    with held_turn(webhooks.url, busy.user_id):
        start_deliverer(REQUEST_TIMEOUT=LONG)
        for number in range(1, 5):
            written = time.monotonic()
            create(user)
            wait_for(receiver, number)
            assert receiver.received[-1].at - written < LONG - 3
    fired = "SELECT reminded_at IS NOT NULL FROM tasks WHERE user_id = %s"
    wait_until(lambda: run_sql(webhooks.url, fired, [busy.user_id]) == [(True,)], "the reminder is not fired", 60)
