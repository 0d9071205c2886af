"""Security headers on every response, whether of the application, of Flask or of gunicorn."""

import pytest

from taskapp.http.openapi import docs_page
from tests.support.client import raw

NOTHING = "default-src 'none'; frame-ancestors 'none'"


def assert_protected(response, policy=NOTHING):
    expected = {
        "X-Content-Type-Options": ["nosniff"],
        "Referrer-Policy": ["no-referrer"],
        "Cross-Origin-Resource-Policy": ["same-origin"],
        "Content-Security-Policy": [policy],
    }
    assert {name: response.headers.get_all(name) for name in expected} == expected
    assert len(response.headers.get_all("Cache-Control")) == 1


def test_every_response_of_the_api_is_protected(alice, task):
    path = f"/{task['id']}"
    responses = {
        "created": alice.post(json={"title": "x"}),
        "read": alice.get(path),
        "not modified": alice.get(path, headers={"If-None-Match": '"1"'}),
        "listed": alice.get(),
        "head": alice.request("HEAD", alice.tasks + path),
        "no token": alice.get(token=None),
        "another's": alice.request("GET", "/api/somebody/tasks"),
        "no task": alice.get("/0"),
        "no address": alice.request("GET", "/none"),
        "no method": alice.request("PUT", alice.tasks),
        "precondition": alice.put(path, json={"title": "x"}, headers={"If-Match": '"9"'}),
        "too large": alice.post(body=b"x" * 70_000),
        "changed": alice.put(path, json={"title": "x"}),
        "deleted": alice.delete(path),
    }
    for response in responses.values():
        assert_protected(response)
        assert "Strict-Transport-Security" not in response.headers  # It came over plain HTTP.
    kept = {
        name
        for name, response in responses.items()
        if response.headers["Cache-Control"].startswith("private, no-cache")
    }
    assert kept == {"read", "not modified", "head"}
    assert all(
        "no-store" in response.headers["Cache-Control"] for name, response in responses.items() if name not in kept
    )
    for response in responses.values():  # A proxy that compresses a response has to change its entity tag.
        assert ("no-transform" in response.headers["Cache-Control"]) == ("ETag" in response.headers)


@pytest.mark.parametrize("path", ["/", "/health/live", "/health/ready", "/health", "/openapi.json"])
def test_route_without_a_token_is_protected(alice, path):
    response = alice.request("GET", path, token=None)
    assert_protected(response)
    assert response.headers["Cache-Control"] == "no-store"


def test_the_docs_page_keeps_its_own_policy(alice):
    page = alice.request("GET", "/docs", token=None)
    assert_protected(page, docs_page.CONTENT_SECURITY_POLICY)
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-cache"  # Its files have ETags, and nothing of anybody's.
    assert_protected(alice.request("GET", "/docs/page.js", token=None))


def test_bug_is_a_protected_500(make_app):
    app = make_app()
    app.add_url_rule("/bug", "bug", lambda: 1 / 0)
    response = app.test_client().get("/bug")
    assert (response.status_code, response.headers["Content-Security-Policy"]) == (500, NOTHING)
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 20_000 + b"\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense, chunked\r\n\r\n",
    ],
    ids=range(4),
)
def test_request_that_gunicorn_rejects_is_protected(server, request_bytes):
    response = raw(server.port, request_bytes)
    assert response.status >= 400
    assert_protected(response)
    assert response.headers["Cache-Control"] == "no-store"


def test_https_of_a_trusted_proxy_is_to_stay_https(server):
    """gunicorn trusts a proxy on this machine, unless FORWARDED_ALLOW_IPS says otherwise."""
    for path in ("/health/live", "/none", "/docs"):
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\n\r\n"
        assert raw(server.port, request.encode()).headers["Strict-Transport-Security"] == "max-age=31536000"


def test_server_header_has_no_version(server):
    assert raw(server.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").headers["Server"] == "gunicorn"
