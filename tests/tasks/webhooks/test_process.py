"""The process ``flask webhooks deliver``: when it looks, how fast it is, how it ends, and what it survives."""

import contextlib
import os
import signal
import socket
import time

import pytest

from tests.support.commands import flask
from tests.support.deliveries import metric, wait_for
from tests.support.hostile import HostileReceiver, _sleep
from tests.support.log_lines import records
from tests.support.ports import free_port
from tests.support.postgres import run_sql
from tests.support.urls import at_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def user(webhooks):
    return webhooks.user()


def messages(deliverer):
    return [record["message"] for record in records(deliverer)]


def delays_of(user, receiver, count, pause):
    delays = []
    for number in range(count):
        written = time.monotonic()
        user.write()
        wait_for(receiver, number + 1)
        delays.append(receiver.received[-1].at - written)
        time.sleep(pause)
    return delays


def test_delivery_within_two_seconds_of_the_write_when_idle(webhooks, receiver, user, start_deliverer):
    webhooks.add(user.user_id, receiver.url)
    start_deliverer()
    delays = delays_of(user, receiver, 10, 0.37)
    print(f"from a write to its receiver, idle: {sorted(round(delay, 2) for delay in delays)}")  # noqa: T201
    assert sorted(delays)[5] < 2
    assert receiver.numbers == list(range(1, 11))


def test_lines_have_no_url_and_no_secret(webhooks, receiver, user, start_deliverer):
    receiver.responses = [204, 500, 410]
    webhook, _ = webhooks.add(user.user_id, f"{receiver.url}/hidden-path")
    deliverer = start_deliverer()
    for count in (1, 2, 3):
        user.write()
        if count == 3:  # Not before, because it would also end the lease of a call.
            webhooks.make_due()
        wait_for(receiver, count)
        wait_until(lambda count=count: len(records(deliverer)) > count, "no line")
    deliverer.stop()
    lines = [record for record in records(deliverer) if record["message"].startswith("webhook")]
    assert [(each["message"], each["level"], each["status"], each["attempt"]) for each in lines] == [
        ("webhook delivered", "INFO", 204, 1),
        ("webhook failed", "INFO", 500, 1),
        ("webhook disabled", "WARNING", 410, 2),
    ]
    fields = {"user", "webhook", "status", "reason", "duration_ms", "attempt"}
    assert {*lines[0]} == {"time", "level", "logger", "pid", "message", *fields}
    assert (lines[0]["user"], lines[0]["webhook"]) == (user.user_id, webhook)
    text = deliverer.log.read_text()
    assert "hidden-path" not in text
    assert "127.0.0.1" not in text


def test_success_leaves_no_line_without_the_access_log(webhooks, receiver, user, start_deliverer):
    webhooks.add(user.user_id, receiver.url)
    user.write()
    deliverer = start_deliverer(ACCESS_LOG="false")
    wait_for(receiver, 1)
    deliverer.stop()
    assert messages(deliverer) == ["Delivering webhooks", "Delivering webhooks has ended"]


def test_sigterm_ends_it_after_the_current_calls(webhooks, receiver, user, start_deliverer):
    receiver.delay = 3
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    user.write()
    deliverer = start_deliverer()
    wait_for(receiver, 1)
    user.write()
    started = time.monotonic()
    assert deliverer.stop() == 0
    assert time.monotonic() - started > 1
    assert webhooks.row(webhook)["number"] == 1
    assert webhooks.seconds_left(webhook) <= 0  # Another process may go on at once.


def test_second_signal_ends_it_immediately(webhooks, user, start_deliverer):
    with HostileReceiver(_sleep) as sleeper:
        webhooks.add(user.user_id, sleeper.url)
        user.write()
        deliverer = start_deliverer()
        wait_until(lambda: sleeper.connections, "it does not call")
        started = time.monotonic()
        deliverer.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        deliverer.process.send_signal(signal.SIGTERM)
        assert deliverer.process.wait(30) == -signal.SIGTERM
        assert time.monotonic() - started < 5


def test_idle_process_ends_at_once(start_deliverer):
    deliverer = start_deliverer()
    started = time.monotonic()
    assert deliverer.stop() == 0
    assert time.monotonic() - started < 5


def last_statement(url):
    """When the last statement of the service began."""
    sessions = "datname = current_database() AND pid <> pg_backend_pid()"
    return run_sql(url, f"SELECT max(query_start) FROM pg_stat_activity WHERE {sessions}")[0][0]


def test_without_enabled_webhooks_the_database_is_left_alone(webhooks, receiver, user, start_deliverer):
    """Not one statement in ten seconds, so that a database such as Neon's suspends."""
    webhooks.add(user.user_id, receiver.url, enabled=False)
    user.write()
    found = {}
    for name, enabled in (("idle", False), ("enabled", True)):
        run_sql(webhooks.url, "UPDATE webhooks SET enabled = %s", [enabled])
        port = free_port()
        deliverer = start_deliverer("--metrics-port", str(port))
        time.sleep(3)
        before = last_statement(webhooks.url)
        time.sleep(10)
        found[name] = last_statement(webhooks.url) == before, metric(port, "webhook_looks_total")
        deliverer.stop()
    print(f"no statement in 10 seconds, and looks in 13: {found}")  # noqa: T201
    assert found["idle"] == (True, 1)
    assert found["enabled"][0] is False
    assert found["enabled"][1] >= 5


@pytest.mark.parametrize("kind", ["eventfd", "pipe"])
def test_wake_fd_makes_it_look_at_once(webhooks, receiver, user, start_deliverer, kind):
    """The service writes to it after a webhook was enabled."""
    webhook, _ = webhooks.add(user.user_id, receiver.url, enabled=False)
    reader, writer = (os.eventfd(0, os.EFD_NONBLOCK),) * 2 if kind == "eventfd" else os.pipe()
    try:
        start_deliverer(TASKAPP_WAKE_FD=reader, pass_fds=[reader])
        time.sleep(2)
        user.write()
        webhooks.set(webhook, enabled=True)
        time.sleep(2)
        assert receiver.received == []
        os.write(writer, (1).to_bytes(8, "little"))
        wait_for(receiver, 1, 20)
    finally:
        for descriptor in {reader, writer}:
            os.close(descriptor)


def test_unusable_wake_fd_is_said_and_does_no_harm(webhooks, receiver, user, start_deliverer):
    webhooks.add(user.user_id, receiver.url)
    deliverer = start_deliverer(TASKAPP_WAKE_FD=999)
    user.write()
    wait_for(receiver, 1)
    assert "Cannot use TASKAPP_WAKE_FD: Bad file descriptor" in messages(deliverer)


def test_once_ends_when_everything_is_delivered(webhooks, receiver, user, delivery_settings):
    webhooks.add(user.user_id, receiver.url)
    user.write()
    done = flask("webhooks", "deliver", "--once", **delivery_settings[1])
    assert (done.returncode, receiver.numbers) == (0, [1])


def test_once_without_a_database_is_a_sentence(delivery_settings):
    url = at_port(1, delivery_settings[0])
    settings = {**delivery_settings[1], "DATABASE_URL": url, "REQUEST_TIMEOUT": "1"}
    done = flask("webhooks", "deliver", "--once", check=False, **settings)
    assert done.returncode == 1
    assert "The database did not complete the command" in done.stderr
    assert "Traceback" not in done.stderr


def test_metrics(webhooks, receiver, user, start_deliverer):
    receiver.responses = [204, 500]
    first, _ = webhooks.add(user.user_id, receiver.url)
    port = free_port()
    deliverer = start_deliverer("--metrics-port", str(port))
    for count in (1, 2):
        user.write()
        wait_for(receiver, count)
    wait_until(lambda: metric(port, 'webhook_calls_total{outcome="failed"}') == 1, "it does not count")
    assert metric(port, 'webhook_calls_total{outcome="delivered"}') == 1
    assert metric(port, "webhook_call_duration_seconds_count") == 2
    assert metric(port, "webhook_latency_seconds_count") == 1
    assert metric(port, "webhook_looks_total") >= 2
    assert metric(port, 'webhooks_behind{state="waiting"}') == 1
    assert metric(port, 'webhooks_behind{state="due"}') == 0
    webhooks.set(first, enabled=False)
    assert metric(port, 'webhooks_behind{state="waiting"}') == 0
    done = flask(
        "webhooks",
        "deliver",
        "--metrics-port",
        str(port),
        check=False,
        JWT_SECRET="x" * 32,
        DATABASE_URL="postgresql://nobody@/none",
    )
    assert f"Cannot serve metrics on port {port}: Address already in use." in done.stderr
    with contextlib.closing(socket.socket()) as other:
        assert other.connect_ex(("127.0.0.2", port)) != 0
    deliverer.stop()
