"""A mistake that lasts is not shown as one that passes: to clients, to probes, and in the log."""

import pytest

from taskapp.auth import jwks, token_bucket, tokens
from tests.support.waiting import wait_until


@pytest.fixture
def http(issuer, make_app):
    return make_app(JWT_SECRET=None, JWT_JWKS_URL=issuer.url).test_client()


@pytest.fixture
def go_on(monkeypatch):
    """Moves the clock beyond every pause between fetches."""
    now = [tokens.clock()]
    for module in (tokens, jwks, token_bucket):
        monkeypatch.setattr(module, "clock", lambda: now[0])

    def go_on():
        now[0] += jwks.LIFESPAN + jwks.COOLDOWN

    return go_on


def reject(status):
    """Make a function that responds with a status."""

    def respond(handler, _keys):
        handler.send_response(status)
        handler.end_headers()

    return respond


def eventually(go_on, holds):
    """Wait for something that follows a fetch, which runs in the background."""

    def tried():
        go_on()
        return holds()

    wait_until(tried, "it does not come about")


def get(http, issuer, key_id="ed"):
    headers = {"Authorization": f"Bearer {issuer.token(key_id, 'somebody')}"}
    return http.get("/api/somebody/tasks", headers=headers)


def test_client_is_not_told_to_retry_what_cannot_work(http, issuer, go_on, capfd):
    issuer.respond = reject(403)
    response = get(http, issuer)
    assert (response.status_code, response.json["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert "Retry-After" not in response.headers
    assert "misconfigured" in response.json["error"]["message"]
    assert "WWW-Authenticate" not in response.headers  # The token may be good, so nobody is logged out.
    issuer.respond = reject(503)
    eventually(go_on, lambda: "Retry-After" in get(http, issuer).headers)
    assert capfd.readouterr().err.count("Retries will not help.") == 1
    issuer.respond = None
    eventually(go_on, lambda: get(http, issuer).status_code == 200)


def test_client_retries_what_may_pass(http, issuer):
    issuer.respond = reject(503)
    response = get(http, issuer)
    assert (response.status_code, response.json["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert int(response.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("status", [403, 503])
def test_service_without_any_key_is_not_ready(http, issuer, go_on, status):
    issuer.respond = reject(status)
    response = http.get("/health/ready")
    assert (response.status_code, response.json["error"]["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert list(response.json["error"]["details"]) == ["signing_keys"]
    assert http.get("/health/live").status_code == 200
    issuer.respond = None
    eventually(go_on, lambda: http.get("/health/ready").status_code == 200)


@pytest.mark.parametrize("status", [403, 503])
def test_service_stays_ready_with_the_keys_that_it_knows(http, issuer, go_on, status):
    assert http.get("/health/ready").json["checks"]["signing_keys"] == "ok"
    assert get(http, issuer).status_code == 200
    assert issuer.requests == 1  # The probe has fetched the keys.
    issuer.respond = reject(status)
    for _ in range(3):
        go_on()
        assert get(http, issuer).status_code == 200
        assert http.get("/health/ready").status_code == 200
