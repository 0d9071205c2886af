"""What a look and a delivery read: each webhook and each change by its key, whatever PostgreSQL knows of the tables."""

import threading
import time

import pytest

from taskapp.db import execute as execute_module
from taskapp.tasks.webhooks.delivery import courier, delivery
from taskapp.tasks.webhooks.delivery.delivery import Options
from tests.support.postgres import connect, run_sql

pytestmark = pytest.mark.slow

IDLE = 10_000
CHANGES = 100_000
FILL = """
INSERT INTO webhooks (user_id, url, secret, number)
    SELECT 'idle ' || n, 'http://127.0.0.1:1/', decode(repeat('00', 32), 'hex'), 10 FROM generate_series(1, %s) n;
INSERT INTO changes (user_id, number, task_id, at, after)
    SELECT 'idle ' || u, n, 1, now(), '{}' FROM generate_series(1, %s) u, generate_series(1, 10) n;
INSERT INTO changes (user_id, number, task_id, at, after)
    SELECT 'busy', n, 1, now(), '{}' FROM generate_series(1, %s) n
"""


@pytest.fixture(scope="module", params=["not analyzed", "analyzed"])
def crowd(request, module_webhooks):
    """10,000 idle webhooks of as many users, and a user with a long log."""
    url = module_webhooks.url
    run_sql(url, "TRUNCATE webhooks, changes")
    run_sql(url, FILL, [IDLE, IDLE, CHANGES])
    if request.param == "analyzed":
        run_sql(url, "ANALYZE webhooks, changes")
    yield module_webhooks
    module_webhooks.remove_all()


def plans_of(url, monkeypatch, act):
    """The plans by which the statements of a function were run."""
    messages, send = [], execute_module._execute_on

    def record(connection, message, *rest):
        messages.append(message)
        return send(connection, message, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(execute_module, "_execute_on", record)
        act()
    return [plan_of(url, message) for message in messages]


def plan_of(url, message):
    # The prefix ends where the line of its settings does.
    prefix, end, statement = message.text.partition("'TimeZone', 'UTC', true);\n")
    values = {**message.values, "statement_timeout": "0"}
    with connect(url) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        cursor.execute(f"{prefix}{end}EXPLAIN {statement}", values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
        connection.rollback()
    return plan


def test_look_at_10000_idle_webhooks(crowd):
    seconds = []
    with crowd.app.app_context():
        for _ in range(20):
            started = time.monotonic()
            assert courier.look(64) == (True, [])
            seconds.append(time.monotonic() - started)
    seconds.sort()
    print(f"a look at {IDLE} idle webhooks: median {seconds[10] * 1000:.1f} ms, best {seconds[0] * 1000:.1f} ms")  # noqa: T201
    assert seconds[0] < 1


def assert_by_key(plan, *, looks=False):
    assert "Seq Scan on changes" not in plan, plan
    assert looks or "Seq Scan on webhooks" not in plan, plan
    scans = [line for line in plan.splitlines() if " on changes" in line or " on pk_changes" in line]
    assert scans, plan
    # Without statistics, PostgreSQL prefers a bitmap of the index to its order.
    assert all("pk_changes" in line or "Bitmap Heap Scan" in line for line in scans), plan
    conditions = [line for line in plan.splitlines() if "Index Cond" in line and "number" in line]
    assert conditions, plan
    assert all("user_id" in line for line in conditions), plan


def test_plans(crowd, receiver, monkeypatch):
    (look,) = plans_of(crowd.url, monkeypatch, lambda: look_once(crowd))
    assert_by_key(look, looks=True)
    for number in (0, CHANGES - 50):
        webhook, _ = crowd.add("busy", receiver.url, number=number)
        _, begin, success = plans_of(crowd.url, monkeypatch, lambda: deliver_one(crowd))
        assert_by_key(begin)
        assert_by_key(success)
        run_sql(crowd.url, "DELETE FROM webhooks WHERE id = %s", [webhook])


def look_once(crowd):
    with crowd.app.app_context():
        courier.look(64)


def deliver_one(crowd):
    """One delivery, without the looks."""
    with crowd.app.app_context():
        (due,) = courier.look(1).due
        stopping = threading.Event()
        options = Options(
            allow_private=True, prefix="", log_calls=False, stopping=stopping, database=threading.Semaphore()
        )
        delivery._Delivery(due, options).run()
