"""An issuer that drips, or sends without end, is cut off."""

import gzip
import time
import tracemalloc

import pytest

from taskapp.auth import issuer as issuer_module
from taskapp.auth import jwks
from taskapp.auth.errors import SigningKeyUnavailable
from taskapp.auth.issuer import MAXIMUM_BYTES, FetchFailed, fetch_key_set
from taskapp.auth.jwks import KeySet
from taskapp.auth.strict_jwt import Header


@pytest.fixture
def soon(monkeypatch):
    """Lets a fetch take a fifth of a second, instead of three."""
    monkeypatch.setattr(issuer_module, "TIMEOUT", 0.2)


def failure_of(url):
    with pytest.raises(FetchFailed) as caught:
        fetch_key_set(url)
    return caught.value


def drip(head, part, pause=0.1):
    """Make a function that sends a start, then a part now and then, until the client is gone."""

    def respond(handler, _keys):
        handler.wfile.write(head)
        for _ in range(200):
            handler.wfile.write(part)
            time.sleep(pause)

    return respond


DRIPS = [
    drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
    drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
    drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    drip(b"HTTP/1.1 200 OK\r\n", b"X"),
    drip(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", pause=0.01),
    drip(b"", b"H"),
    drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    drip(b"HTTP/1.1 200 OK\r\n", b"", pause=2),
]


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("respond", DRIPS, ids=range(len(DRIPS)))
def test_dripping_response_ends_at_the_timeout(issuer, respond):
    issuer.respond = respond
    began = time.monotonic()
    failure = failure_of(issuer.url)
    assert time.monotonic() - began < 1
    assert failure.remedy is None


@pytest.mark.usefixtures("soon")
def test_dripping_issuer_delays_no_token_with_a_known_key(issuer):
    key_set = KeySet(issuer.url)
    assert len(list(key_set.find_keys(Header("EdDSA", "ed")))) == 1
    issuer.respond = DRIPS[0]
    with pytest.raises(SigningKeyUnavailable):
        list(key_set.find_keys(Header("EdDSA", "unknown")))
    began = time.monotonic()
    for _ in range(1000):
        assert len(list(key_set.find_keys(Header("EdDSA", "ed")))) == 1
    assert time.monotonic() - began < 0.3


def test_no_request_waits_for_a_fetch_that_takes_too_long(issuer, monkeypatch):
    """Connecting may take longer than a request waits, if the host has several addresses."""
    monkeypatch.setattr(jwks, "TIMEOUT", 0.2)
    key_set = KeySet(issuer.url)
    issuer.responding.clear()
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(SigningKeyUnavailable):
            list(key_set.find_keys(Header("EdDSA", "ed")))
    assert time.monotonic() - began < 1
    assert not key_set._fetch.done.is_set()


def test_endless_response_takes_no_memory(issuer):
    """An issuer that sends as fast as it can: the connection is closed after one megabyte."""
    sent = 0

    def respond(handler, _keys):
        nonlocal sent
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 629145600\r\n\r\n")
        for _ in range(600):
            handler.wfile.write(b" " * 2**20)
            sent += 1

    issuer.respond = respond
    assert "exceeds 1 MiB" in failure_of(issuer.url).problem
    assert sent < 20


def test_response_that_unpacks_to_more_takes_no_memory(issuer):
    body = gzip.compress(b" " * 2**25)

    def respond(handler, _keys):
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        handler.wfile.write(body)

    issuer.respond = respond
    tracemalloc.start()
    try:
        assert "exceeds 1 MiB" in failure_of(issuer.url).problem
        assert tracemalloc.get_traced_memory()[1] < 8 * MAXIMUM_BYTES
    finally:
        tracemalloc.stop()
