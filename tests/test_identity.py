"""Who is calling: tokens of every kind, good and bad."""

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from config import Settings
from taskapp import create_app, jwks
from tests.client import make_token

NOW = int(time.time())
LATER = NOW + 3600


def unsigned(header, claims):
    parts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims))
    return ".".join(parts) + "."


def assert_unauthorized(answer, challenge='Bearer error="invalid_token"'):
    assert (answer.status, answer.error["code"]) == (401, "UNAUTHORIZED")
    assert answer.headers["WWW-Authenticate"] == challenge


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


def test_token_within_the_leeway_holds(alice, secret):
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


def test_token_of_a_megabyte_is_refused(alice):
    for size in (15_000, 20_000, 1_000_000, 3_000_000):
        answer = alice.get(token="x" * size)
        assert answer.status == (401 if size < 16_000 else 431), size


def test_token_of_another_user_is_forbidden(alice, bob):
    for user_id in (bob.user_id, "nobody-has-this-id", alice.user_id.upper(), alice.user_id + "%20"):
        answer = alice.request("GET", f"/api/{user_id}/tasks")
        assert (answer.status, answer.error["code"]) == (403, "FORBIDDEN")


class Issuer:
    """A local issuer of tokens that publishes its public keys, and can be down."""

    def __init__(self):
        self.private, self.public = {}, []
        self.requests, self.down, self.body = 0, False, None

    def add_key(self, key_id, private, algorithm, **fields):
        public = jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True)
        self.private[key_id] = (private, algorithm)
        self.public.append({**public, "kid": key_id, **fields})

    def token(self, key_id, user_id, **claims):
        private, algorithm = self.private[key_id]
        claims = {"sub": user_id, "exp": LATER, **claims}
        return jwt.encode(claims, private, algorithm, headers={"kid": key_id})

    def serve(self):
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.requests += 1
                self.send_response(503 if issuer.down else 200)
                self.end_headers()
                self.wfile.write(issuer.body or json.dumps({"keys": issuer.public}).encode())

            def log_message(self, *_):
                pass

        return ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def issuer():
    issuer = Issuer()
    issuer.add_key("ed", ed25519.Ed25519PrivateKey.generate(), "EdDSA")
    issuer.add_key("ec", ec.generate_private_key(ec.SECP256R1()), "ES256", alg="ES256")
    issuer.add_key("rsa", rsa.generate_private_key(65537, 2048), "RS256", use="sig")
    server = issuer.serve()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    issuer.url = f"http://127.0.0.1:{server.server_port}/jwks"
    yield issuer
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def status_of(issuer, settings):
    """Asks an application that trusts the issuer, and returns the status."""

    def make(**more):
        values = {**settings, "JWT_JWKS_URL": issuer.url, **more}
        values.pop("JWT_SECRET")
        http = create_app(Settings().load(values)).test_client()

        def status(token, user_id="jwks-user"):
            return http.get(f"/api/{user_id}/tasks", headers={"Authorization": f"Bearer {token}"}).status_code

        return status

    return make


@pytest.mark.parametrize("key_id", ["ed", "ec", "rsa"])
def test_token_of_an_issuer_with_public_keys_holds(issuer, status_of, key_id):
    status = status_of()
    assert status(issuer.token(key_id, "jwks-user")) == 200
    assert status(issuer.token(key_id, "somebody")) == 403
    assert status(issuer.token(key_id, "jwks-user", exp=NOW - 60)) == 401
    assert status(issuer.token(key_id, "jwks-user", exp=None)) == 401
    assert issuer.requests == 1


def test_token_signed_with_what_is_public_is_unauthorized(issuer, status_of):
    status = status_of()
    good = {"sub": "jwks-user", "exp": LATER}
    # As HMAC secrets, public keys are known to everybody.
    text = json.dumps(issuer.public[0])
    assert status(issuer.token("ed", "jwks-user")) == 200
    for key_id in ("ed", "rsa"):
        forged = jwt.PyJWS().encode(
            json.dumps(good).encode(), base64.b64encode(text.encode()).decode(), headers={"kid": key_id}
        )
        assert status(forged) == 401
    assert status(jwt.encode(good, issuer.private["ec"][0], "ES256")) == 401  # It names no key.
    assert status(jwt.encode(good, issuer.private["ec"][0], "ES256", headers={"kid": "rsa"})) == 401
    assert status(unsigned({"alg": "none", "kid": "ed"}, good)) == 401


def test_issuer_and_audience_are_enforced_where_set(issuer, status_of):
    token = issuer.token("ed", "jwks-user", iss="https://issuer.example", aud=["taskapp", "other"])
    assert status_of()(token) == 200
    assert status_of(JWT_ISSUER="https://issuer.example", JWT_AUDIENCE="taskapp")(token) == 200
    assert status_of(JWT_ISSUER="https://else.example")(token) == 401
    assert status_of(JWT_AUDIENCE="else")(token) == 401
    assert status_of(JWT_AUDIENCE="taskapp")(issuer.token("ed", "jwks-user")) == 401


def test_user_may_be_in_another_claim(issuer, status_of):
    status = status_of(JWT_USER_CLAIM="email")
    assert status(issuer.token("ed", "x", email="jwks-user")) == 200
    for email, expected in [("somebody", 403), ("", 403), (1, 401), (None, 401), (["jwks-user"], 401)]:
        assert status(issuer.token("ed", "jwks-user", email=email)) == expected
    assert status(issuer.token("ed", "jwks-user")) == 401


def test_unknown_keys_do_not_flood_the_issuer(issuer, status_of):
    status = status_of()
    issuer.private["unknown"] = (ed25519.Ed25519PrivateKey.generate(), "EdDSA")
    assert {status(issuer.token("unknown", "jwks-user")) for _ in range(20)} == {401}
    assert issuer.requests == 1


def test_issuer_that_is_down_harms_no_known_key(issuer, status_of, monkeypatch):
    status = status_of()
    issuer.down = True
    # What no key of an issuer could have signed is no reason to ask for one.
    assert status("x.y.z") == status(unsigned({"alg": "none", "kid": "ed"}, {})) == 401
    assert status(jwt.encode({"sub": "jwks-user", "exp": LATER}, issuer.private["ed"][0], "EdDSA")) == 401
    assert issuer.requests == 0
    assert status(issuer.token("ed", "jwks-user")) == 503  # No key is known yet, so nobody can tell.
    issuer.down = False
    monkeypatch.setattr(jwks, "COOLDOWN", 0)
    assert status(issuer.token("ed", "jwks-user")) == 200
    issuer.down = True
    monkeypatch.setattr(jwks, "LIFESPAN", 0)
    before = issuer.requests
    assert {status(issuer.token("ed", "jwks-user")) for _ in range(5)} == {200}
    deadline = time.monotonic() + 5
    while issuer.requests == before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert issuer.requests > before  # It was asked, beside the requests.
    assert status(issuer.token("ed", "jwks-user")) == 200


def test_rotated_key_is_found(issuer, status_of, monkeypatch):
    status = status_of()
    assert status(issuer.token("ed", "jwks-user")) == 200
    issuer.add_key("next", ec.generate_private_key(ec.SECP256R1()), "ES256")
    monkeypatch.setattr(jwks, "COOLDOWN", 0)
    assert status(issuer.token("next", "jwks-user")) == 200


DEEP, ODD = b"[" * 100_000, b'{"keys": [{"kty": "RSA", "kid": "x", "alg": ["RS256"]}]}'


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"keys": []}', b'{"keys": [1]}', b"\xff", DEEP, ODD])
def test_issuer_that_answers_nonsense_is_unavailable(issuer, status_of, body):
    issuer.body = body or b" "
    assert status_of()(issuer.token("ed", "jwks-user")) == 503
