"""The command that makes tokens."""

import time

import jwt
import pytest

from tests.support.commands import flask


@pytest.fixture
def run(make_app):
    """Runs a command in this process, with the session's settings and those given."""
    return lambda *arguments, **changes: make_app(**changes).test_cli_runner().invoke(args=arguments)


def test_token_prints_a_token_and_nothing_else(settings, secret):
    result = flask("token", "alice", **settings)
    claims = jwt.decode(result.stdout.removesuffix("\n"), secret, ["HS256"])
    assert claims["sub"] == "alice"
    assert claims["exp"] - time.time() == pytest.approx(3600, abs=60)
    assert result.stderr == ""


@pytest.mark.parametrize(("duration", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("7d", 604800)])
def test_token_is_valid_as_long_as_asked(run, secret, duration, seconds):
    token = run("token", "alice", "--expires-in", duration).stdout.strip()
    assert jwt.decode(token, secret, ["HS256"])["exp"] - time.time() == pytest.approx(seconds, abs=60)


def test_token_opens_the_service(run, new_client):
    client = new_client("zoë x")
    assert client.get(token=run("token", "zoë x").stdout.strip()).status == 200


def test_token_has_the_claims_that_the_settings_require(run, secret):
    token = run("token", "a@b.c", JWT_ISSUER="us", JWT_AUDIENCE="them", JWT_USER_CLAIM="email").stdout.strip()
    claims = jwt.decode(token, secret, ["HS256"], audience="them", issuer="us")
    assert claims["email"] == "a@b.c"


@pytest.mark.parametrize(
    ("options", "scope"),
    [
        ([], "tasks:read tasks:write"),
        (["--scope", "tasks:read"], "tasks:read"),
        (["--scope", "tasks:write"], "tasks:write"),
        (["--scope", " tasks:write  tasks:read "], "tasks:write tasks:read"),
        (["--scope", "tasks:read", "--scope", "tasks:write", "--scope", "tasks:read"], "tasks:read tasks:write"),
    ],
)
def test_token_has_the_scopes_asked_for(run, secret, options, scope):
    for setting in ("on", "off"):  # Off, so that a token is still valid once it is on.
        token = run("token", "alice", *options, JWT_SCOPES=setting).stdout.strip()
        assert jwt.decode(token, secret, ["HS256"])["scope"] == scope


@pytest.mark.parametrize("scope", ["", " ", "tasks", "tasks:admin", "tasks:read,tasks:write", "tasks:read x"])
def test_token_rejects_an_unknown_scope(run, scope):
    result = run("token", "alice", "--scope", scope)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is not a scope. The scopes are tasks:read and tasks:write, separated by spaces." in result.stderr


def test_token_warns_if_its_scope_is_not_checked(run):
    warning = "JWT_SCOPES is off, so this token admits writes too.\n"
    assert run("token", "alice", "--scope", "tasks:read").stderr == warning
    assert run("token", "alice", "--scope", "tasks:read", JWT_SCOPES="on").stderr == ""
    assert run("token", "alice", "--scope", "tasks:write").stderr == ""


@pytest.mark.parametrize("options", [[], ["--scope", "tasks:read"]])
def test_token_opens_a_service_that_checks_scopes(run, make_app, options):
    token = run("token", "scoped", *options, JWT_SCOPES="on").stdout.strip()
    http, headers = make_app(JWT_SCOPES="on").test_client(), {"Authorization": f"Bearer {token}"}
    assert http.get("/api/scoped/tasks", headers=headers).status_code == 200
    status = http.post("/api/scoped/tasks", json={"title": "x"}, headers=headers).status_code
    assert status == (403 if options else 201)


@pytest.mark.parametrize("duration", ["", "1", "h", "1w", "-1h", "0s", "1.5h", "1h30m", "99999999d", "٣h"])
def test_token_rejects_an_invalid_duration(run, duration):
    result = run("token", "alice", "--expires-in", duration)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is not a valid duration, such as 90s, 15m, 1h or 7d." in result.stderr


@pytest.mark.parametrize("user_id", ["", "x" * 256, "a/b", "a\0b", "a\udcff"])
def test_token_rejects_a_user_that_no_path_can_name(run, user_id):
    result = run("token", user_id)
    assert (result.exit_code, result.stdout) == (2, "")
    sentence = "must not contain a slash." if "/" in user_id else "must be 1 to 255 characters in UTF-8, without NUL."
    assert sentence in result.stderr


def test_token_says_why_it_cannot_sign(settings):
    changes = {"JWT_SECRET": None, "JWT_JWKS_URL": "https://issuer.example/jwks"}
    result = flask("token", "alice", check=False, **{**settings, **changes})
    assert (result.returncode, result.stdout) == (1, "")
    assert "JWT_JWKS_URL is set" in result.stderr
