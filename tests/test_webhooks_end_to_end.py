"""Webhooks as a user of the service has them: from the API through gunicorn's process to a receiver."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from tests.support.documents import run_javascript
from tests.support.external import require_node_package
from tests.support.ports import free_port
from tests.support.receivers import Receiver
from tests.support.urls import text_url
from tests.support.waiting import wait_until
from tests.support.webhook_receiver import PageReceiver
from tests.support.webhooks import add, get, rotate

pytestmark = pytest.mark.slow

# Reads a message and its secret, and prints the type of the event; then the reason why a changed one is refused.
VERIFY = """
import { Webhook } from "standardwebhooks";
const { secret, body, headers } = JSON.parse(process.env.MESSAGE);
console.log(new Webhook(secret).verify(body, headers).type);
try {
  new Webhook(secret).verify(body.replace("created", "updated"), headers);
} catch (error) {
  console.log(error.message);
}
"""


@pytest.fixture
def service(new_database, via_pooler, start_server):
    """A service with a database of its own, in which no webhook keeps the process awake."""
    url = text_url(via_pooler(new_database()))
    gunicorn = start_server(DATABASE_URL=url, DELIVER_WEBHOOKS="true", WEBHOOK_ALLOW_PRIVATE="true")
    wait_until(lambda: "Delivering webhooks" in gunicorn.log.read_text(), gunicorn.log.read_text, 60)
    return gunicorn


@pytest.fixture
def receiver():
    with Receiver() as receiver:
        yield receiver


def wait_for(receiver, count):
    wait_until(lambda: len(receiver.received) >= count, lambda: f"only {receiver.numbers}", 60)


def test_new_webhook_wakes_the_process_that_would_sleep_for_half_an_hour(service, receiver):
    user = service.client()
    webhook = add(user, url=f"{receiver.url}/")
    for title in ("first", "second"):
        user.create(title=title)
    wait_until(lambda: receiver.numbers == [1, 2], lambda: f"only {receiver.numbers}", 60)
    wait_until(lambda: get(user, webhook)["behind"] == 0, "it is not recorded", 60)
    assert all(received.is_signed_by(webhook["secret"]) for received in receiver.received)


def test_call_is_completed_when_the_service_stops(service, receiver):
    receiver.delay = 3
    user = service.client()
    webhook = add(user, url=f"{receiver.url}/")
    user.create()
    wait_for(receiver, 1)
    service.stop()
    assert "Delivering webhooks has ended" in service.log.read_text()
    service.start()
    receiver.delay = 0
    user.close()
    assert get(user, webhook)["number"] == 1
    user.create()
    wait_for(receiver, 2)
    assert receiver.numbers == [1, 2]


def test_reminder_wakes_the_process_and_arrives_in_its_place(service, receiver):
    user, later = service.client(), service.client()
    now = datetime.now(UTC)
    without_webhook = later.create(reminder={"at": (now + timedelta(seconds=3)).isoformat()})
    wait_until(lambda: later.get(f"/{without_webhook['id']}").data["reminded_at"], "no reminder", 60)
    webhook = add(user, url=f"{receiver.url}/")
    task = user.create(reminder={"at": (now + timedelta(seconds=1)).isoformat()})
    user.create(title="another")
    wait_until(lambda: len(receiver.numbers) == 3, lambda: f"only {receiver.numbers}", 60)
    (reminder,) = (received for received in receiver.received if received.json["type"] == "reminder.due")
    (change,) = reminder.json["data"]["changes"]
    assert receiver.numbers == [1, 2, 3]
    assert reminder.is_signed_by(webhook["secret"])
    assert (change["task_id"], change["type"], [*change["changed"]]) == (task["id"], "updated", ["reminded_at"])


def test_receiver_of_the_page_gets_changes_once_and_in_order(service, tmp_path):
    user, port = service.client(), free_port()
    webhook = add(user, url=f"http://127.0.0.1:{port}/taskapp")
    task = user.create()
    with PageReceiver(tmp_path, webhook["secret"], port) as receiver:
        user.put(f"/{task['id']}", json={"title": "another"})
        user.delete(f"/{task['id']}")
        wait_until(lambda: len(receiver.handled()) >= 3, lambda: receiver.handled(), 60)
        assert receiver.handled() == [
            f"changes {number} {kind} {task['id']}" for number, kind in ((1, "created"), (2, "updated"), (3, "deleted"))
        ]


def test_leaked_secret_signs_no_longer_after_two_rotations(service, receiver):
    user = service.client()
    webhook = add(user, url=f"{receiver.url}/")
    new_secrets = [rotate(user, webhook).data["secret"] for _ in range(2)]
    user.create()
    wait_for(receiver, 1)
    assert [receiver.received[0].is_signed_by(secret) for secret in new_secrets] == [True, True]
    assert not receiver.received[0].is_signed_by(webhook["secret"])


def test_node_accepts_signatures_of_both_secrets(service, receiver):
    require_node_package("standardwebhooks")
    user = service.client()
    webhook = add(user, url=f"{receiver.url}/")
    new_secret = rotate(user, webhook).data["secret"]
    user.create(title="Größe: ∞ 🎉")
    wait_for(receiver, 1)
    received = receiver.received[0]
    assert received.headers.keys() >= {"webhook-id", "webhook-timestamp", "webhook-signature"}
    for secret in (webhook["secret"], new_secret):
        message = {"secret": secret, "body": received.body.decode(), "headers": received.headers}
        printed = run_javascript(VERIFY, MESSAGE=json.dumps(message))
        assert printed == ["changes", "No matching signature found"]
