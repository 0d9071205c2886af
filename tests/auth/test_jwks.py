"""The keys of an issuer: renewed, changed, and unavailable."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest

from taskapp.auth import jwks, token_bucket, tokens
from tests.support.client import unsigned
from tests.support.waiting import wait_until

NOW = int(time.time())
LATER = NOW + 3600


class Clock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    for module in (tokens, jwks, token_bucket):
        monkeypatch.setattr(module, "clock", clock)
    return clock


def test_unknown_keys_do_not_flood_the_issuer(issuer, make_request_as, clock):
    request_as = make_request_as()
    issuer.add_key("made up", "EdDSA")
    del issuer.public["made up"]
    assert {request_as(issuer.token("made up", "jwks-user")).status_code for _ in range(20)} == {401}
    assert issuer.requests == 1
    made_up = [jwt.encode({}, issuer.private["ed"][0], "EdDSA", headers={"kid": f"made up {n}"}) for n in range(50)]
    responses = [request_as(token) for token in made_up]
    assert [response.status_code for response in responses[: jwks.BURST - 1]] == [401] * (jwks.BURST - 1)
    # The issuer may have these keys by now.
    assert {(response.status_code, response.headers["Retry-After"]) for response in responses[jwks.BURST - 1 :]} == {
        (503, "10")
    }
    assert issuer.requests == jwks.BURST
    assert request_as(issuer.token("ed", "jwks-user")).status_code == 200
    clock.now += jwks.COOLDOWN
    issuer.add_key("next", "ES256")
    assert request_as(made_up[-1]).status_code == 401  # Any request fetches the next key too.
    assert request_as(issuer.token("next", "jwks-user")).status_code == 200
    assert issuer.requests == jwks.BURST + 1


def test_key_that_the_issuer_lacked_is_fetched_again_later(issuer, status_of, clock):
    """A key may be used before the issuer publishes it."""
    status = status_of()
    issuer.add_key("early", "ES256")
    early = issuer.public.pop("early")
    assert status(issuer.token("early", "jwks-user")) == 401
    issuer.public["early"] = early
    assert status(issuer.token("early", "jwks-user")) == 401
    clock.now += jwks.COOLDOWN
    assert status(issuer.token("early", "jwks-user")) == 200


@pytest.mark.usefixtures("clock")
def test_new_keys_are_accepted_at_once_after_a_fetch(issuer, status_of):
    status = status_of()
    assert status(issuer.token("ed", "jwks-user")) == 200
    for number in range(1, jwks.BURST):
        issuer.add_key(f"new {number}", "ES256")
        assert status(issuer.token(f"new {number}", "jwks-user")) == 200
        assert status(issuer.token("ed", "jwks-user")) == 200
        assert issuer.requests == number + 1


def test_new_key_is_fetched_once_for_concurrent_requests(issuer, status_of):
    status = status_of()
    issuer.responding.clear()
    with ThreadPoolExecutor(8) as pool:
        responses = [pool.submit(status, issuer.token("ed", "jwks-user")) for _ in range(8)]
        wait_until(lambda: issuer.requests == 1, "the issuer was not asked")
        issuer.responding.set()
        assert {response.result() for response in responses} == {200}
    assert issuer.requests == 1


def test_key_published_during_a_fetch_is_fetched_again(issuer, status_of, clock):
    status = status_of()
    assert status(issuer.token("ed", "jwks-user")) == 200
    clock.now += jwks.LIFESPAN + 1
    issuer.responding.clear()
    assert status(issuer.token("ed", "jwks-user")) == 200
    wait_until(lambda: issuer.requests == 2, "the keys are not renewed")
    clock.now += 1
    issuer.add_key("next", "ES256")
    with ThreadPoolExecutor(1) as pool:
        response = pool.submit(status, issuer.token("next", "jwks-user"))
        time.sleep(0.2)
        issuer.responding.set()
        assert response.result() == 200
    assert issuer.requests == 3


def test_key_that_the_issuer_dropped_is_unauthorized(issuer, status_of, clock):
    status = status_of()
    assert status(issuer.token("ed", "jwks-user")) == status(issuer.token("ec", "jwks-user")) == 200
    del issuer.public["ed"]
    assert status(issuer.token("ed", "jwks-user")) == 200  # Until the keys are renewed.
    clock.now += jwks.LIFESPAN + 1
    wait_until(lambda: status(issuer.token("ed", "jwks-user")) == 401, "the key is still good")
    assert status(issuer.token("ec", "jwks-user")) == 200


@pytest.mark.parametrize("outage", ["refuses", "hangs"])
def test_issuer_down_for_an_hour_neither_fails_nor_delays_tokens(issuer, status_of, clock, outage):
    status = status_of()
    assert status(issuer.token("rsa", "jwks-user")) == 200
    issuer.down = True
    if outage == "hangs":
        issuer.responding.clear()
    tokens = [issuer.token(key_id, "jwks-user") for key_id in ("ed", "ec", "rsa")]
    slowest, end = 0, clock.now + 3600
    while clock.now < end:
        for token in tokens:
            began = time.perf_counter()
            assert status(token) == 200
            slowest = max(slowest, time.perf_counter() - began)
        clock.now += 10
    assert slowest < 2.5  # No request waited for the issuer, whose timeout is three seconds.
    assert 1 < issuer.requests < 3600 / jwks.COOLDOWN + jwks.BURST
    issuer.down = False
    issuer.responding.set()
    issuer.add_key("next", "EdDSA")

    def renewed():
        clock.now += jwks.COOLDOWN
        assert status(tokens[0]) == 200
        return status(issuer.token("next", "jwks-user")) == 200

    wait_until(renewed, "the keys are not renewed")


def test_unknown_key_while_the_issuer_is_down_is_unavailable(issuer, make_request_as, clock):
    request_as = make_request_as()
    issuer.add_key("next", "ES256")
    later = issuer.public.pop("next")
    assert request_as(issuer.token("ed", "jwks-user")).status_code == 200
    issuer.responding.clear()
    assert request_as(issuer.token("next", "jwks-user")).status_code == 503  # It waited until the timeout.
    wait_until(lambda: not jwks_threads(), "the fetch goes on")
    clock.now += jwks.PAUSE  # The next fetch begins, and hangs as well.
    began = time.perf_counter()
    responses = [request_as(issuer.token("next", "jwks-user")) for _ in range(20)]
    assert jwks_threads()
    assert time.perf_counter() - began < 1  # From now on no request waits.
    assert {response.status_code for response in responses} == {503}
    assert {response.json["error"]["code"] for response in responses} == {"SERVICE_UNAVAILABLE"}
    issuer.public["next"] = later
    issuer.responding.set()

    def holds():
        clock.now += jwks.PAUSE
        return request_as(issuer.token("next", "jwks-user")).status_code == 200

    wait_until(holds, "the new key is not found")


def jwks_threads():
    return [thread for thread in threading.enumerate() if thread.name == "jwks"]


def test_token_that_no_key_can_have_signed_is_no_fetch(issuer, status_of):
    status = status_of()
    issuer.down = True
    assert status("x.y.z") == status(unsigned({"alg": "none", "kid": "ed"}, {})) == 401
    assert status(unsigned({"alg": "EdDSA", "kid": "x" * 2000}, {})) == 401
    assert issuer.requests == 0
    assert status(issuer.token("ed", "jwks-user")) == 503  # No key is known yet.


DEEP, ODD = b"[" * 100_000, b'{"keys": [{"kty": "RSA", "kid": "x", "alg": ["RS256"]}]}'


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[]", b'{"keys": []}', b'{"keys": [1]}', b"\xff", DEEP, ODD])
def test_issuer_that_responds_with_nonsense_is_unavailable(issuer, status_of, body):
    issuer.body = body or b" "
    assert status_of()(issuer.token("ed", "jwks-user")) == 503
