"""The routes of webhooks."""

import re

import pytest

from taskapp.tasks.webhooks import service
from tests.support.postgres import run_sql
from tests.support.webhooks import FIELDS, URL, WEBHOOK, add, change, create, get, replay, rotate, webhooks_of

NEW = {
    "url": URL,
    "enabled": True,
    "disabled_at": None,
    "number": 0,
    "behind": 0,
    "attempts": 0,
    "last_status": None,
    "failing_since": None,
    "next_attempt_at": None,
    "rotated_at": None,
}


def test_webhook_is_created_with_a_secret_that_no_other_response_has(alice):
    response = create(alice)
    webhook = response.data
    secret = webhook.pop("secret")
    assert (response.status, webhook.keys(), list(webhook)) == (201, FIELDS, list(service.FIELDS))
    assert {name: webhook[name] for name in NEW} == NEW
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", secret)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", webhook["created_at"])
    assert response.headers["Location"] == webhooks_of(alice, f"/{webhook['id']}")
    assert alice.request("GET", response.headers["Location"]).json == {"data": webhook}
    assert alice.request("GET", webhooks_of(alice)).json == {"data": [webhook]}


def test_new_webhook_receives_what_comes_after_it(alice):
    for _ in range(3):
        alice.create()
    webhook = add(alice)
    assert (webhook["number"], webhook["behind"]) == (3, 0)
    alice.create()
    alice.create()
    assert (get(alice, webhook)["number"], get(alice, webhook)["behind"]) == (3, 2)
    assert alice.request("GET", webhooks_of(alice)).data[0]["behind"] == 2


def test_webhook_may_be_created_disabled(alice):
    webhook = add(alice, enabled=False)
    assert (webhook["enabled"], webhook["disabled_at"], webhook["next_attempt_at"]) == (False, None, None)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"url": None}, "url"),
        ({"url": 5}, "url"),
        ({"url": ""}, "url"),
        ({"url": "http://hooks.example.com/"}, "url"),
        ({"url": "https://hooks.example.com/\0"}, "url"),
        ({"url": "https://hooks.example.com/\ud800"}, "url"),
        ({"enabled": None}, "enabled"),
        ({"enabled": "false"}, "enabled"),
        ({"enabled": 0}, "enabled"),
        *(({name: None}, name) for name in sorted({*FIELDS, "secret"} - {"url", "enabled"})),
        ({"number": 5}, "number"),
        ({"secret": "whsec_x"}, "secret"),
        ({"endpoint": "https://x.example"}, "endpoint"),
        ({"events": ["*"]}, "events"),
        ({"user_id": "somebody"}, "user_id"),
    ],
)
def test_invalid_field_is_named(alice, fields, name):
    response = create(alice, **fields)
    assert (response.status, list(response.error["details"])) == (422, [name])
    webhook = add(alice)
    assert list(change(alice, webhook, **fields).error["details"]) == [name]
    webhook.pop("secret")
    assert alice.request("GET", webhooks_of(alice)).data == [webhook]


def test_url_is_required_and_a_change_needs_a_field(alice):
    assert alice.request("POST", webhooks_of(alice), json={}).error["details"].keys() == {"url"}
    assert change(alice, add(alice)).error["details"].keys() == {"body"}


def test_another_word_for_a_field_is_explained(alice):
    response = alice.request("POST", webhooks_of(alice), json={"callback_url": URL, "active": True})
    assert "url" in str(response.error["details"]["callback_url"])
    assert "enabled" in str(response.error["details"]["active"])


def test_url_is_stored_in_one_form(alice):
    webhook = add(alice, url="HTTPS://Hooks.BÜCHER.example:443")
    assert webhook["url"] == "https://hooks.xn--bcher-kva.example/"


def test_deleted_webhook_is_gone(alice):
    first, second = add(alice), add(alice)
    assert first["id"] != second["id"]
    own = webhooks_of(alice, f"/{first['id']}")
    assert alice.request("DELETE", own).data == {"success": True, "message": "Webhook deleted"}
    second.pop("secret")
    assert alice.request("GET", webhooks_of(alice)).data == [second]
    for method, path, options in each_of_one(own):
        response = alice.request(method, path, **options)
        assert (response.status, response.error["code"]) == (404, "WEBHOOK_NOT_FOUND")


def each_of_one(own):
    """Every operation on one webhook."""
    return [
        ("GET", own, {}),
        ("DELETE", own, {}),
        ("PATCH", own, {"json": {"enabled": False}}),
        ("POST", f"{own}/rotate", {}),
        ("POST", f"{own}/replay", {"json": {"after": 0}}),
    ]


@pytest.mark.parametrize("webhook_id", ["0", "-1", "x", "01", str(2**63), str(2**63 - 1)])
def test_invalid_id_is_a_webhook_that_does_not_exist(alice, webhook_id):
    for method, path, options in each_of_one(webhooks_of(alice, f"/{webhook_id}")):
        assert alice.request(method, path, **options).error["code"] == "WEBHOOK_NOT_FOUND"


def test_a_user_has_at_most_five(alice, bob):
    webhooks = [add(alice, url=f"https://hooks.example.com/{number}") for number in range(5)]
    response = create(alice)
    assert (response.status, response.error["code"]) == (409, "TOO_MANY_WEBHOOKS")
    assert "maximum" in response.error["message"]
    assert [each["id"] for each in alice.request("GET", webhooks_of(alice)).data] == [each["id"] for each in webhooks]
    assert create(bob).status == 201
    alice.request("DELETE", webhooks_of(alice, f"/{webhooks[3]['id']}"))
    assert [create(alice).status for _ in range(2)] == [201, 409]


def test_idempotency_key_is_refused_because_the_secret_would_be_stored(alice, database_url):
    key = {"headers": {"Idempotency-Key": "k"}}
    response = alice.request("POST", webhooks_of(alice), json=WEBHOOK, **key)
    assert (response.status, list(response.error["details"])) == (422, ["Idempotency-Key"])
    assert alice.request("GET", webhooks_of(alice)).data == []
    webhook = add(alice)
    response = rotate(alice, webhook, **key)
    assert (response.status, list(response.error["details"])) == (422, ["Idempotency-Key"])
    assert get(alice, webhook)["rotated_at"] is None
    assert run_sql(database_url, "SELECT 1 FROM idempotency_keys WHERE user_id = %s", [alice.user_id]) == []


def test_anything_else_in_the_request_is_rejected(alice):
    for method in ("GET", "POST"):
        response = alice.request(method, webhooks_of(alice, "?limit=5"), json=WEBHOOK if method == "POST" else ...)
        assert list(response.error["details"]) == ["limit"]
    assert rotate(alice, add(alice), json={"secret": "x"}).status == 422


def test_writes_are_not_changes_of_tasks(alice):
    """Webhooks have no version, and are not in the log. So none of them makes a delivery."""
    webhook = add(alice)
    for response in (change(alice, webhook, enabled=False), rotate(alice, webhook), replay(alice, webhook, 0)):
        assert (response.status, response.headers["Change"]) == (200, None)
    assert alice.request("GET", f"{alice.changes}?after=0").data == []
    assert get(alice, webhook)["behind"] == 0


def test_erasure_deletes_the_webhooks(alice, bob):
    for user in (alice, bob):
        add(user)
    response = alice.request("DELETE", f"/api/{alice.user_id}?confirm={alice.user_id}")
    assert response.data["webhooks"] == 1
    assert alice.request("GET", webhooks_of(alice)).data == []
    assert len(bob.request("GET", webhooks_of(bob)).data) == 1
