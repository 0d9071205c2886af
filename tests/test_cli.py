"""The commands of our own."""

import time

import jwt
import pytest

from tests.processes import flask


@pytest.mark.parametrize(
    ("options", "lifetime"), [((), 3600), (("--expires-in", "90s"), 90), (("--expires-in", "7d"), 604800)]
)
def test_token_prints_a_token_and_nothing_else(settings, secret, options, lifetime):
    result = flask("token", "alice", *options, **settings)
    claims = jwt.decode(result.stdout.removesuffix("\n"), secret, ["HS256"])
    assert claims["sub"] == "alice"
    assert claims["exp"] - time.time() == pytest.approx(lifetime, abs=60)
    assert result.stderr == ""


def test_token_opens_the_service(settings, new_client):
    client = new_client("zoë x")
    token = flask("token", "zoë x", **settings).stdout.strip()
    assert client.get(token=token).status == 200


def test_token_has_what_the_settings_enforce(settings, secret):
    more = {"JWT_ISSUER": "us", "JWT_AUDIENCE": "them", "JWT_USER_CLAIM": "email"}
    token = flask("token", "a@b.c", **settings, **more).stdout.strip()
    claims = jwt.decode(token, secret, ["HS256"], audience="them", issuer="us")
    assert claims["email"] == "a@b.c"


@pytest.mark.parametrize("duration", ["", "1", "h", "1w", "-1h", "0s", "1.5h", "1h30m", "99999999d"])
def test_token_refuses_what_is_no_duration(settings, duration):
    result = flask("token", "alice", "--expires-in", duration, check=False, **settings)
    assert (result.returncode, result.stdout) == (2, "")
    assert "is not a duration like 90s, 15m, 1h or 7d." in result.stderr


@pytest.mark.parametrize("user_id", ["", "x" * 256, "a/b"])
def test_token_refuses_a_user_that_no_path_can_name(settings, user_id):
    result = flask("token", user_id, check=False, **settings)
    assert (result.returncode, result.stdout) == (2, "")
    assert "must be 1 to 255 characters without a slash" in result.stderr


def test_token_says_why_it_cannot_sign(settings):
    public = {"DATABASE_URL": settings["DATABASE_URL"], "JWT_JWKS_URL": "https://issuer.example/jwks"}
    result = flask("token", "alice", check=False, **public)
    assert (result.returncode, result.stdout) == (1, "")
    assert "JWT_JWKS_URL is set" in result.stderr
