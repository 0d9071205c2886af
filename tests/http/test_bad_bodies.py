"""Bodies that are no JSON object, of another type, too large or incomplete are errors, and change nothing."""

import pytest

from tests.support.client import JSON, raw, writes
from tests.support.servers import own_worker


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'title': 'x'}",
        b'{"title": "x",}',
        b'{"title": NaN}',
        b'{"title": Infinity}',
        b"nothing",
        b" ",
        b"[]",
        b"[1, 2]",
        b'"title"',
        b"null",
        b"1",
        b"true",
        b'{"title": "\xff"}',
        b'{"title": "caf\xe9"}',
        '{"title": "x"}'.encode("utf-16"),
        b"[" * 30_000,
        b'{"title":' * 6_000,
        b'{"title": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"completed": ' + b"1" * 5_000 + b"}",
    ],
    ids=range(20),
)
def test_body_that_is_no_json_object_is_malformed(alice, task, body):
    for method, path in writes(task):
        response = alice.request(method, alice.tasks + path, body=body, headers=JSON)
        assert (response.status, response.error["code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("headers", [{}, JSON, {"Content-Type": "text/plain"}])
def test_missing_body_is_malformed(alice, task, headers):
    for method, path in writes(task)[:3]:
        response = alice.request(method, alice.tasks + path, headers=headers)
        assert (response.status, response.error["code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/jsonx",
        "nonsense",
    ],
)
def test_body_that_is_not_json_by_its_type_is_unsupported(alice, task, content_type):
    headers = {} if content_type is None else {"Content-Type": content_type}
    for method, path in [*writes(task), ("DELETE", f"/{task['id']}")]:
        response = alice.request(method, alice.tasks + path, body=b'{"title": "x"}', headers=headers)
        assert (response.status, response.error["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.usefixtures("unchanged")
def test_patch_of_another_kind_is_unsupported(alice, task):
    headers = {"Content-Type": "application/json-patch+json"}
    response = alice.patch(f"/{task['id']}", json={"title": "x"}, headers=headers)
    assert response.status == 415


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8", "application/x+json"])
def test_json_by_its_type_is_accepted(alice, content_type):
    assert alice.post(json={"title": "x"}, headers={"Content-Type": content_type}).status == 201


@own_worker  # Others reset the connection of a client that is still sending, with the response.
@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("size", [64 * 1024 + 1, 1024 * 1024, 16 * 1024 * 1024])
def test_body_over_64_kib_is_too_large(alice, task, size):
    body = b'{"title": "' + b"x" * (size - 13) + b'"}'
    for method, path in writes(task):
        response = alice.request(method, alice.tasks + path, body=body, headers=JSON)
        assert (response.status, response.error["code"]) == (413, "PAYLOAD_TOO_LARGE")


@own_worker
def test_client_that_sends_a_large_body_receives_its_response(alice):
    body, chunk = b"x" * 8 * 1024 * 1024, b"100000\r\n" + b"x" * 1024 * 1024 + b"\r\n"
    for options in ({"body": body}, {"body": chunk * 8 + b"0\r\n\r\n", "headers": {"Transfer-Encoding": "chunked"}}):
        assert alice.post(token=None, **options).status == 401
        assert alice.request("POST", "/nothing", **options).status == 404
        assert alice.request("POST", "/health", **options).status == 405


def send_part(client, port, method, path, part):
    """Send a request whose body ends before its Content-Length, as a client does that dies."""
    head = f"{method} {client.tasks}{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {client.token}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 50\r\n\r\n"
    return raw(port, head.encode() + part, finish=True)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("part", [b"", b'{"title": "x"}', b'{"completed": true}'])
def test_incomplete_body_is_malformed(alice, server, task, part):
    for method, path in [*writes(task), ("DELETE", f"/{task['id']}"), ("GET", "")]:
        response = send_part(alice, server.port, method, path, part)
        assert (response.status, response.error["code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.parametrize("length", ["65537", str(2**63), str(10**30)])
def test_large_body_is_rejected_before_it_has_arrived(alice, server, length):
    head = f"POST {alice.tasks} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
    response = raw(server.port, f"{head}Content-Length: {length}\r\n\r\n{{".encode())
    assert (response.status, response.error["code"]) == (413, "PAYLOAD_TOO_LARGE")


def test_body_of_64_kib_is_read(alice):
    body = b'{"title": "x"' + b" " * (64 * 1024 - 14) + b"}"
    assert len(body) == 64 * 1024
    assert alice.request("POST", alice.tasks, body=body, headers=JSON).status == 201


def test_chunked_body_is_read_and_limited(alice):
    chunked = {**JSON, "Transfer-Encoding": "chunked"}
    assert alice.post(body=b'e\r\n{"title": "x"}\r\n0\r\n\r\n', headers=chunked).status == 201
    large = b"".join(b"1000\r\n" + b" " * 4096 + b"\r\n" for _ in range(17)) + b"0\r\n\r\n"
    assert alice.post(body=large, headers=chunked).status == 413
    response = alice.post(body=b"xyz\r\n{}\r\n0\r\n\r\n", headers=chunked)
    assert (response.status, response.error["code"]) == (400, "MALFORMED_REQUEST")


@pytest.mark.usefixtures("unchanged")
def test_body_on_a_read_or_delete_is_rejected(alice, task):
    for method, path in [("GET", ""), ("GET", f"/{task['id']}"), ("DELETE", f"/{task['id']}")]:
        assert alice.request(method, alice.tasks + path, json={"title": "x"}).error["details"].keys() == {"title"}
        assert alice.request(method, alice.tasks + path, body=b"{", headers=JSON).status == 400
        assert alice.request(method, alice.tasks + path, body=b"x").status == 415
