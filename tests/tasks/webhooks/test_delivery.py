"""What a webhook receives: every change once, in order, with the same bytes at each try."""

import pytest
from psycopg2.extras import Json

from taskapp.http.version import VERSION
from taskapp.tasks.webhooks.delivery.delivery import MAXIMUM_DELIVERIES
from tests.support.postgres import run_sql


@pytest.fixture
def user(webhooks):
    return webhooks.user()


def feed_of(user):
    changes = user.send("GET", "?after=0&limit=1000", resource="changes").json["data"]
    return [{name: value for name, value in change.items() if name != "task"} for change in changes]


def test_changes_arrive_as_the_feed_has_them(webhooks, receiver, user):
    webhook, _ = webhooks.add(user.user_id, receiver.url)
    task = user.write(title="Buy milk").json["data"]["id"]
    user.send("PUT", f"/{task}", json={"title": "Buy oat milk"})
    user.send("DELETE", f"/{task}")
    webhooks.deliver()
    (received,) = receiver.received
    feed = feed_of(user)
    assert received.json == {
        "type": "changes",
        "timestamp": feed[-1]["at"],
        "data": {"user_id": user.user_id, "after": 0, "changes": feed},
    }
    assert received.id == f"wh_{webhook}_1_3"
    row = webhooks.row(webhook)
    assert (row["number"], row["upto"], row["attempts"], row["last_status"]) == (3, None, 0, 204)


def test_request_is_what_standard_webhooks_asks_for(webhooks, receiver, user):
    _, key = webhooks.add(user.user_id, receiver.url)
    user.write()
    webhooks.deliver()
    (received,) = receiver.received
    assert received.is_signed_by(key)
    assert not received.is_signed_by(b"x" * 32)
    expected = {"content-type": "application/json", "user-agent": f"taskapp/{VERSION}", "accept-encoding": "identity"}
    assert expected.items() <= received.headers.items()


def test_nothing_is_sent_without_changes_or_to_disabled_webhooks(webhooks, receiver, user):
    user.write()
    webhooks.add(user.user_id, receiver.url, number=1)
    webhooks.add(user.user_id, receiver.url, enabled=False)
    webhooks.add("somebody else", receiver.url)
    webhooks.deliver()
    assert receiver.received == []


def test_each_webhook_of_a_user_has_its_own_place(webhooks, receiver, user):
    for number in (0, 1, 2):
        webhooks.add(user.user_id, receiver.url, number=number)
    for _ in range(3):
        user.write()
    webhooks.deliver()
    assert sorted(received.numbers for received in receiver.received) == [[1, 2, 3], [2, 3], [3]]


def test_a_backlog_arrives_in_order_in_deliveries_of_100(webhooks, receiver, user):
    count = 100 * (MAXIMUM_DELIVERIES + 2) + 50  # More than in one go.
    webhooks.fill([user.user_id], count)
    webhooks.add(user.user_id, receiver.url)
    webhooks.deliver()
    assert receiver.numbers == list(range(1, count + 1))
    assert {len(received.numbers) for received in receiver.received[:-1]} == {100}
    assert receiver.received[1].json["data"]["after"] == 100


def log_values(webhooks, user, sizes):
    """Add a change for each size, whose value has so many bytes in the log."""
    for number, size in enumerate(sizes, 1):
        # Long values are compressed in the log. These cannot be.
        text = run_sql(webhooks.url, "SELECT string_agg(md5(random()::text), '') FROM generate_series(1, %s)", [size])
        run_sql(
            webhooks.url,
            "INSERT INTO changes (user_id, number, task_id, at, after) VALUES (%s, %s, 1, now(), %s)",
            [user.user_id, number, Json({"title": text[0][0][:size]})],
        )


def test_a_delivery_has_some_20_kilobytes_but_at_least_one_change(webhooks, receiver, user):
    webhooks.add(user.user_id, receiver.url)
    log_values(webhooks, user, [10, 9_000, 9_000, 9_000, 30_000, 10])
    webhooks.deliver()
    assert [received.numbers for received in receiver.received] == [[1, 2, 3], [4], [5], [6]]


def test_values_that_compress_well_count_in_full(webhooks, receiver, user):
    webhooks.add(user.user_id, receiver.url)
    task = user.write(title="Long").json["data"]["id"]
    for letter in "ab" * 30:
        user.send("PUT", f"/{task}", json={"title": letter * 250, "description": letter * 1000})
    webhooks.deliver()
    assert [number for received in receiver.received for number in received.numbers] == [*range(1, 62)]
    assert max(len(received.body) for received in receiver.received) < 30_000


def test_a_range_stays_fixed_whatever_the_limits_of_a_later_release_are(webhooks, receiver, user):
    webhooks.add(user.user_id, receiver.url, upto=4)
    log_values(webhooks, user, [9_000] * 5)
    webhooks.deliver()
    assert [received.numbers for received in receiver.received] == [[1, 2, 3, 4], [5]]


def test_each_try_has_the_same_bytes_though_more_has_changed(webhooks, receiver, user):
    receiver.responses = [500, 503, 302, 404]
    webhook, key = webhooks.add(user.user_id, receiver.url)
    for _ in range(4):
        user.write()
        webhooks.make_due()
        webhooks.deliver()
    webhooks.make_due()
    webhooks.deliver()
    first, *others = receiver.received[:5]
    assert first.numbers == [1]
    assert {(each.id, each.body) for each in others} == {(first.id, first.body)}
    assert all(each.is_signed_by(key) for each in receiver.received)
    assert receiver.received[5].numbers == [2, 3, 4]
    assert webhooks.row(webhook)["number"] == 4


@pytest.mark.parametrize(("rotated", "count"), [("1 hour", 2), ("23 hours 59 minutes", 2), ("24 hours 1 minute", 1)])
def test_both_secrets_sign_for_24_hours_after_a_rotation(webhooks, receiver, user, rotated, count):
    previous = b"p" * 32
    ago = run_sql(webhooks.url, "SELECT now() - %s::interval", [rotated])[0][0]
    _, key = webhooks.add(user.user_id, receiver.url, previous_secret=previous, rotated_at=ago)
    user.write()
    webhooks.deliver()
    (received,) = receiver.received
    assert len(received.headers["webhook-signature"].split()) == count
    assert received.is_signed_by(key)
    assert received.is_signed_by(previous) == (count == 2)


def test_user_ids_of_any_kind(webhooks, receiver):
    for name in ("ü/%?#", "a b\u2028c", "x" * 255, "'; DROP TABLE webhooks"):
        webhooks.fill([name], 1)
        webhooks.add(name, receiver.url, number=0)
    webhooks.deliver()
    assert len({received.json["data"]["user_id"] for received in receiver.received}) == 4


@pytest.mark.parametrize("seconds", ["0", "86401", "inf"])
def test_seconds_that_no_wait_can_take_are_refused(webhooks, seconds):
    arguments = ["webhooks", "deliver", "--once", "--idle-seconds", seconds]
    assert webhooks.app.test_cli_runner().invoke(args=arguments).exit_code == 2
