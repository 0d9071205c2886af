"""The MUSTs of RFC 9112 and RFC 9110 for requests: what is invalid is a 400, and nothing is answered twice."""

import pytest

from tests.support.client import assert_canonical_error, raw
from tests.support.servers import connection_to, own_worker, read_to_end

LIVE = "GET /health/live HTTP/1.1\r\n"
TARGET = "GET {} HTTP/1.1\r\nHost: x\r\n\r\n"


def status_of(server, request):
    """The status of a request; an error has the shape of the service's own."""
    response = raw(server.port, request.encode("latin-1"))
    if response.status >= 400:
        assert_canonical_error(response)
    return response.status


HOSTS = [
    "x",
    "x:80",
    "x:",
    "X.example.",
    "xn--bcher-kva",
    "my_host",
    "1.2.3.4:8000",
    "[::1]",
    "[::1]:80",
    "[::ffff:1.2.3.4]",
]
NO_HOSTS = [
    "",
    "a b",
    "[::1",
    "::1",
    '"><script>',
    "user@x",
    "user:pw@x",
    "x:8a",
    "x/y",
    "x?y",
    "x#y",
    "x\\y",
    ":80",
    ".",
]
NO_HOSTS += ["[]", "[1.2.3.4]", "a%zz", "a..b", "\xfc", "x, y", "x" * 64, ".".join(["x" * 60] * 5)]


def test_host_is_required_by_http_1_1_and_always_valid(server):
    """RFC 9112, section 3.2."""
    assert {host: status_of(server, f"{LIVE}Host: {host}\r\n\r\n") for host in HOSTS} == dict.fromkeys(HOSTS, 200)
    assert {host: status_of(server, f"{LIVE}Host: {host}\r\n\r\n") for host in NO_HOSTS} == dict.fromkeys(NO_HOSTS, 400)
    assert status_of(server, f"{LIVE}\r\n") == 400
    assert status_of(server, f"{LIVE}Host: x\r\nHost: x\r\n\r\n") == 400
    assert status_of(server, "GET /health/live HTTP/1.0\r\n\r\n") == 200
    assert status_of(server, "GET /health/live HTTP/1.0\r\nHost: a b\r\n\r\n") == 400


def test_message_says_what_is_wrong_with_the_host(server):
    for head, message in [
        ("", "The header Host is missing."),
        ("Host: a b\r\n", "The header Host is not a host with an optional port."),
    ]:
        assert raw(server.port, f"{LIVE}{head}\r\n".encode()).error["message"] == message


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://x/health/live", 200),
        ("HTTP://other.example:81/health/live", 200),  # Its host takes the place of the header: section 3.2.2.
        ("http://x", 200),
        ("https://x/health/live", 400),  # RFC 9110, section 7.4: the connection is not secure.
        ("ftp://x/health/live", 400),
        ("http://user@x/health/live", 400),  # RFC 9110, section 4.2.4.
        ("http:///health/live", 400),  # RFC 9110, section 4.2.1.
        ("http://[::1/health/live", 400),
        ("/health/live#x", 400),
        ("http://x/health/live#x", 400),
        ("*", 400),
        ("x:80", 400),
        ("health/live", 400),
        ("/health/live?a=http://b", 200),
    ],
)
def test_target_is_a_path_or_a_url_of_http(server, target, status):
    assert status_of(server, TARGET.format(target)) == status


def test_https_target_is_accepted_if_a_trusted_proxy_says_that_it_is_secure(server):
    secure = "GET https://x/health/live HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\n\r\n"
    assert status_of(server, secure) == 200


def test_url_as_target_needs_a_valid_host_too(server):
    for head in ("", "Host:\r\n", "Host: a b\r\n"):
        assert status_of(server, f"GET http://x/health/live HTTP/1.1\r\n{head}\r\n") == 400


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("X: a\r\n b\r\n", 400),  # Section 5.2.
        ("X : a\r\n", 400),  # Section 5.1.
        ("X: a\rb\r\n", 400),  # Section 2.2.
        ("X: a\nY: b\r\n", 400),
        ("X: a\0b\r\n", 400),  # RFC 9110, section 5.5.
        ("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400),  # Section 6.1.
        ("Transfer-Encoding: gzip\r\n", 400),  # Section 6.3.
        ("Transfer-Encoding: gzip, chunked\r\n", 501),
        ("Transfer-Encoding: other\r\n", 501),
        ("Content-Length: 3\r\nContent-Length: 3\r\n", 400),
        ("Content-Length: +3\r\n", 400),
        ("Expect: other\r\n", 417),  # RFC 9110, section 10.1.1.
    ],
)
def test_heads_that_are_invalid_are_rejected(server, head, status):
    assert status_of(server, f"POST /api/x/tasks HTTP/1.1\r\nHost: x\r\n{head}\r\n") == status


def test_requests_of_other_versions_are_rejected(server):
    for request in (
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /health/live\r\n\r\n",
        "GET / http/1.1\r\nHost: x\r\n\r\n",
    ):
        assert status_of(server, request) == 400
    with connection_to(server) as client:
        client.sendall(b"GET /health/live HTTP/1.2\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert read_to_end(client).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close", "x,close", "keep-alive\r\nConnection: close"])
def test_connection_is_closed_if_the_client_asks(server, value):
    """Section 9.6: ``close`` may be one of several options."""
    with connection_to(server) as client:
        client.sendall(f"{LIVE}Host: x\r\nConnection: {value}\r\n\r\n".encode())
        assert b"\r\nConnection: close\r\n" in read_to_end(client)


@own_worker
@pytest.mark.parametrize("rest", ["0x2\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n", "2\r\n{}\r\n0\r\nHost: y\r\n\r\n"])
def test_invalid_body_of_a_rejected_request_is_not_answered_again(server, rest):
    """A second response would be read as that of the next request."""
    with connection_to(server) as client:
        client.sendall(f"POST /api/x/tasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{rest}".encode())
        response = read_to_end(client)
    assert response.startswith(b"HTTP/1.1 401 ")
    assert response.count(b"HTTP/1.1 ") == 1


def test_responses_without_a_body_have_none(server):
    for method, status in [("HEAD", b"200"), ("OPTIONS", b"204")]:
        with connection_to(server) as client:
            client.sendall(f"{method} /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            head, _, body = read_to_end(client).partition(b"\r\n\r\n")
        assert (head.split()[1], body) == (status, b"")
        assert (b"Content-Length" in head) == (method == "HEAD")
