"""Tokens of an issuer that publishes its keys, good and bad."""

import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey

from tests.support.client import unsigned

NOW = int(time.time())
LATER = NOW + 3600


@pytest.mark.parametrize("key_id", ["ed", "ec", "rsa"])
def test_token_of_an_issuer_is_accepted(issuer, status_of, key_id):
    status = status_of()
    assert status(issuer.token(key_id, "jwks-user")) == 200
    assert status(issuer.token(key_id, "somebody")) == 403
    assert status(issuer.token(key_id, "jwks-user", exp=NOW - 60)) == 401
    assert status(issuer.token(key_id, "jwks-user", exp=None)) == 401
    assert issuer.requests == 1


def test_token_signed_with_a_public_key_is_unauthorized(issuer, status_of):
    status = status_of()
    good = {"sub": "jwks-user", "exp": LATER}
    # As HMAC secrets, public keys are known to everybody.
    text = json.dumps(issuer.public["ed"])
    assert status(issuer.token("ed", "jwks-user")) == 200
    for key_id in ("ed", "rsa"):
        forged = jwt.PyJWS().encode(
            json.dumps(good).encode(), base64.b64encode(text.encode()).decode(), headers={"kid": key_id}
        )
        assert status(forged) == 401
    assert status(jwt.encode(good, issuer.private["ec"][0], "ES256", headers={"kid": "rsa"})) == 401
    assert status(unsigned({"alg": "none", "kid": "ed"}, good)) == 401


def test_issuer_and_audience_are_required_if_set(issuer, status_of):
    token = issuer.token("ed", "jwks-user", iss="https://issuer.example", aud=["taskapp", "other"])
    assert status_of()(token) == 200
    assert status_of(JWT_ISSUER="https://issuer.example", JWT_AUDIENCE="taskapp")(token) == 200
    assert status_of(JWT_ISSUER="https://else.example")(token) == 401
    assert status_of(JWT_AUDIENCE="else")(token) == 401
    assert status_of(JWT_AUDIENCE="taskapp")(issuer.token("ed", "jwks-user")) == 401


def test_user_may_be_in_another_claim(issuer, status_of):
    status = status_of(JWT_USER_CLAIM="email")
    assert status(issuer.token("ed", "x", email="jwks-user")) == 200
    for email, expected in [("somebody", 403), ("", 401), (1, 401), (None, 401), (["jwks-user"], 401)]:
        assert status(issuer.token("ed", "jwks-user", email=email)) == expected
    assert status(issuer.token("ed", "jwks-user")) == 401


def test_name_of_ed25519_may_be_the_newer_one(issuer, status_of):
    """RFC 9864: in the token, in the key, or in both."""
    status = status_of()
    issuer.add_key("newer", "Ed25519", alg="Ed25519")
    issuer.private["ed, renamed"] = (issuer.private["ed"][0], "Ed25519")
    issuer.public["ed, renamed"] = {**issuer.public["ed"], "kid": "ed, renamed"}
    issuer.private["newer, named of old"] = (issuer.private["newer"][0], "EdDSA")
    issuer.public["newer, named of old"] = {**issuer.public["newer"], "kid": "newer, named of old"}
    for key_id in ("newer", "ed, renamed", "newer, named of old"):
        assert status(issuer.token(key_id, "jwks-user")) == 200, key_id
    issuer.add_key("ed448", "EdDSA", Ed448PrivateKey.generate(), alg="EdDSA")
    issuer.private["rsa"] = (issuer.private["ed"][0], "Ed25519")
    assert status(issuer.token("rsa", "jwks-user")) == 401
    assert status(issuer.token("ed448", "jwks-user")) == 200
    issuer.private["ed448"] = (issuer.private["ed448"][0], "Ed25519")
    assert status(issuer.token("ed448", "jwks-user")) == 401
