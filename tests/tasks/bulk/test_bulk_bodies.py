"""The body of many writes has a limit of its own, 1 MiB, and its connection stays right whatever became of the body."""

import http.client

import pytest

from tests.support.client import JSON
from tests.support.servers import own_worker

BULK, MEBIBYTE, USUAL = "/bulk?dry_run=true", 1024 * 1024, 64 * 1024
OPERATION = b'{"operations": [{"op": "create", "title": "x"}]'


def body_of(length):
    """A valid body of a length in bytes."""
    return OPERATION + b" " * (length - len(OPERATION) - 1) + b"}"


def chunked(body):
    parts = [body[start : start + USUAL] for start in range(0, len(body), USUAL)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return {"body": chunks + b"0\r\n\r\n", "headers": {**JSON, "Transfer-Encoding": "chunked"}}


def plain(body):
    return {"body": body, "headers": JSON}


@pytest.fixture(params=[plain, chunked], ids=["length", "chunked"])
def encode(request):
    return request.param


def port_of(client):
    """The port of its connection; another one after the service closed that."""
    return client._connection.sock and client._connection.sock.getsockname()


def assert_usable(client):
    """The next request of a client is right, on the same connection or another one."""
    assert client.get().status == 200


@pytest.mark.parametrize("length", [USUAL, USUAL + 1, MEBIBYTE - 1, MEBIBYTE])
def test_a_body_of_up_to_1_mib_is_read(alice, encode, length):
    assert alice.get().status == 200
    port = port_of(alice)
    response = alice.post(BULK, **encode(body_of(length)))
    assert (response.status, len(response.data["results"])) == (200, 1)
    assert_usable(alice)
    assert port_of(alice) == port


def test_a_larger_body_is_too_large(alice, encode):
    response = alice.post(BULK, **encode(body_of(MEBIBYTE + 1)))
    assert (response.status, response.error["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert response.error["message"] == "The body exceeds 1 MiB."
    assert_usable(alice)


def test_other_routes_have_the_usual_limit(alice, encode):
    for path, length in (("", USUAL + 1), ("", MEBIBYTE), ("/1/complete", USUAL + 1)):
        response = alice.request("PATCH" if path else "POST", alice.tasks + path, **encode(body_of(length)))
        assert (response.status, response.error["message"]) == (413, "The body exceeds 64 KiB.")
        assert_usable(alice)
    assert alice.post(**encode(body_of(USUAL))).status == 422


@own_worker
@pytest.mark.parametrize("length", [MEBIBYTE, 4 * MEBIBYTE])
@pytest.mark.parametrize("token", [None, "other"])
def test_an_unread_body_ends_the_connection(alice, bob, encode, length, token):
    token = bob.token if token else None
    response = alice.post(BULK, token=token, **encode(body_of(length)))
    assert (response.status, response.headers["Connection"]) == (403 if token else 401, "close")
    assert_usable(alice)


def test_a_client_may_wait_for_the_head_of_the_response(alice, server):
    """RFC 9110, section 10.1.1: with Expect, curl sends a body of this size only after the interim response."""
    headers = {**JSON, "Authorization": f"Bearer {alice.token}", "Expect": "100-continue"}
    for length, status in ((MEBIBYTE, 200), (MEBIBYTE + 1, 413)):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        connection.request("POST", alice.tasks + BULK, body=body_of(length), headers=headers)
        assert connection.getresponse().status == status
        connection.close()


def test_the_operations_of_a_large_body_are_checked(alice):
    operations = [{"op": "create", "title": "x" * 255, "description": "y" * 700} for _ in range(1000)]
    assert len(alice.post(BULK, json={"operations": operations}).data["results"]) == 1000
    operations[999] |= {"done": True, "title": ""}
    response = alice.post(BULK, json={"operations": operations})
    assert response.status == 422
    assert response.error["details"] == {
        "operations.999.title": ["Must be 1 to 255 characters, excluding surrounding white space."],
        "operations.999.done": ["Unknown field. Did you mean completed?"],
    }
    body = b'{"operations": [{"op": "create", "title": "a", "title": "b"}]}'
    response = alice.post(BULK, **plain(body))
    assert (response.status, response.error["details"]) == (
        422,
        {"operations.0.title": ["Appears more than once."]},
    )
