"""What RFC 7515 and RFC 7519 forbid in a token is rejected, each with its reason."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from taskapp.auth.errors import InvalidToken, Reason
from taskapp.auth.tokens import LEEWAY, SECRET_ALGORITHMS, TokenVerifier
from tests.support.client import make_token, unsigned

LATER = 4_000_000_000  # In the year 2096. Fixed, because the names of the tests contain it.
HEADER = '{"alg": "HS256"}'
GOOD = f'{{"sub": "alice", "exp": {LATER}}}'


@pytest.fixture
def reason_of(secret):
    """Returns why a token is rejected, and the claim at fault; None if it is accepted."""

    def judge(token, **options):
        try:
            TokenVerifier(lambda _header: [secret], SECRET_ALGORITHMS, **options).authenticate(token)
        except InvalidToken as error:
            return (error.reason, error.claim) if error.claim else error.reason

    return judge


@pytest.fixture
def sign(secret):
    """Signs a token of which header and claims are text or bytes, so that they can be anything."""

    def encode(part):
        return base64.urlsafe_b64encode(part if isinstance(part, bytes) else part.encode()).rstrip(b"=")

    def sign(claims=GOOD, header=HEADER):
        signed = encode(header) + b"." + encode(claims)
        signature = hmac.digest(secret.encode(), signed, hashlib.sha256)
        return (signed + b"." + encode(signature)).decode()

    return sign


def test_good_tokens_are_accepted(reason_of, sign):
    assert reason_of(sign()) is None


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value", ['" 9_999_999_999 "', '"9999999999"', "true", "null", "1e999", "-1e999", "[1]", "{}", '"soon"', '""']
)
def test_times_must_be_finite_numbers(reason_of, sign, name, value):
    claims = GOOD.replace(str(LATER), value) if name == "exp" else GOOD.replace("}", f', "{name}": {value}}}')
    assert reason_of(sign(claims)) == (Reason.INVALID_CLAIM, name)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("exp", f"{LATER}.5", None),
        ("exp", "9" * 400, None),
        ("exp", "1e300", None),
        ("exp", "9" * 5000, Reason.MALFORMED),
        ("exp", "NaN", Reason.MALFORMED),
        ("exp", "Infinity", Reason.MALFORMED),
        ("exp", "-1", Reason.EXPIRED),
        ("exp", "0", Reason.EXPIRED),
        pytest.param("exp", str(int(time.time()) - LEEWAY - 5), Reason.EXPIRED, id="just expired"),
        ("nbf", "-1", None),
        ("nbf", "0.5", None),
        ("nbf", str(LATER), Reason.NOT_YET_VALID),
        ("iat", str(LATER), Reason.NOT_YET_VALID),
        ("iat", "1e300", Reason.NOT_YET_VALID),
    ],
)
def test_times_are_compared_as_numbers(reason_of, sign, name, value, reason):
    claims = GOOD.replace(str(LATER), value) if name == "exp" else GOOD.replace("}", f', "{name}": {value}}}')
    assert reason_of(sign(claims)) == reason


@pytest.mark.parametrize(
    "claims",
    [
        f'{{"sub": "alice", "sub": "alice", "exp": {LATER}}}',
        f'{{"sub": "mallory", "exp": {LATER}, "s\\u0075b": "alice"}}',
        f'{{"sub": "alice", "exp": 1, "exp": {LATER}}}',
        f'{{"sub": "alice", "exp": {LATER}, "org": {{"id": 1, "id": 2}}}}',
        "[]",
        "null",
        '"alice"',
        "",
        "{",
        "not JSON",
        "\ufeff" + GOOD,
        GOOD.encode("utf-16"),
        GOOD.replace("alice", "\xff").encode("latin-1"),
        "[" * 5000,
        '{"sub":' * 2000,
        b"\x78\x9c" + GOOD.encode(),
    ],
    ids=range(16),
)
def test_claims_must_be_one_object_with_unique_names(reason_of, sign, claims):
    assert reason_of(sign(claims)) == Reason.MALFORMED


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ('{"alg": "HS256", "alg": "HS256"}', Reason.MALFORMED),
        ('{"alg": "HS256", "kid": 1}', Reason.MALFORMED),
        ('{"alg": ["HS256"]}', Reason.MALFORMED),
        ('{"typ": "JWT"}', Reason.MALFORMED),
        ('{"alg": "HS256", "typ": 1}', Reason.MALFORMED),
        ('{"alg": "HS256", "typ": NaN}', Reason.MALFORMED),
        ("[]", Reason.MALFORMED),
        ("[" * 5000, Reason.MALFORMED),
        (b"\xff", Reason.MALFORMED),
        ('{"alg": "HS256", "b64": false}', Reason.MALFORMED),
        ('{"alg": "HS256", "b64": false, "crit": ["b64"]}', Reason.UNSUPPORTED),
        ('{"alg": "HS256", "crit": ["exp"], "exp": 1}', Reason.UNSUPPORTED),
        ('{"alg": "HS256", "crit": []}', Reason.UNSUPPORTED),
        ('{"alg": "HS256", "crit": null}', Reason.UNSUPPORTED),
        ('{"alg": "HS256", "typ": "logout+jwt"}', Reason.UNSUPPORTED),
        ('{"alg": "HS256", "typ": "application/dpop+JWT"}', Reason.UNSUPPORTED),
        ('{"alg": "hs256"}', Reason.ALGORITHM),
        ('{"alg": "none"}', Reason.ALGORITHM),
        ('{"alg": "HS512"}', Reason.ALGORITHM),
        ('{"alg": "RS256"}', Reason.ALGORITHM),
        ('{"alg": "HS256", "typ": "JWT"}', None),
        ('{"alg": "HS256", "typ": "jwt"}', None),
        ('{"alg": "HS256", "typ": "at+jwt"}', None),
        ('{"alg": "HS256", "typ": "application/at+JWT"}', None),
        ('{"alg": "HS256", "typ": "something", "zip": "DEF", "jku": "https://x", "b64": true}', None),
        ('{"alg": "HS256", "kid": "' + "k" * 10_000 + '"}', None),
    ],
)
def test_header_is_judged_before_the_key_is_used(reason_of, sign, header, reason):
    assert reason_of(sign(header=header)) == reason


def test_nested_token_is_malformed(reason_of, sign):
    assert reason_of(sign(sign(), '{"alg": "HS256", "cty": "JWT"}')) == Reason.MALFORMED


@pytest.mark.parametrize(
    "token", ["", "a", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e", "....", "AAAAA.e30.AA", f"{'A' * 16_000}.e30.AA"]
)
def test_token_of_another_form_is_malformed(reason_of, token):
    assert reason_of(token) == Reason.MALFORMED


def test_reasons_of_the_signature(reason_of, sign, secret):
    token = sign()
    head, end = token[:-2], token[-2:]
    assert reason_of(make_token(secret + "x", user_id="alice")) == Reason.SIGNATURE
    assert reason_of(head[:-4] + "AAAA" + end) == Reason.SIGNATURE
    assert reason_of(unsigned({"alg": "HS256"}, {"sub": "alice", "exp": LATER})) == Reason.SIGNATURE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": None}, (Reason.MISSING_CLAIM, "exp")),
        ({"sub": None}, (Reason.MISSING_CLAIM, "sub")),
        ({"sub": ""}, (Reason.INVALID_CLAIM, "sub")),
        ({"sub": 12345}, (Reason.INVALID_CLAIM, "sub")),
        ({"sub": ["alice"]}, (Reason.INVALID_CLAIM, "sub")),
        ({"jti": 7}, (Reason.INVALID_CLAIM, "jti")),
        ({"sub": "x" * 10_000}, None),
        ({"sub": "a\0b"}, None),
        ({"sub": "\ud800"}, None),
    ],
)
def test_user_claim_is_text_that_is_not_empty(reason_of, sign, changes, reason):
    """Text that no path can contain is a user without tasks; the path decides."""
    claims = {"sub": "alice", "exp": LATER, **changes}
    assert reason_of(sign(json.dumps({name: value for name, value in claims.items() if value is not None}))) == reason


ISSUERS = {"issuers": ("https://accounts.google.com", "accounts.google.com")}
AUDIENCES = {"audiences": ("api", "admin")}
PARTIES = {"authorized_parties": ("https://app.example", "http://localhost:3000")}


@pytest.mark.parametrize(
    ("options", "claims", "reason"),
    [
        (ISSUERS, {"iss": "https://accounts.google.com"}, None),
        (ISSUERS, {"iss": "accounts.google.com"}, None),
        (ISSUERS, {"iss": "https://accounts.google.com/"}, Reason.ISSUER),
        (ISSUERS, {"iss": "google.com"}, Reason.ISSUER),
        (ISSUERS, {"iss": ""}, Reason.ISSUER),
        (ISSUERS, {"iss": list(ISSUERS["issuers"])}, Reason.ISSUER),
        (ISSUERS, {"iss": None}, Reason.ISSUER),
        (ISSUERS, {}, (Reason.MISSING_CLAIM, "iss")),
        (AUDIENCES, {"aud": "api"}, None),
        (AUDIENCES, {"aud": ["other", "admin"]}, None),
        (AUDIENCES, {"aud": "ap"}, Reason.AUDIENCE),
        (AUDIENCES, {"aud": "api,admin"}, Reason.AUDIENCE),
        (AUDIENCES, {"aud": ["api", 1]}, Reason.AUDIENCE),
        (AUDIENCES, {"aud": {"api": 1}}, Reason.AUDIENCE),
        (AUDIENCES, {"aud": []}, (Reason.MISSING_CLAIM, "aud")),
        (AUDIENCES, {}, (Reason.MISSING_CLAIM, "aud")),
        (PARTIES, {"azp": "http://localhost:3000"}, None),
        (PARTIES, {}, None),
        (PARTIES, {"azp": "http://localhost:3000/"}, Reason.AUTHORIZED_PARTY),
        (PARTIES, {"azp": "https://evil.app.example"}, Reason.AUTHORIZED_PARTY),
        (PARTIES, {"azp": ""}, Reason.AUTHORIZED_PARTY),
        (PARTIES, {"azp": None}, Reason.AUTHORIZED_PARTY),
        (PARTIES, {"azp": ["https://app.example"]}, Reason.AUTHORIZED_PARTY),
        ({}, {"iss": "any", "aud": ["any"], "azp": "any"}, None),
    ],
)
def test_issuer_audience_and_authorized_party_are_compared_whole(reason_of, sign, options, claims, reason):
    assert reason_of(sign(json.dumps({"sub": "alice", "exp": LATER, **claims})), **options) == reason


def test_checks_take_time_in_proportion_to_the_token(reason_of, sign):
    """Sixteen times the size takes about sixteen times as long; what is quadratic would take 256 times."""

    def seconds(size):
        names = ", ".join(f'"{number}": 1' for number in range(size // 10))
        tokens = [
            sign(GOOD.replace("}", f', "x": "{"y" * size}"}}')),
            sign(header=f'{{"alg": "x", "x": "{"y" * size}"}}'),
            sign(header=f'{{"alg": "HS256", {names}, "0": 1}}'),
            sign(f'{{"exp": {LATER}, {names}, "0": 1}}'),
            sign("[" * size),
            "A" * size,
            "A." * (size // 2),
        ]
        return sum(min(_timed(reason_of, token) for _ in range(3)) for token in tokens)

    assert seconds(16 * 4000) < 80 * seconds(4000)


def _timed(function, *arguments):
    began = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - began
