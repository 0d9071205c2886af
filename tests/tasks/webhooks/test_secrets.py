"""The secret of a webhook: what it is, and where it never is."""

import base64
import json

import pytest
from standardwebhooks.webhooks import Webhook

from taskapp.tasks.users import service as users
from taskapp.tasks.webhooks import service
from tests.support.client import scrape
from tests.support.in_process import LocalUser
from tests.support.webhooks import URL, add, change, create, get, replay, rotate, state, webhooks_of

METRICS_TOKEN = "a-token-for-metrics_1"


def spellings(secret):
    """A secret as text, as its bytes in hexadecimal, and in base64 for URLs."""
    raw = base64.b64decode(secret.removeprefix("whsec_"))
    return [secret.removeprefix("whsec_")[:40], raw.hex(), base64.urlsafe_b64encode(raw).decode()[:40]]


def assert_hidden(text, *secrets):
    for secret in secrets:
        assert not any(spelling in text for spelling in spellings(secret))


def test_secret_is_what_libraries_of_standard_webhooks_take(alice, database_url):
    webhook = add(alice)
    stored = state(database_url, webhook)["secret"]
    raw = bytes.fromhex(stored.removeprefix("\\x"))
    assert len(raw) == 32
    assert webhook["secret"] == "whsec_" + base64.b64encode(raw).decode()
    assert Webhook(webhook["secret"])._whsecret == raw


def test_secrets_differ(alice):
    webhooks = [add(alice) for _ in range(5)]
    secrets = {each["secret"] for each in webhooks} | {rotate(alice, each).data["secret"] for each in webhooks}
    assert len(secrets) == 10


def test_no_other_response_has_a_secret(alice):
    webhook = add(alice)
    rotated = rotate(alice, webhook).data["secret"]
    own = webhooks_of(alice, f"/{webhook['id']}")
    responses = [
        alice.request("GET", webhooks_of(alice)),
        alice.request("GET", own),
        change(alice, webhook, url="https://other.example.com/"),
        change(alice, webhook, enabled=False),
        change(alice, webhook, url="http://bad.example/"),
        change(alice, webhook, secret=rotated[:5]),
        replay(alice, webhook, 0),
        replay(alice, webhook, 5),
        rotate(alice, webhook, headers={"Idempotency-Key": "k"}),
        *(create(alice) for _ in range(5)),
        alice.request("GET", f"{alice.changes}?after=0"),
        alice.request("DELETE", own),
    ]
    assert responses[-3].status == 409
    for response in responses:
        assert_hidden(f"{response.headers} {response.body}", webhook["secret"], rotated)


def test_erasure_shows_no_secret(alice):
    webhook = add(alice)
    response = alice.request("DELETE", f"/api/{alice.user_id}?confirm={alice.user_id}")
    assert_hidden(response.body.decode(), webhook["secret"])


def test_export_of_all_data_has_the_webhook_without_its_secrets(app, alice):
    webhook = add(alice)
    rotated = rotate(alice, webhook).data["secret"]
    with app.app_context():
        rows = [row for page in users.export_rows(alice.user_id) for row in page]
    ((table, exported),) = rows
    assert (table, json.loads(exported)["url"]) == ("webhooks", URL)
    assert not {"secret", "previous_secret"} & json.loads(exported).keys()
    assert_hidden(exported, webhook["secret"], rotated)


@pytest.mark.slow
def test_secret_is_in_no_log_and_no_metric(start_server):
    server = start_server(ACCESS_LOG="true", LOG_LEVEL="debug", METRICS_TOKEN=METRICS_TOKEN, LOG_FORMAT="json")
    client = server.client()
    webhook = add(client)
    rotated = rotate(client, webhook).data["secret"]
    change(client, webhook, url="https://other.example.com/")
    replay(client, webhook, 0)
    get(client, webhook)
    client.request("POST", webhooks_of(client), body=f'{{"secret": "{rotated}"'.encode())
    samples = scrape(server.port, METRICS_TOKEN)
    route = "/api/{user_id}/webhooks/{webhook_id}/rotate"
    assert ("http_request_duration_seconds_count", "POST", route, "200") in samples
    server.stop()
    log = server.log.read_text()
    assert "webhooks/{webhook_id}/rotate" in log
    assert_hidden(f"{log} {samples}", webhook["secret"], rotated)


@pytest.mark.parametrize("length", [31, 33])
def test_error_of_the_database_shows_no_secret(make_app, secret, monkeypatch, capfd, length):
    """PostgreSQL quotes the row that it refuses, unless a policy protects it."""
    raw = b"a secret that is seen in no log."[:length].ljust(length, b"!")
    monkeypatch.setattr(service, "make_secret", lambda: raw)
    user = LocalUser(make_app(), secret)
    response = user.send("POST", resource="webhooks", json={"url": "https://hidden.example.com/"})
    assert response.status_code == 500
    log = capfd.readouterr().err
    assert "ck_webhooks_secret" in log
    assert_hidden(log + response.text, "whsec_" + base64.b64encode(raw).decode())
    assert "hidden.example.com" not in log
