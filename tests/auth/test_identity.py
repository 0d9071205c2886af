"""Authentication: tokens of every kind, good and bad."""

import json
import re
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from tests.support.client import make_token, unsigned

NOW = int(time.time())
LATER = NOW + 3600


CHALLENGE = re.compile(
    r'Bearer error="invalid_token", error_description="The access token (expired|is malformed|is invalid)"'
)


def assert_unauthorized(response, challenge=CHALLENGE):
    assert (response.status, response.error["code"]) == (401, "UNAUTHORIZED")
    assert re.fullmatch(challenge, response.headers["WWW-Authenticate"])


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Token x", "Bearerx"])
def test_request_without_a_token_is_unauthorized(alice, header):
    headers = {} if header is None else {"Authorization": header}
    assert_unauthorized(alice.get(token=None, headers=headers), "Bearer")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
def test_scheme_is_read_in_any_case(alice, scheme):
    assert alice.get(headers={"Authorization": f"{scheme} {alice.token}"}).status == 200


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"exp": LATER},
        {"sub": "USER"},
        {"sub": "USER", "exp": NOW - 60},
        {"sub": "USER", "exp": None},
        {"sub": "USER", "exp": "soon"},
        {"sub": "USER", "exp": 1e999},
        {"sub": "USER", "exp": LATER, "nbf": NOW + 600},
        {"sub": "USER", "exp": LATER, "iat": NOW + 600},
        {"sub": "USER", "exp": LATER, "iat": 1e999},
        {"sub": 12345, "exp": LATER},
        {"sub": None, "exp": LATER},
        {"sub": ["USER"], "exp": LATER},
    ],
    ids=range(13),
)
def test_token_with_bad_claims_is_unauthorized(alice, secret, claims):
    if claims.get("sub") == "USER":
        claims = {**claims, "sub": alice.user_id}
    payload = json.dumps(claims).encode()
    assert_unauthorized(alice.get(token=jwt.PyJWS().encode(payload, secret, "HS256")))


def test_token_within_the_leeway_is_accepted(alice, secret):
    claims = {"sub": alice.user_id, "exp": int(time.time()) - 10, "iat": int(time.time()) + 10}
    assert alice.get(token=make_token(secret, claims)).status == 200


def test_token_that_is_broken_or_not_ours_is_unauthorized(alice, secret):
    good = {"sub": alice.user_id, "exp": LATER}
    header, payload, signature = alice.token.split(".")
    tokens = [
        "x",
        "a.b.c",
        "....",
        "é" * 10,
        alice.token[:-1],
        alice.token + "x",
        f"{header}.{payload}.",
        f"{header}..{signature}",
        f"{alice.token},{alice.token}",
        *(alice.token + end for end in (",", "=", " x", ".", "!", "%20", "\t.")),
        *(alice.token.replace(".", f".{odd}", 1) for odd in (",", " ", "=", "*")),
        unsigned({"alg": "none", "typ": "JWT"}, good),
        unsigned({"alg": "None"}, good) + signature,
        make_token("another secret that is long enough", good),
        make_token(secret, good, algorithm="HS512"),
        make_token(secret, good, headers={"crit": ["x"], "x": 1}),
        make_token(ed25519.Ed25519PrivateKey.generate(), good, algorithm="EdDSA"),
        jwt.PyJWS().encode(b"[" * 5000, secret, "HS256"),
        jwt.PyJWS().encode(b"not json", secret, "HS256"),
        jwt.PyJWS().encode(b"[]", secret, "HS256"),
    ]
    for token in tokens:
        assert_unauthorized(alice.get(headers={"Authorization": f"Bearer {token}".encode()}, token=None))


def test_token_of_a_megabyte_is_rejected(alice):
    for size in (15_000, 20_000, 1_000_000, 3_000_000):
        response = alice.get(token="x" * size)
        assert response.status == (401 if size < 16_000 else 431), size


def test_token_of_another_user_is_forbidden(alice, bob):
    for user_id in (bob.user_id, "nobody-has-this-id", alice.user_id.upper(), alice.user_id + "%20"):
        response = alice.request("GET", f"/api/{user_id}/tasks")
        assert (response.status, response.error["code"]) == (403, "FORBIDDEN")
