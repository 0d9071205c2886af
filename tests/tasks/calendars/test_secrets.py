"""The secret of a calendar: what gives access to it, and where it is not."""

import base64
import hashlib
import json
import re
import statistics
import time
from urllib.parse import quote, urlsplit

import pytest
from flask import g

from taskapp.http.concurrency import claim_thread
from taskapp.tasks.calendars import service
from taskapp.tasks.calendars.feed_views import count_for_the_token
from taskapp.tasks.calendars.tokens import make_token, read_token
from tests.support.calendars import CALENDAR, calendars_of, create, fetch, subscribe
from tests.support.client import scrape
from tests.support.postgres import run_sql

METRICS_TOKEN = "a-token-for-metrics_1"


def token_of(path):
    return path.removeprefix("/calendars/").removesuffix(".ics")


@pytest.mark.parametrize("user_id", ["demo", "a b|c", "auth0|ü\U0001f4c5", "x" * 255, "\U0001f4c5" * 255])
def test_feed_of_any_user(new_client, user_id):
    client = new_client(user_id)
    path = subscribe(client)
    assert fetch(client, path).status == 200
    name, secret = token_of(path).split(".")
    assert base64.urlsafe_b64decode(name + "==").decode() == user_id
    assert re.fullmatch(r"[\w-]{43}", secret, re.ASCII)


def wrong_tokens(token):
    """Tokens that are cut, changed, spelled in another way, or of nobody."""
    name, secret = token.split(".")
    unknown = make_token("nobody")
    return [
        *("", ".", "x", name, secret, f"{name}.", f".{secret}", f"{secret}.{name}", token[:-1], token[1:], token + "A"),
        *(f"{token}=", f"{name}=.{secret}", f"{name}==.{secret}", f" {token}", f"{token}%0A", f"{name}.{secret}.x"),
        *(
            token.swapcase(),
            token[::-1],
            f"{name}.{unknown.split('.')[1]}",
            unknown,
            f"{unknown.split('.')[0]}.{secret}",
        ),
        *("%00.x", "%FF.x", "%ED%A0%80.x", "AA.x", "_w.x", "é.é", "x" * 3000, base64.b64encode(b"x" * 256).decode()),
    ]


def test_wrong_tokens_are_all_the_same_404(alice):
    path = subscribe(alice)
    bodies = set()
    for wrong in wrong_tokens(token_of(path)):
        response = fetch(alice, f"/calendars/{quote(wrong, safe='%')}.ics")
        assert (response.status, response.headers["ETag"]) == (404, None), wrong
        bodies.add((response.error["code"], response.error["message"]))
    (calendar,) = alice.request("GET", calendars_of(alice)).data
    assert fetch(alice, path).status == 200
    alice.request("DELETE", calendars_of(alice, f"/{calendar['id']}"))
    revoked = fetch(alice, path, headers={"If-None-Match": "*"}).error
    assert bodies == {(revoked["code"], revoked["message"])} == {("NOT_FOUND", "This URL does not exist.")}


def test_error_does_not_repeat_the_token(alice):
    """Unlike others, the 404 of a URL with a slash at its end does not suggest the one without."""
    path = subscribe(alice)
    response = fetch(alice, f"{path}/")
    assert (response.status, token_of(path) in response.body.decode()) == (404, False)
    assert alice.request("GET", "/health/live/").error["message"].endswith("Did you mean /health/live?")


def test_only_the_hash_is_stored(alice, database_url):
    token = token_of(subscribe(alice))
    ((row, digest),) = run_sql(
        database_url, "SELECT c::text, secret_hash FROM calendars c WHERE user_id = %s", [alice.user_id]
    )
    assert bytes(digest) == hashlib.sha256(token.encode()).digest() == read_token(token).digest
    assert token.split(".")[1] not in row


def test_secrets_differ(alice):
    assert len({subscribe(alice).partition(".")[2] for _ in range(5)}) == 5


@pytest.mark.slow
def test_token_is_in_no_log_and_no_metric(start_server):
    server = start_server(ACCESS_LOG="true", LOG_LEVEL="debug", METRICS_TOKEN=METRICS_TOKEN, LOG_FORMAT="json")
    client = server.client()
    path = subscribe(client)
    wrong = f"{path[:-6]}AA.ics"
    for each in (path, wrong, f"{path}/", f"{path}?x=1"):
        fetch(client, each)
    client.request("POST", path, token=None)
    samples = scrape(server.port, METRICS_TOKEN)
    assert ("http_request_duration_seconds_count", "GET", "/calendars/{token}.ics", "200") in samples
    server.stop()
    log = server.log.read_text()
    for each in (path, wrong):
        secret = token_of(each).split(".")[1]
        assert secret[:-2] not in log
        assert not any(secret[:-2] in label for key in samples for label in key)
    lines = [json.loads(line) for line in log.splitlines() if '"/calendars/{token}.ics"' in line]
    found = [(line["status"], line["user"]) for line in lines]
    assert found == [(200, client.user_id), (404, None), (200, client.user_id)]


def test_bug_shows_no_token(make_app, monkeypatch, alice, capfd):
    path = subscribe(alice)

    def fail(*_, **__):
        raise RuntimeError("bug")

    monkeypatch.setattr(service, "execute", fail)
    response = make_app().test_client().get(path)
    assert response.status_code == 500
    log = capfd.readouterr().err
    assert "Exception on GET /calendars/{token}.ics" in log
    assert token_of(path).split(".")[1] not in response.text + log


def test_feeds_share_threads_of_their_own(app, alice):
    """Requests with made-up tokens take no thread from the user whom they name."""
    path, claims = subscribe(alice), []
    token = claim_thread.set(lambda owner, *, costly: claims.append((owner, costly)))
    try:
        for each in (path, "/calendars/x.ics"):
            app.test_client().get(each)
    finally:
        claim_thread.reset(token)
    assert claims == [("\0calendars", False)] * 2


def test_made_up_tokens_have_a_bounded_number_of_quotas(app, alice):
    """Whoever counts requests keeps each quota for its window, up to a day, whatever the tokens are."""
    owners = set()
    for token in (token_of(subscribe(alice)), *(f"made-up.{number}" for number in range(3))):
        with app.test_request_context(f"/calendars/{token}.ics"):
            count_for_the_token()
            owners.add(g.quota_owner)
    assert len(owners) == 4
    assert all(re.fullmatch(r"\0calendars/[0-9a-f]{4}", owner) for owner in owners)


@pytest.mark.slow
def test_each_token_has_a_quota_of_its_own(start_server):
    client = start_server(RATE_LIMIT="5/hour", WORKERS=1).client()
    paths = [subscribe(client) for _ in range(2)]
    left = [fetch(client, path).headers["RateLimit"].split(";")[1] for path in [paths[0]] * 3]
    assert left == ["r=4", "r=3", "r=2"]
    assert [fetch(client, paths[0]).status for _ in range(3)] == [200, 200, 429]
    refused = fetch(client, paths[0])
    assert (refused.error["code"], int(refused.headers["Retry-After"]) > 3500) == ("RATE_LIMITED", True)
    assert token_of(paths[0]) not in refused.body.decode()
    assert fetch(client, paths[1]).status == 200
    # Wrong tokens that name the user use up neither.
    for number in range(10):
        assert fetch(client, f"{paths[1][:-6]}{number:02}.ics").status == 404
    assert fetch(client, paths[1]).headers["RateLimit"].split(";")[1] == "r=3"
    assert client.get().headers["RateLimit"].split(";")[1] == "r=2"  # After the two that created calendars.


def test_url_is_of_the_host_that_the_client_called(alice):
    response = alice.request("POST", calendars_of(alice), json=CALENDAR, headers={"Host": "[2001:db8::1]:8443"})
    assert urlsplit(response.data["url"]).netloc == "[2001:db8::1]:8443"


@pytest.mark.slow
@pytest.mark.alone
def test_404_takes_as_long_whatever_is_wrong(app, alice, database_url):
    """Requests in turn, so that the load of the machine is the same for each kind. The quick ones have least of it."""
    run_sql(
        database_url,
        "INSERT INTO tasks (user_id, title, due_date, due_order)"
        " SELECT %s, 'x', current_date, current_date + time '24:00' FROM generate_series(1, 5000)",
        [alice.user_id],
    )
    for _ in range(19):
        create(alice)
    path = subscribe(alice)
    name, secret = token_of(path).split(".")
    (nobody, other) = make_token("nobody").split(".")
    kinds = {
        "unknown secret": f"{name}.{other}",
        "unknown user": f"{nobody}.{secret}",
        "cut": f"{name}.{secret[:-1]}",
        "no user": f"x.{secret}",
    }
    http, seconds = app.test_client(), {kind: [] for kind in kinds}
    for turn in range(300):
        for kind in sorted(kinds, key=lambda kind, turn=turn: hash((kind, turn))):
            began = time.perf_counter()
            response = http.get(f"/calendars/{kinds[kind]}.ics")
            seconds[kind].append(time.perf_counter() - began)
            assert response.status_code == 404
    quick = {kind: statistics.quantiles(each)[0] for kind, each in seconds.items()}
    assert max(quick.values()) < 1.2 * min(quick.values()), quick
    assert http.get(path).status_code == 200
