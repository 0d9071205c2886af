"""What browsers are told on every answer, whoever makes it: the application, Flask, or gunicorn before either."""

import pytest

from config import Settings
from taskapp import create_app
from taskapp.http.openapi import docs_page
from tests.support.client import raw

NOTHING = "default-src 'none'; frame-ancestors 'none'"


def assert_protected(answer, policy=NOTHING):
    expected = {
        "X-Content-Type-Options": ["nosniff"],
        "Referrer-Policy": ["no-referrer"],
        "Cross-Origin-Resource-Policy": ["same-origin"],
        "Content-Security-Policy": [policy],
    }
    assert {name: answer.headers.get_all(name) for name in expected} == expected
    assert len(answer.headers.get_all("Cache-Control")) == 1


def test_every_answer_of_the_api_is_protected(alice, task):
    path = f"/{task['id']}"
    answers = {
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
    for answer in answers.values():
        assert_protected(answer)
        assert "Strict-Transport-Security" not in answer.headers  # It came over plain HTTP.
    kept = {name for name, answer in answers.items() if answer.headers["Cache-Control"] == "private, no-cache"}
    assert kept == {"read", "not modified", "head"}
    rest = {answer.headers["Cache-Control"] for name, answer in answers.items() if name not in kept}
    assert rest == {"no-store"}


@pytest.mark.parametrize("path", ["/", "/health/live", "/health/ready", "/health", "/openapi.json"])
def test_what_needs_no_token_is_protected(alice, path):
    answer = alice.request("GET", path, token=None)
    assert_protected(answer)
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_docs_page_keeps_its_own_policy(alice):
    page = alice.request("GET", "/docs", token=None)
    assert_protected(page, docs_page.CONTENT_SECURITY_POLICY)
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert page.headers["Cache-Control"] == "no-cache"  # Its files have ETags, and nothing of anybody's.
    assert_protected(alice.request("GET", "/docs/page.js", token=None))


def test_defect_is_protected(settings):
    app = create_app(Settings().load(settings))
    app.add_url_rule("/defect", "defect", lambda: 1 / 0)
    response = app.test_client().get("/defect")
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
def test_what_gunicorn_refuses_is_protected(server, request_bytes):
    answer = raw(server.port, request_bytes)
    assert answer.status >= 400
    assert_protected(answer)
    assert answer.headers["Cache-Control"] == "no-store"


def test_https_of_a_trusted_proxy_is_to_stay_https(server):
    """gunicorn trusts a proxy on this machine, unless FORWARDED_ALLOW_IPS says otherwise."""
    for path in ("/health/live", "/none", "/docs"):
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\n\r\n"
        assert raw(server.port, request.encode()).headers["Strict-Transport-Security"] == "max-age=31536000"


def test_the_server_does_not_tell_its_version(server):
    assert raw(server.port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").headers["Server"] == "gunicorn"
