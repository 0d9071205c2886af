"""When a failed delivery is tried again, and what ends it."""

import pytest

from taskapp.tasks.webhooks.delivery.schedule import JITTER, WAITS, seconds_to_wait
from taskapp.tasks.webhooks.schemas import WebhookOut
from tests.support.receivers import answer

DAY = 24 * 3600
PLANNED = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
# What a busy machine may take between the statement of the service and that of the test.
SLACK = 30


@pytest.fixture
def user(webhooks):
    user = webhooks.user()
    user.write()
    return user


def test_nine_waits_then_the_tenth_failure_disables(webhooks, receiver, user):
    receiver.responses = [500] * 10
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    for attempt, planned in enumerate(PLANNED, 1):
        webhooks.deliver()
        row = webhooks.row(webhook)
        assert (row["attempts"], row["enabled"], row["last_status"], row["number"]) == (attempt, True, 500, 0)
        left = webhooks.seconds_left(webhook)
        assert planned * (1 - JITTER) - SLACK < left <= planned * (1 + JITTER)
        assert len(receiver.received) == attempt
        webhooks.make_due()
    failing_since = webhooks.row(webhook)["failing_since"]
    webhooks.deliver()
    row = webhooks.row(webhook)
    assert (row["attempts"], row["enabled"], row["failing_since"]) == (10, False, failing_since)
    assert row["disabled_at"] > failing_since
    webhooks.make_due()
    webhooks.deliver()
    assert len(receiver.received) == 10
    assert len({(each.id, each.body) for each in receiver.received}) == 1


def test_waits_differ_so_that_receivers_of_a_host_are_not_called_together():
    waits = {seconds_to_wait(2, 0) for _ in range(100)}
    assert len(waits) > 50
    assert 300 * (1 - JITTER) <= min(waits) < max(waits) <= 300 * (1 + JITTER)
    assert list(WAITS) == PLANNED


def test_a_success_begins_anew_with_the_tries(webhooks, receiver, user):
    receiver.responses = [500, 500]
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    for _ in range(3):
        webhooks.deliver()
        webhooks.make_due()
    row = webhooks.row(webhook)
    assert [row[name] for name in ("attempts", "failing_since", "last_status", "number")] == [0, None, 204, 1]


def test_410_disables_at_once(webhooks, receiver, user):
    receiver.responses = [410]
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    webhooks.deliver()
    row = webhooks.row(webhook)
    assert (row["enabled"], row["attempts"], row["last_status"]) == (False, 1, 410)
    assert row["disabled_at"]


@pytest.mark.parametrize("status", [301, 302, 307, 308, 304, 400, 401, 404, 408, 500, 599, 999])
def test_everything_but_2xx_is_a_failure(webhooks, receiver, user, status):
    receiver.responses = [answer(status, Location=f"{receiver.url}/elsewhere")]
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    webhooks.deliver()
    row = webhooks.row(webhook)
    assert (row["number"], row["attempts"], row["last_status"]) == (0, 1, status)
    assert len(receiver.received) == 1
    shown = user.send("GET", f"/{webhook}", resource="webhooks").json["data"]
    assert not WebhookOut(only=("last_status",)).validate({"last_status": shown["last_status"]})


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_a_success(webhooks, receiver, user, status):
    receiver.responses = [status]
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    webhooks.deliver()
    assert webhooks.row(webhook)["number"] == 1


@pytest.mark.parametrize(
    ("status", "value", "seconds"),
    [
        (503, "3600", 3600),
        (429, "120", 120),
        (503, "999999999999999999999", DAY),
        (503, "1", 5),
        (500, "3600", 5),
        (503, "soon", 5),
        (503, "-3600", 5),
        (429, "٣٦٠٠", 5),
        (429, "", 5),
        (503, "Mon, 99 Foo 2026 25:00:00 GMT", 5),
        (503, "Mon, 01 Jan 99999999999999 00:00:00 GMT", 5),
        (429, "Mon, 01 Jan 2027 00:00:00 +99999999999999999999", 5),
        (503, "Wed, 01 Jan 2020 00:00:00 GMT", 5),
        (503, "Tue, 01 Jan 2999 00:00:00 GMT", DAY),
    ],
)
def test_retry_after_of_429_and_503_lengthens_the_wait(webhooks, receiver, user, status, value, seconds):
    receiver.responses = [answer(status, Retry_After=value.encode().decode("latin-1"))]
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    webhooks.deliver()
    assert webhooks.row(webhook)["attempts"] == 1
    assert seconds * (1 - JITTER) - SLACK < webhooks.seconds_left(webhook) <= seconds * (1 + JITTER)


def test_a_receiver_that_is_down_has_no_status(webhooks, user):
    webhook, _ = webhooks.add(user.user_id, "http://127.0.0.1:1/", last_status=500)
    webhooks.deliver()
    row = webhooks.row(webhook)
    assert (row["attempts"], row["last_status"]) == (1, None)


def test_nothing_overtakes_a_failure(webhooks, receiver, user):
    receiver.responses = [500]
    webhooks.add(user.user_id, receiver.url)
    webhooks.deliver()
    user.write()
    webhooks.deliver()
    assert receiver.numbers == [1]
    webhooks.make_due()
    webhooks.deliver()
    assert receiver.numbers == [1, 1, 2]


def test_a_failure_delays_no_other_webhook(webhooks, receiver, user):
    webhooks.add(user.user_id, "http://127.0.0.1:1/")
    webhooks.add(user.user_id, receiver.url)
    webhooks.deliver()
    assert receiver.numbers == [1]
