"""Key sets as RFC 7517 allows them: without ids, without algorithms, and with keys that are of no use."""

import json
import logging
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import RSAAlgorithm

from taskapp.auth import jwks, public_keys
from taskapp.auth.errors import InvalidToken, Reason, SigningKeyUnavailable
from taskapp.auth.jwks import KeySet
from taskapp.auth.tokens import TokenVerifier
from tests.support.issuer import Issuer

LATER = int(time.time()) + 3600
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


@pytest.fixture
def issuer():
    """An issuer without keys."""
    with Issuer() as issuer:
        yield issuer


@pytest.fixture
def outcome_of(issuer):
    """Returns the user of a token, or the reason why it is rejected."""
    verifier = TokenVerifier(KeySet(issuer.url).find_keys, public_keys.ALGORITHMS)

    def judge(token):
        try:
            return verifier.authenticate(token).user_id
        except InvalidToken as error:
            return error.reason

    return judge


def token_of(key, algorithm, key_id=None, user_id="alice"):
    headers = {"kid": key_id} if key_id else {}
    return jwt.encode({"sub": user_id, "exp": LATER}, key, algorithm, headers)


def publish(issuer, name, key, algorithm, **fields):
    """Publish a key; a field that is None is left out, as is the id unless it is given."""
    issuer.add_key(name, algorithm, key)
    members = {**issuer.public[name], "kid": None, **fields}
    issuer.public[name] = {name: value for name, value in members.items() if value is not None}


def test_keys_without_id_and_algorithm_are_chosen_by_their_type(issuer, outcome_of):
    publish(issuer, "rsa", RSA, "RS256")
    publish(issuer, "ec", EC, "ES256")
    publish(issuer, "ed", ED, "EdDSA")
    for key, algorithm in [(RSA, "RS256"), (RSA, "PS512"), (EC, "ES256"), (ED, "EdDSA")]:
        assert outcome_of(token_of(key, algorithm)) == "alice"
        assert outcome_of(token_of(key, algorithm, "not in the set")) == "alice"
    assert issuer.requests == 1


def test_token_without_key_id_uses_the_only_key_that_fits(issuer, outcome_of):
    publish(issuer, "rsa", RSA, "RS256", kid="1")
    publish(issuer, "ec", EC, "ES256", kid="2")
    assert outcome_of(token_of(RSA, "RS256")) == outcome_of(token_of(EC, "ES256")) == "alice"
    assert outcome_of(token_of(RSA, "RS256", "2")) == Reason.UNKNOWN_KEY  # Key 2 is of another type.
    assert outcome_of(token_of(EC, "ES256", "1")) == Reason.UNKNOWN_KEY


def test_algorithm_of_a_key_is_the_only_one(issuer, outcome_of):
    publish(issuer, "rsa", RSA, "RS256", alg="RS256")
    assert outcome_of(token_of(RSA, "RS256")) == "alice"
    assert outcome_of(token_of(RSA, "RS512")) == outcome_of(token_of(RSA, "PS256")) == Reason.UNKNOWN_KEY


def test_public_key_is_never_a_secret(issuer, outcome_of):
    """A set with a symmetric key would make that key a password that everybody can read."""
    publish(issuer, "rsa", RSA, "RS256")
    issuer.public["oct"] = {"kty": "oct", "k": "c2VjcmV0" * 8, "kid": "oct", "alg": "HS256"}
    forged = jwt.encode({"sub": "alice", "exp": LATER}, b"secret" * 8, "HS256", {"kid": "oct"})
    assert outcome_of(token_of(RSA, "RS256")) == "alice"
    assert outcome_of(forged) == Reason.ALGORITHM


def test_keys_with_the_same_id_are_told_apart(issuer, outcome_of):
    """RFC 7517, section 4.5: keys of different types may have the same id."""
    second = ec.generate_private_key(ec.SECP256R1())
    publish(issuer, "rsa", RSA, "RS256", kid="same")
    publish(issuer, "first", EC, "ES256", kid="same")
    publish(issuer, "second", second, "ES256", kid="same")
    for key, algorithm in [(RSA, "RS256"), (EC, "ES256"), (second, "ES256")]:
        assert outcome_of(token_of(key, algorithm, "same")) == "alice"
    assert outcome_of(token_of(ec.generate_private_key(ec.SECP256R1()), "ES256", "same")) == Reason.SIGNATURE
    assert issuer.requests == 1


def test_keys_without_id_can_rotate(issuer, outcome_of):
    """The new key is used at once: a signature that no known key fits is a reason to ask the issuer."""
    publish(issuer, "old", RSA, "RS256")
    assert outcome_of(token_of(RSA, "RS256")) == "alice"
    new = rsa.generate_private_key(65537, 2048)
    publish(issuer, "new", new, "RS256")
    assert outcome_of(token_of(new, "RS256", user_id="bob")) == "bob"
    assert outcome_of(token_of(RSA, "RS256", user_id="carol")) == "carol"
    assert issuer.requests == 2


def test_forged_tokens_without_key_id_do_not_flood_the_issuer(issuer, outcome_of):
    publish(issuer, "rsa", RSA, "RS256")
    assert outcome_of(token_of(RSA, "RS256")) == "alice"
    forger = rsa.generate_private_key(65537, 2048)
    assert {outcome_of(token_of(forger, "RS256", user_id=f"user {n}")) for n in range(20)} == {Reason.SIGNATURE}
    assert issuer.requests == 2


def test_number_of_keys_that_are_tried_is_bounded(issuer, outcome_of):
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(public_keys.MAXIMUM_TRIES + 1)]
    for number, key in enumerate(keys):
        publish(issuer, str(number), key, "ES256", kid=str(number))
    assert [outcome_of(token_of(key, "ES256", str(n))) for n, key in enumerate(keys)] == ["alice"] * len(keys)
    without = [outcome_of(token_of(key, "ES256")) for key in keys]
    assert without == ["alice"] * public_keys.MAXIMUM_TRIES + [Reason.SIGNATURE]


WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505 # It must be rejected.
SHORT = {**RSAAlgorithm.to_jwk(WEAK.public_key(), as_dict=True), "kid": "x"}
PRIVATE = {**RSAAlgorithm.to_jwk(RSA, as_dict=True), "kid": "x"}
PUBLIC = {**RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True), "kid": "x", "key_ops": None}


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ({**PUBLIC, "use": "enc"}, "not for signatures"),
        ({**PUBLIC, "key_ops": ["encrypt"]}, "not for signatures"),
        ({**PUBLIC, "key_ops": 1}, "malformed"),
        ({**PUBLIC, "alg": "RSA-OAEP"}, "of another type or algorithm"),
        ({**PUBLIC, "alg": "HS256"}, "of another type or algorithm"),
        ({**PUBLIC, "alg": "EdDSA"}, "of another type or algorithm"),
        ({**PUBLIC, "alg": ["RS256"]}, "of another type or algorithm"),
        ({**PUBLIC, "kty": "EC"}, "of another type or algorithm"),
        ({"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA"}, "of another type or algorithm"),
        ({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}, "of another type or algorithm"),
        ({"kty": ["RSA"], "crv": {}}, "of another type or algorithm"),
        ({}, "of another type or algorithm"),
        ({"kty": "oct", "k": "AAAA"}, "symmetric"),
        (SHORT, "too short"),
        (PRIVATE, "private"),
        ({**PUBLIC, "n": "!!!"}, "malformed"),
        ({**PUBLIC, "n": 1}, "malformed"),
        ({**PUBLIC, "e": ""}, "malformed"),
        ({"kty": "RSA", "kid": "x"}, "malformed"),
        ({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}, "malformed"),
        ({"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}, "malformed"),
        ({"kty": "OKP", "crv": "Ed25519", "x": "AA"}, "malformed"),
        ("text", "malformed"),
        (None, "malformed"),
        ([], "malformed"),
    ],
    ids=range(25),
)
def test_key_of_no_use_leaves_the_others(issuer, outcome_of, caplog, key, reason):
    caplog.set_level(logging.INFO)
    publish(issuer, "good", ED, "EdDSA", kid="good")
    issuer.public["other"] = key
    assert outcome_of(token_of(ED, "EdDSA", "good")) == "alice"
    assert f"Fetched the issuer's keys: 1 of 2 usable, 1 {reason} (HTTP 200, application/json)" in caplog.messages
    assert outcome_of(token_of(RSA, "RS256", "x")) == Reason.UNKNOWN_KEY
    issuer.public.clear()
    issuer.public["other"] = key
    with pytest.raises(SigningKeyUnavailable) as caught:
        list(KeySet(issuer.url).find_keys(jwks.Header("EdDSA", "good")))
    assert caught.value.seconds is None
    assert f"no key of the set can verify signatures: 0 of 1 usable, 1 {reason}" in caplog.text


def test_optional_members_may_be_null(issuer, outcome_of):
    publish(issuer, "rsa", RSA, "RS256")
    issuer.public["rsa"] = json.loads(json.dumps({**issuer.public["rsa"], "use": None, "key_ops": None, "alg": None}))
    assert outcome_of(token_of(RSA, "RS384")) == "alice"
