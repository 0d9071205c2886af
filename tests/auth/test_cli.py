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
