"""Scopes of tokens: what each admits on every route, and what the response says that it lacks."""

import email.message

import pytest

from taskapp.auth.tokens import TokenVerifier
from tests.support.calendars import CALENDAR
from tests.support.client import Response, make_token
from tests.support.contract import DOCUMENT, assert_documented

NOTHING, READ, WRITE = (
    frozenset(),
    frozenset(("GET", "HEAD")),
    frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")),
)
# What the claim may have, and the methods that it admits; ... is a token without it.
SCOPES = {
    ...: NOTHING,
    "": NOTHING,
    " ": NOTHING,
    "openid profile": NOTHING,
    "tasks": NOTHING,
    "tasks:": NOTHING,
    "tasks:reader": NOTHING,
    "TASKS:WRITE": NOTHING,
    "tasks:read,tasks:write": NOTHING,
    "tasks:read\ttasks:write": NOTHING,
    "tasks:read": READ,
    " openid  tasks:read profile ": READ,
    "tasks:read tasks:read": READ,
    "tasks:read tasks:writer": READ,
    "tasks:write": WRITE,
    "tasks:read tasks:write": WRITE,
    "tasks:write offline_access": WRITE,
}
CHALLENGE = 'Bearer error="insufficient_scope", scope="{}"'
PARAMETERS = {"task_id": "1", "number": "1", "calendar_id": "1", "webhook_id": "1"}
# Every operation of the document behind the guard, with HEAD for each GET.
OPERATIONS = [
    (method, path)
    for path, item in DOCUMENT["paths"].items()
    if path.startswith("/api/")
    for name in item
    if name != "parameters"
    for method in ([name.upper(), "HEAD"] if name == "get" else [name.upper()])
]


@pytest.fixture(scope="module")
def scoped(make_app):
    """An application that checks scopes."""
    return make_app(JWT_SCOPES="on", METRICS_TOKEN="a-token-for-metrics_1")


@pytest.fixture(scope="module")
def send(scoped, secret):
    """Sends a request of a user whose token has a scope, and checks that the document has the response."""
    http = scoped.test_client()

    def send(method, path, scope=..., *, app=None, user_id="scoped", **options):
        claims = {"sub": user_id, "exp": 4_000_000_000} | ({} if scope is ... else {"scope": scope})
        headers = {"Authorization": f"Bearer {make_token(secret, claims)}"}
        path = path.format(user_id="scoped", **PARAMETERS)
        found = (app.test_client() if app else http).open(path, method=method, headers=headers, **options)
        headers = email.message.Message()
        for name, value in found.headers:
            headers[name] = value
        response = Response(found.status_code, headers, found.data)
        assert_documented(method, path, response)
        return response

    return send


def lacks(response):
    """The scope that a response says to be missing; None if the token was sufficient."""
    if response.status != 403:
        assert response.status != 401
        assert "WWW-Authenticate" not in response.headers
        return None
    scope = next(name for name in ("tasks:read", "tasks:write") if f'"{name}"' in response.headers["WWW-Authenticate"])
    assert response.headers["WWW-Authenticate"] == CHALLENGE.format(scope)
    if response.body:  # HEAD has none.
        assert response.error["code"] == "INSUFFICIENT_SCOPE"
        assert response.error["message"] == f"The request requires the scope {scope}, which the token does not have."
    return scope


@pytest.mark.parametrize("scope", SCOPES, ids=repr)
def test_scope_admits_methods(send, scope):
    for method, path in (("GET", "/api/{user_id}/changes"), ("DELETE", "/api/{user_id}/tasks/{task_id}")):
        assert (lacks(send(method, path, scope)) is None) == (method in SCOPES[scope]), method


@pytest.mark.parametrize("scope", [..., "tasks:read", "tasks:write"], ids=repr)
def test_scope_admits_the_methods_of_every_route(send, scope):
    assert len(OPERATIONS) >= 25
    for method, path in OPERATIONS:
        needed = "tasks:read" if method in READ else "tasks:write"
        missing = None if method in SCOPES[scope] else needed
        assert lacks(send(method, path, scope)) == missing, f"{method} {path}"


def test_token_that_only_reads_reads_what_one_that_writes_wrote(send):
    """And its own token is one of two of the user that are cached."""
    tasks = "/api/{user_id}/tasks"
    for title in ("first", "second"):
        assert send("POST", tasks, "tasks:write", json={"title": title}).status == 201
        assert lacks(send("POST", tasks, "tasks:read", json={"title": title})) == "tasks:write"
        assert title in [task["title"] for task in send("GET", tasks, "tasks:read").data]


@pytest.mark.parametrize(
    "path", ["/tasks/bulk?dry_run=true", "/tasks/import?dry_run=true", "/changes/1/undo?dry_run=true"]
)
def test_trial_of_a_write_requires_the_scope_of_the_write(send, path):
    assert lacks(send("POST", "/api/{user_id}" + path, "tasks:read")) == "tasks:write"


@pytest.mark.parametrize("scope", [["tasks:read", "tasks:write"], [], {}, None, True, 1])
def test_token_whose_scope_is_no_string_is_invalid(send, scope, caplog):
    caplog.set_level("INFO")
    response = send("GET", "/api/{user_id}/tasks", scope)
    assert (response.status, response.error["code"]) == (401, "UNAUTHORIZED")
    assert response.headers["WWW-Authenticate"].startswith('Bearer error="invalid_token"')
    assert [(record.reason, record.claim) for record in caplog.records] == [("invalid_claim", "scope")]


@pytest.mark.parametrize("scope", [..., "", "tasks:read", "openid", ["tasks:read"], None, 1], ids=repr)
def test_scope_is_not_looked_at_by_default(send, app, scope):
    assert send("GET", "/api/{user_id}/tasks", scope, app=app).status == 200
    assert send("POST", "/api/{user_id}/tasks", scope, app=app, json={"title": "x"}).status == 201


def test_token_of_another_user_is_forbidden_whatever_its_scope(send):
    """A further scope would not help."""
    for scope in (..., "tasks:read", "tasks:write"):
        response = send("POST", "/api/{user_id}/tasks", scope, user_id="another")
        assert (response.status, response.error["code"]) == (403, "FORBIDDEN")
        assert "WWW-Authenticate" not in response.headers


def test_scope_is_checked_before_the_body(send):
    response = send("POST", "/api/{user_id}/tasks", "tasks:read", data=b"{", content_type="text/plain")
    assert lacks(response) == "tasks:write"


def test_routes_without_a_token_need_no_scope(scoped, send):
    http = scoped.test_client()
    feed = send("POST", "/api/{user_id}/calendars", "tasks:write", json=CALENDAR).data["url"]
    assert http.get(feed[feed.index("/calendars/") :]).status_code == 200
    assert http.options("/api/scoped/tasks").status_code == 204
    assert http.get("/health/live").status_code == 200
    metrics = http.get("/metrics", headers={"Authorization": "Bearer a-token-for-metrics_1"})
    assert metrics.status_code == 200


@pytest.mark.parametrize("key_id", ["ed", "rsa"])
def test_token_of_an_issuer_has_scopes_too(issuer, status_of, key_id):
    status = status_of(JWT_SCOPES="on")
    scopes = {"tasks:read": 200, "openid tasks:write": 200, "openid": 403, "": 403, ("tasks:read",): 401}
    assert {scope: status(issuer.token(key_id, "jwks-user", scope=scope)) for scope in scopes} == scopes
    assert status(issuer.token(key_id, "jwks-user")) == 403
    assert status_of()(issuer.token(key_id, "jwks-user")) == 200


def test_scopes_are_cached_with_the_token(secret, monkeypatch):
    verifier = TokenVerifier(lambda _header: [secret], ["HS256"], checks_scopes=True)
    tokens = {
        scope: make_token(secret, {"sub": "alice", "exp": 10**10, "scope": scope})
        for scope in SCOPES
        if scope is not ...
    }
    verified = {scope: verifier.authenticate(token) for scope, token in tokens.items()}
    monkeypatch.setattr("taskapp.auth.tokens.decode", None)
    assert {scope: verifier.authenticate(token) for scope, token in tokens.items()} == verified
    assert len({caller.scopes for caller in verified.values()}) == 3


def test_operations_of_the_document_are_all_tried():
    """So that a route with another prefix, or another method, is not forgotten."""
    protected = [
        (name, path)
        for path, item in DOCUMENT["paths"].items()
        for name, operation in item.items()
        if name != "parameters" and "security" not in operation
    ]
    assert {(method.lower(), path) for method, path in OPERATIONS if method != "HEAD"} == set(protected)
    assert {method for method, _ in OPERATIONS} == WRITE
