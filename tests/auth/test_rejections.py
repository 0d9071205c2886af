"""Why a token is rejected: exactly in the log, as far as RFC 6750 goes in the response, and counted in the metrics."""

import json
import re
import time

import pytest

from taskapp.auth import rejections, token_bucket
from tests.support.client import make_token, unsigned

NOW = int(time.time())
LATER = NOW + 3600
USER = "rejected-user"
# RFC 6750, section 3: the characters of a description.
CHALLENGE = re.compile(r'Bearer error="invalid_token", error_description="([\x20-\x21\x23-\x5b\x5d-\x7e]+)"')
SETTINGS = {
    "JWT_ISSUER": "https://a.example, https://b.example/",
    "JWT_AUDIENCE": "api,admin",
    "JWT_AUTHORIZED_PARTIES": "https://app.example",
    "METRICS_TOKEN": "metrics-" + "x" * 16,
}
CLAIMS = {"sub": USER, "exp": LATER, "iss": "https://a.example", "aud": "api", "azp": "https://app.example"}


@pytest.fixture(scope="module")
def client(make_app):
    return make_app(**SETTINGS).test_client()


@pytest.fixture
def reject(client, secret, capfd):
    """Sends a token with changed claims; returns the response and the log lines."""

    def send(token=None, **changes):
        claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
        token = token or make_token(secret, claims)
        response = client.get(f"/api/{USER}/tasks", headers={"Authorization": f"Bearer {token}"})
        text = capfd.readouterr().err
        assert not any(part in text for part in token.split(".") if len(part) > 3)
        return response, [json.loads(line) for line in text.splitlines()]

    return send


@pytest.fixture(autouse=True)
def _no_earlier_lines(client):
    app = client.application
    app.extensions["rejection_log"] = rejections.RejectionLog(app)


def test_token_for_any_of_the_issuers_and_audiences_is_accepted(reject):
    for changes in ({}, {"iss": "https://b.example/"}, {"aud": ["x", "admin"]}, {"azp": None}):
        response, lines = reject(**changes)
        assert (response.status_code, lines) == (200, [])


@pytest.mark.parametrize(
    ("changes", "reason", "claim", "description"),
    [
        ({"exp": NOW - 100}, "expired", None, "expired"),
        ({"nbf": LATER}, "not_yet_valid", None, "is invalid"),
        ({"iss": "https://b.example"}, "issuer", None, "is invalid"),
        ({"aud": "other"}, "audience", None, "is invalid"),
        ({"azp": "https://evil.example"}, "authorized_party", None, "is invalid"),
        ({"sub": None}, "missing_claim", "sub", "is invalid"),
        ({"aud": None}, "missing_claim", "aud", "is invalid"),
        ({"exp": "9999999999"}, "invalid_claim", "exp", "is invalid"),
        ({"token": unsigned({"alg": "HS256"}, CLAIMS)}, "signature", None, "is invalid"),
        ({"token": unsigned({"alg": "none"}, CLAIMS)}, "algorithm", None, "is invalid"),
        ({"token": unsigned({"alg": "HS256", "crit": ["x"]}, CLAIMS)}, "unsupported", None, "is invalid"),
        ({"token": "level=ERROR\u0085forged"}, "malformed", None, "is malformed"),
    ],
)
def test_reason_is_logged_with_the_request_id(reject, changes, reason, claim, description):
    response, [line] = reject(**changes)
    assert response.status_code == 401
    assert CHALLENGE.fullmatch(response.headers["WWW-Authenticate"])[1] == f"The access token {description}"
    assert (line["level"], line["logger"], line["message"]) == ("INFO", "taskapp.auth.rejections", "rejected token")
    assert (line["reason"], line.get("claim")) == (reason, claim)
    assert line["request_id"] == response.headers["X-Request-ID"] == response.json["error"]["request_id"]
    assert line.keys() <= {"time", "level", "logger", "pid", "message", "request_id", "reason", "claim"}


def test_message_says_that_a_token_has_expired(reject):
    assert reject(exp=NOW - 100)[0].json["error"]["message"] == "The token has expired."
    assert reject("x.y")[0].json["error"]["message"] == "The token is malformed."
    assert reject(iss="x")[0].json["error"]["message"] == "The token is not valid for this service."


def test_expiry_of_a_forged_token_is_not_told(reject):
    response, [line] = reject(make_token("x" * 40, {**CLAIMS, "exp": NOW - 100}))
    assert (line["reason"], "expired" in response.headers["WWW-Authenticate"]) == ("signature", False)


def test_flood_leaves_a_line_a_second_and_hides_no_other_reason(reject, monkeypatch):
    now = [token_bucket.clock() + 1]
    monkeypatch.setattr(token_bucket, "clock", lambda: now[0])
    _, before = reject("x.y")
    lines = [line for _ in range(100) for line in reject("x.y")[1]]
    assert len(before + lines) == rejections.BURST
    assert reject(exp=NOW - 100)[1][0]["reason"] == "expired"
    now[0] += rejections.PERIOD
    [line] = reject("x.y")[1]
    assert line["suppressed"] == 101 - rejections.BURST
    assert reject("x.y")[1] == []


def test_request_without_a_token_leaves_no_line(client, capfd):
    assert client.get(f"/api/{USER}/tasks").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer x"}).status_code == 401
    assert capfd.readouterr().err == ""


def test_metrics_count_every_rejected_token_by_reason(client, reject):
    def count(reason):
        text = client.get("/metrics", headers={"Authorization": f"Bearer {SETTINGS['METRICS_TOKEN']}"}).text
        found = re.search(rf'^rejected_tokens_total{{reason="{reason}"}} ([0-9.]+)$', text, re.MULTILINE)
        return float(found[1]) if found else 0

    before = count("malformed"), count("audience")
    for _ in range(rejections.BURST + 5):
        reject("x.y")
    reject(aud="other")
    assert (count("malformed"), count("audience")) == (before[0] + rejections.BURST + 5, before[1] + 1)


def test_command_signs_for_the_first_issuer_and_audience(make_app, client):
    token = make_app(**SETTINGS).test_cli_runner().invoke(args=["token", USER]).stdout.strip()
    assert client.get(f"/api/{USER}/tasks", headers={"Authorization": f"Bearer {token}"}).status_code == 200
