"""Idempotent requests: a write with a key happens once, and a retry gets the same response."""

import pytest
from sqlalchemy import text

from taskapp.db.execute import execute
from tests.support.client import raw
from tests.support.retries import WRITES, assert_replayed, write


@pytest.fixture(params=WRITES)
def operation(request):
    return WRITES[request.param]


def test_retry_returns_the_first_response_and_writes_nothing(alice, operation):
    task = alice.create(title="before")
    first = write(alice, operation, task["id"], "key")
    assert first.status in (200, 201)
    after = alice.get().data
    for form in ("key", '"key"', "key"):
        assert_replayed(first, write(alice, operation, task["id"], form))
    assert alice.get().data == after


def test_retry_returns_the_first_response_after_later_changes(alice):
    task = alice.create(title="before")
    first = write(alice, WRITES["PUT"], task["id"], "key")
    alice.put(f"/{task['id']}", json={"title": "later"})
    assert_replayed(first, write(alice, WRITES["PUT"], task["id"], "key"))
    alice.delete(f"/{task['id']}")
    assert_replayed(first, write(alice, WRITES["PUT"], task["id"], "key"))


def test_key_and_condition_go_together(alice, operation):
    created = alice.post(json={"title": "before"})
    task_id, etag = created.data["id"], created.headers["ETag"]
    first = write(alice, operation, task_id, "key", **{"If-Match": etag})
    assert_replayed(first, write(alice, operation, task_id, "key", **{"If-Match": etag}))
    if operation[0] not in ("POST", "DELETE"):
        assert write(alice, operation, task_id, "other", **{"If-Match": etag}).status == 412


@pytest.mark.parametrize("key", ["x", "!" * 255, "a,b", "ключ".encode().hex(), "';--", "%s%(x)s", "a\\b", 'a"b'])
def test_key_of_visible_ascii_is_taken(alice, key):
    first = write(alice, WRITES["POST"], 0, key)
    assert first.status == 201
    assert_replayed(first, write(alice, WRITES["POST"], 0, key))
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert_replayed(first, write(alice, WRITES["POST"], 0, quoted))


@pytest.mark.parametrize(
    "key", ["", " ", '""', "x" * 256, "a b", "é", "a\tb", '"', '"a', '"a" "b"', '"a","b"', '"a";x=1', '"a\\b"', '"a b"']
)
def test_malformed_key_is_named_and_nothing_written(alice, key):
    response = write(alice, WRITES["POST"], 0, key.encode("latin-1"))
    assert response.status == 422
    assert list(response.error["details"]) == ["Idempotency-Key"]
    assert alice.get().data == []


def test_keys_in_several_headers_are_no_key(alice, server):
    body = b'{"title": "x"}'
    head = f"POST {alice.tasks} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    request = f'{head}Idempotency-Key: "a"\r\nIdempotency-Key: "b"\r\n\r\n'
    assert raw(server.port, request.encode() + body).error["details"].keys() == {"Idempotency-Key"}
    assert alice.get().data == []


def test_key_on_a_read_is_ignored(alice):
    for key in ("x", "", "a b"):
        assert alice.get("", headers={"Idempotency-Key": key}).status == 200


def test_key_of_another_request_is_rejected(alice):
    task = alice.create(title="before")
    other = alice.create(title="other")
    write(alice, WRITES["PUT"], task["id"], "key")
    others = [
        ("PUT", f"/{task['id']}", {"json": {"title": "another"}}),
        ("PUT", f"/{other['id']}", {"json": {"title": "changed"}}),
        ("PATCH", f"/{task['id']}", {"json": {"title": "changed"}}),
        ("DELETE", f"/{task['id']}", {}),
        ("POST", "", {"json": {"title": "changed"}}),
    ]
    before = alice.get().data
    for method, path, options in others:
        response = alice.request(method, alice.tasks + path, headers={"Idempotency-Key": "key"}, **options)
        assert (response.status, response.error["details"]) == (
            422,
            {"Idempotency-Key": ["Was used for a different request."]},
        )
    assert alice.get().data == before


def test_keys_belong_to_their_user(alice, bob):
    assert write(alice, WRITES["POST"], 0, "key").status == 201
    response = write(bob, WRITES["POST"], 0, "key")
    assert (response.status, response.headers["Idempotency-Replayed"]) == (201, None)
    assert response.data["user_id"] == bob.user_id


def test_key_of_a_request_that_failed_is_not_stored(alice):
    assert alice.post(json={"title": ""}, headers={"Idempotency-Key": "key"}).status == 422
    assert write(alice, WRITES["DELETE"], 0, "key").status == 404
    task = alice.create()
    assert write(alice, WRITES["PUT"], task["id"], "key", **{"If-Match": '"9"'}).status == 412
    first = write(alice, WRITES["POST"], 0, "key")
    assert (first.status, first.headers["Idempotency-Replayed"]) == (201, None)


def test_keys_are_protected_by_row_level_security(app, alice, bob):
    write(alice, WRITES["POST"], 0, "key")
    everything = text("SELECT user_id FROM idempotency_keys")
    with app.app_context():
        assert set(execute(everything, {}, user_id=alice.user_id)) == {(alice.user_id,)}
        assert execute(everything, {}, user_id=bob.user_id) == []
        assert execute(everything, {}, user_id="") == []
