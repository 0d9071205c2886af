"""Fetching an issuer's keys: what is sent, what is bounded, and what the log says if it cannot work."""

import gzip
import json
import logging
import socket
import ssl
import threading
from http.server import ThreadingHTTPServer

import pytest

from taskapp.auth.issuer import MAXIMUM_BYTES, TIMEOUT, FetchFailed, fetch_key_set
from taskapp.auth.jwks import KeySet
from taskapp.auth.public_keys import MAXIMUM_KEYS, parse_key_set
from taskapp.http.version import VERSION
from tests.support.certificates import make_certificate
from tests.support.issuer import Issuer
from tests.support.ports import free_port


@pytest.fixture
def issuer():
    with Issuer() as issuer:
        issuer.add_key("ed", "EdDSA")
        yield issuer


def failure_of(url):
    with pytest.raises(FetchFailed) as caught:
        parse_key_set(fetch_key_set(url))
    return caught.value


def send(status=200, body=b"{}", **headers):
    """Make a function that writes a response."""

    def respond(handler, _keys):
        handler.send_response_only(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return respond


def test_request_names_this_service(issuer):
    keys, description = parse_key_set(fetch_key_set(issuer.url + "/keys?tenant=1"))
    path, headers = issuer.received
    assert (path, headers["User-Agent"]) == ("/keys?tenant=1", f"taskapp/{VERSION}")
    assert headers["Accept"] == "application/jwk-set+json, application/json"
    assert (len(keys), description) == (1, "1 of 1 usable (HTTP 200, application/json)")


def test_gzip_is_read_although_it_was_not_asked_for(issuer):
    issuer.respond = lambda handler, keys: send(body=gzip.compress(keys), Content_Encoding="gzip")(handler, keys)
    assert len(parse_key_set(fetch_key_set(issuer.url))[0]) == 1


JSON = {"Content_Type": "application/json"}
DISCOVERY = b'{"issuer": "https://issuer.example", "jwks_uri": "https://issuer.example/jwks"}'
MANY = json.dumps({"keys": [{}] * (MAXIMUM_KEYS + 1)}).encode()
LASTING = [
    (send(401), "the issuer responded with HTTP 401, no content type", "admit this host"),
    (send(403, Content_Type="text/html; charset=x"), "the issuer responded with HTTP 403, text/html", "admit this"),
    (send(404, **JSON), "the issuer responded with HTTP 404, application/json", "Correct JWT_JWKS_URL"),
    (send(301, Location="/other"), "the issuer responded with HTTP 301", "Set JWT_JWKS_URL to the final URL"),
    (send(302, Location="file:///etc/passwd"), "HTTP 302", "Redirects are not followed"),
    (send(body=b"<html>", Content_Type="text/html"), "is not JSON (HTTP 200, text/html)", "Correct JWT_JWKS_URL"),
    (send(body=b""), "the response is not JSON (HTTP 200, no content type)", "Correct JWT_JWKS_URL"),
    (send(204), "the response is not JSON (HTTP 204", "Correct JWT_JWKS_URL"),
    (send(body=b"[" * 100_000), "the response is not JSON", "Correct JWT_JWKS_URL"),
    (send(body=b"\xff"), "the response is not JSON", "Correct JWT_JWKS_URL"),
    (send(**JSON), "the JSON has no list of keys (HTTP 200, application/json)", "Correct JWT_JWKS_URL"),
    (send(body=b"[]"), "the JSON has no list of keys", "Correct JWT_JWKS_URL"),
    (send(body=b'{"keys": {}}'), "the JSON has no list of keys", "Correct JWT_JWKS_URL"),
    (send(body=DISCOVERY), "the URL is that of the discovery document", "Set JWT_JWKS_URL to its jwks_uri"),
    (send(body=MANY), f"the key set has more than {MAXIMUM_KEYS} keys", "Have the issuer remove some"),
    (send(body=b"x" * (MAXIMUM_BYTES + 1)), "the response exceeds 1 MiB", "Correct JWT_JWKS_URL"),
    (send(body=b"", Content_Encoding="br"), "the response is compressed as br", "Have the issuer send JSON"),
    (send(body=gzip.compress(b" " * 2**27), Content_Encoding="gzip"), "the response exceeds 1 MiB", "Correct"),
]
PASSING = [
    (send(500), "the issuer responded with HTTP 500"),
    (send(503, Content_Type="text/html"), "the issuer responded with HTTP 503, text/html"),
    (send(429), "the issuer responded with HTTP 429"),
    (send(408), "the issuer responded with HTTP 408"),
    (send(body=b'{"keys": []}'), "the key set is empty (HTTP 200"),
    (send(body=b'{"keys"', Content_Length="100"), "the response is incomplete (HTTP 200"),
    (send(body=b"not gzip", Content_Encoding="gzip"), "the response is not valid gzip"),
    (lambda handler, _: handler.wfile.write(b"nonsense\r\n\r\n"), "the response is not valid HTTP: BadStatusLine"),
    (lambda handler, _: handler.wfile.write(b"HTTP/1.1 200 " + b"x" * 70_000), "not valid HTTP: LineTooLong"),
    (lambda *_: None, "the issuer closed the connection"),
]


@pytest.mark.parametrize(("respond", "problem", "remedy"), LASTING, ids=range(len(LASTING)))
def test_mistake_that_lasts_says_what_to_do(issuer, respond, problem, remedy):
    issuer.respond = respond
    failure = failure_of(issuer.url)
    assert problem in failure.problem
    assert remedy in failure.remedy
    assert issuer.requests == 1  # No redirect is followed.


@pytest.mark.parametrize(("respond", "problem"), PASSING, ids=range(len(PASSING)))
def test_mistake_that_may_pass_has_no_remedy(issuer, respond, problem):
    issuer.respond = respond
    failure = failure_of(issuer.url)
    assert problem in failure.problem
    assert failure.remedy is None


def test_address_that_cannot_be_reached():
    assert failure_of(f"http://127.0.0.1:{free_port()}").problem == "Connection refused"
    unknown = failure_of("https://issuer.invalid/jwks")
    # Without any DNS server, the resolver says that the failure is temporary.
    assert unknown.problem in ("the issuer's host name is unknown", "Temporary failure in name resolution")
    assert failure_of("http://127.0.0.1:0x/").remedy == "Correct JWT_JWKS_URL."
    assert failure_of(f"http://{'x' * 70}.example/").problem == "the URL is invalid"


def test_certificates_are_checked(issuer, tmp_path, monkeypatch):
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    assert "TLS failed" in failure_of(issuer.url.replace("http:", "https:")).problem
    issuer._server.socket = context.wrap_socket(issuer._server.socket, server_side=True)
    url = issuer.url.replace("http://127.0.0.1", "https://localhost")
    failure = failure_of(url)
    assert failure.problem == "the issuer's certificate is not trusted: self-signed certificate"
    assert "SSL_CERT_FILE" in failure.remedy
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert len(parse_key_set(fetch_key_set(url))[0]) == 1
    assert "certificate is not trusted" in failure_of(url.replace("localhost", "127.0.0.1")).problem


def test_proxy_of_the_environment_is_used(issuer, monkeypatch):
    monkeypatch.setenv("http_proxy", issuer.url)
    assert len(parse_key_set(fetch_key_set("http://issuer.invalid/jwks"))[0]) == 1
    assert issuer.received[0] == "http://issuer.invalid/jwks"
    monkeypatch.setenv("https_proxy", issuer.url)  # This server has no CONNECT.
    assert "Tunnel connection failed: 501" in failure_of("https://issuer.invalid/jwks").problem
    monkeypatch.setenv("no_proxy", "issuer.invalid")
    assert "Tunnel" not in failure_of("https://issuer.invalid/jwks").problem


def test_address_may_be_of_ipv6(issuer):
    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6

    with Server(("::1", 0), issuer.handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert len(parse_key_set(fetch_key_set(f"http://[::1]:{server.server_port}/jwks"))[0]) == 1
        thread.join()


def test_log_has_a_line_for_each_change_only(issuer, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("taskapp.auth.jwks.PAUSE", 0)
    monkeypatch.setattr("taskapp.auth.jwks.BURST", 100)
    key_set = KeySet(issuer.url)

    def fetch_twice(respond):
        issuer.respond = respond
        for _ in range(2):
            assert key_set._begin_fetch().done.wait(TIMEOUT)

    for respond in (None, send(503), send(403), None):
        fetch_twice(respond)
    rejected = "Cannot fetch the issuer's keys: the issuer responded with HTTP"
    help_ = "Retries will not help. Correct JWT_JWKS_URL, or have the issuer admit this host."
    assert [(record.levelname, record.message) for record in caplog.records if "jwks" in record.name] == [
        ("INFO", "Fetched the issuer's keys: 1 of 1 usable (HTTP 200, application/json)"),
        ("WARNING", f"{rejected} 503, no content type. Retrying."),
        ("ERROR", f"{rejected} 403, no content type. {help_}"),
        ("WARNING", "The issuer's keys are available again: 1 of 1 usable (HTTP 200, application/json)"),
        ("INFO", "Fetched the issuer's keys: 1 of 1 usable (HTTP 200, application/json)"),
    ]
