"""A valid token is cached, but never for longer than it is valid."""

from datetime import UTC, datetime, timedelta

import pytest

from taskapp.auth import tokens
from taskapp.auth.errors import InvalidToken
from tests.support.client import make_token


@pytest.fixture
def checks(monkeypatch):
    """The tokens that were checked, one after the other."""
    checked = []
    decode = tokens.decode
    monkeypatch.setattr(
        tokens, "decode", lambda token, *rest, **options: checked.append(token) or decode(token, *rest, **options)
    )
    return checked


@pytest.fixture
def verifier(secret):
    return tokens.TokenVerifier(lambda _token: [secret], ["HS256"])


def move(monkeypatch, seconds):
    now = tokens.clock()
    monkeypatch.setattr(tokens, "clock", lambda: now + seconds)


def test_cached_token_is_checked_again_after_a_while(verifier, checks, secret, monkeypatch):
    token = make_token(secret, user_id="alice")
    assert [verifier.authenticate(token).user_id for _ in range(3)] == ["alice"] * 3
    assert checks == [token]
    move(monkeypatch, tokens.CACHE_SECONDS - 1)
    assert (verifier.authenticate(token).user_id, len(checks)) == ("alice", 1)
    move(monkeypatch, 2)
    assert (verifier.authenticate(token).user_id, len(checks)) == ("alice", 2)


def test_cached_token_expires(verifier, secret, monkeypatch):
    leeway = timedelta(seconds=tokens.LEEWAY - 5)
    token = make_token(secret, {"sub": "alice", "exp": datetime.now(UTC) - leeway})
    assert verifier.authenticate(token).user_id == "alice"
    before = len(verifier._cache)
    move(monkeypatch, 6)  # It is forgotten, so it is checked, and the real clock says that it still holds.
    monkeypatch.setattr(tokens, "LEEWAY", 0)
    with pytest.raises(InvalidToken):
        verifier.authenticate(token)
    assert before == 1


def test_token_that_never_expires_is_good(verifier, secret):
    token = make_token(secret, {"sub": "alice", "exp": 10**400})
    assert [verifier.authenticate(token).user_id for _ in range(2)] == ["alice"] * 2


def test_token_that_is_invalid_is_never_cached(verifier, checks, secret):
    for token in (
        make_token(secret + "x", user_id="alice"),
        make_token(secret, {"sub": "alice", "exp": 1}),
        "no.token.",
    ):
        for _ in range(2):
            with pytest.raises(InvalidToken):
                verifier.authenticate(token)
    assert len(checks) == 4  # The last one is no JWT, so there is nothing to check.
    assert verifier._cache == {}


def test_tokens_that_differ_in_any_character_are_distinct(verifier, secret):
    token = make_token(secret, user_id="alice")
    assert verifier.authenticate(token).user_id == "alice"
    for other in (token + "A", token[:-2] + ("AA" if token[-2:] != "AA" else "BB"), token.upper(), token + " "):
        with pytest.raises(InvalidToken):
            verifier.authenticate(other)


def test_cache_has_a_maximum_size(verifier, secret, monkeypatch):
    monkeypatch.setattr(tokens, "CACHE_SIZE", 3)
    for number in range(10):
        assert verifier.authenticate(make_token(secret, user_id=f"user-{number}")).user_id == f"user-{number}"
        assert len(verifier._cache) <= 3


def test_cache_takes_no_memory_for_large_tokens_and_users(verifier, secret, monkeypatch):
    """A full cache has a few megabytes, although each token may have 16 KB and each user id as much."""
    token = make_token(secret, {"sub": "x" * 12_000, "exp": 10**10})
    assert verifier.authenticate(token).user_id == "x" * 12_000
    assert verifier._cache == {}
    token = make_token(secret, {"sub": "alice", "exp": 10**10, "more": "x" * 12_000})
    assert verifier.authenticate(token).user_id == "alice"
    assert sum(map(len, verifier._cache)) == 32
    monkeypatch.setattr(tokens, "decode", None)
    assert verifier.authenticate(token).user_id == "alice"
