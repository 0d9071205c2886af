"""SQL that a client sends stays text, in every field, parameter and header that a client can fill."""

import json
from urllib.parse import quote

import pytest

from tests.support.client import JSON

PAYLOADS = [
    "'",
    "' OR 1=1 --",
    "\\' OR 1=1 --",
    "'; DROP TABLE tasks; --",
    "' || set_config('app.user_id', 'bob', true) || '",
    "x') OR set_config('role', 'postgres', true) IS NOT NULL --",
    "' UNION SELECT id, user_id, title, NULL, true, now(), now() FROM tasks --",
    "$$; SELECT pg_sleep(9); $$",
    "E'\\x27'; --",
    "%(acting_user)s",
    "%(statement_timeout)s %s %%",
    ":q :acting_user",
    "{user_id} {0} ${jndi}",
    '" OR ""="',
    "ʼ OR 1=1 --",
    "＇ OR 1=1 --",
    "/* ' */ 1 --\n; SELECT 1",
]
visible_ascii = [payload for payload in PAYLOADS if payload.isascii() and payload.isprintable()]


@pytest.fixture
def bobs(bob):
    """A task of another user, which stays as it is and unseen."""
    task = bob.create(title="bob's", description="bob's")
    yield task
    assert bob.get().data == [task]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.usefixtures("bobs")
def test_payload_in_fields_is_stored_as_text(alice, payload):
    task = alice.create(title=payload, description=payload)
    assert (task["title"], task["description"]) == (payload, payload)
    changed = alice.put(f"/{task['id']}", json={"title": f"2 {payload}", "description": payload}).data
    assert alice.get().data == [changed]
    assert [found["id"] for found in alice.get(f"?q={quote(payload)}").data] == [task["id"]]
    assert alice.get(f"?q={quote(payload + 'x')}").data == []


@pytest.mark.parametrize("payload", PAYLOADS)
def test_payload_in_parameters_and_names_is_rejected(alice, bobs, payload):
    escaped = quote(payload, safe="")
    for name in ("status", "sort", "limit", "cursor", "user_id", escaped):
        assert alice.get(f"?{name}={escaped}").status == 422
    for path in (f"/{escaped}", f"/{bobs['id']}{escaped}"):
        assert alice.get(path).status == 404
        assert alice.delete(path).status == 404
    for body in (
        {"title": "x", payload: "x"},
        {"title": "x", "user_id": payload},
        {"title": "x", "completed": payload},
    ):
        assert alice.post(body=json.dumps(body).encode(), headers=JSON).status == 422
    assert alice.request("GET", f"/api/{escaped}/tasks").status in {403, 404}  # A slash makes another URL.
    assert alice.get().data == []


@pytest.mark.parametrize("payload", visible_ascii)
@pytest.mark.usefixtures("bobs")
def test_payload_in_headers_is_text(alice, payload):
    key = payload.replace(" ", "_")
    for replayed in (None, "true"):
        response = alice.post(json={"title": "once"}, headers={"Idempotency-Key": key})
        assert (response.status, response.headers["Idempotency-Replayed"]) in {(201, replayed), (422, None)}
    path = f"/{alice.create()['id']}"
    for name in ("If-Match", "If-None-Match"):
        assert alice.put(path, json={"title": "x"}, headers={name: f'"{key}"'}).status in {200, 412, 422}
    assert alice.get(headers={"X-Request-ID": payload}).headers["X-Request-ID"] != payload


@pytest.mark.parametrize("payload", [payload for payload in PAYLOADS if "/" not in payload])
@pytest.mark.usefixtures("bobs")
def test_payload_as_user_id_is_a_user_of_its_own(new_client, payload):
    user = new_client(payload)
    task = user.create()
    assert task["user_id"] == payload
    assert user.get().data == [task]
    assert user.delete(f"/{task['id']}").status == 200
