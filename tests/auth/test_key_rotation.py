"""Keys change under load, and no request fails."""

import itertools
import re
import threading
import time

import pytest

from config import ROOT
from taskapp.auth import tokens
from tests.support.client import make_token
from tests.support.commands import flask
from tests.support.issuer import MAKERS
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

OLD, NEW = "the old secret, which is long enough", "the new secret, which is as long as that"
# JWT_SECRET and JWT_SECRET_FALLBACK, in the order of docs/secure.md.
STAGES = [(OLD, ""), (OLD, NEW), (NEW, OLD), (NEW, "")]


class Host:
    """A host with the two secrets of a stage."""

    def __init__(self, make_app, stage):
        self.signing = stage[0]
        self.http = make_app(JWT_SECRET=stage[0], JWT_SECRET_FALLBACK=stage[1]).test_client()

    def get(self, user_id, secret, **query):
        headers = {"Authorization": f"Bearer {make_token(secret, user_id=user_id)}"}
        return self.http.get(f"/api/{user_id}/tasks", headers=headers, query_string=query)

    def post(self, user_id):
        headers = {"Authorization": f"Bearer {make_token(self.signing, user_id=user_id)}"}
        return self.http.post(f"/api/{user_id}/tasks", headers=headers, json={"title": "a task"})


@pytest.mark.parametrize("stages", list(itertools.pairwise(STAGES)), ids=["add", "swap", "drop"])
def test_hosts_of_two_stages_accept_tokens_of_each_other(make_app, alice, stages):
    """While hosts change one after the other, a client may meet one of either stage with each request."""
    alice.create()
    alice.create()
    hosts = [Host(make_app, stage) for stage in stages]
    for maker, reader in itertools.product(hosts, hosts):
        first = maker.get(alice.user_id, maker.signing, limit=1)
        cursor = first.json["pagination"]["next_cursor"]
        # The token is one that the maker signs with; the cursor, one that it made.
        second = reader.get(alice.user_id, maker.signing, limit=1, cursor=cursor)
        assert (first.status_code, second.status_code) == (200, 200)


def test_secret_that_is_no_longer_accepted_is_unauthorized(make_app):
    for stage in ((NEW, ""), (OLD, "")):
        other = OLD if stage[0] == NEW else NEW
        assert Host(make_app, stage).get("rotated", other).status_code == 401


def test_token_that_fails_both_secrets_is_the_same_401(make_app):
    host = Host(make_app, (NEW, OLD))
    response, without = host.get("rotated", "x" * 32), Host(make_app, (NEW, "")).get("rotated", "x" * 32)
    assert response.status_code == without.status_code == 401
    assert response.headers["WWW-Authenticate"] == without.headers["WWW-Authenticate"]
    assert response.json["error"].keys() == without.json["error"].keys()
    assert response.json["error"]["message"] == without.json["error"]["message"]


def test_second_secret_is_tried_only_after_a_wrong_signature(make_app, monkeypatch):
    host, tried = Host(make_app, (NEW, OLD)), []
    decode = tokens.decode
    monkeypatch.setattr(tokens, "decode", lambda *args, **more: tried.append(args[1]) or decode(*args, **more))
    assert host.get("rotated", NEW).status_code == 200
    expired = make_token(NEW, {"sub": "rotated", "exp": int(time.time()) - 100})
    assert host.http.get("/api/rotated/tasks", headers={"Authorization": f"Bearer {expired}"}).status_code == 401
    assert tried == [NEW, NEW]
    assert host.get("rotated", OLD).status_code == 200
    assert tried == [NEW, NEW, NEW, OLD]


def test_command_signs_with_the_first_secret(settings, make_app):
    values = {**settings, "JWT_SECRET": NEW, "JWT_SECRET_FALLBACK": OLD}
    token = flask("token", "rotated", **values).stdout.strip()
    host = Host(make_app, (NEW, ""))
    assert host.http.get("/api/rotated/tasks", headers={"Authorization": f"Bearer {token}"}).status_code == 200


class Load:
    """Users who send requests until the end of the context, each with a fresh token now and then.

    Args:
        servers: get the requests in turn.
        issue: makes a token for a user, with the current key.
    """

    def __init__(self, servers, issue, users=4):
        self.failed, self.passed, self._issue, self._servers = [], 0, issue, servers
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._use, args=(f"load-{number}",)) for number in range(users)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def go_on(self, requests=200):
        """Wait for so many requests more."""
        enough = self.passed + requests
        wait_until(lambda: self.failed or self.passed >= enough, "the load does not go on", 60)
        assert not self.failed, self.failed[:3]

    def _use(self, user_id):
        clients = [server.client(user_id) for server in self._servers]
        tokens = [self._issue(user_id)]
        for number, client in enumerate(itertools.cycle(clients)):
            if self._stop.is_set():
                break
            if number % 10 == 0:
                tokens = [*tokens[-2:], self._issue(user_id)]
            try:
                response = client.get("?limit=1", token=tokens[number % len(tokens)])
            except Exception as error:  # noqa: BLE001 # The test looks for any failure.
                self.failed.append(error)
                break
            if response.status != 200:
                self.failed.append((response.status, response.body))
                break
            self.passed += 1
        for client in clients:
            client.close()


def test_issuer_changes_its_keys_under_load_and_none_fails(issuer, start_server):
    """Every kind of key follows the one before, on two workers; then the issuer is down."""
    server = start_server(JWT_SECRET=None, JWT_JWKS_URL=issuer.url)
    signing = ["ed"]
    with Load([server], lambda user_id: issuer.token(signing[0], user_id)) as load:
        load.go_on()
        for number, algorithm in enumerate(MAKERS):
            issuer.add_key(f"rotated {number}", algorithm)  # Published and signed with at once, as issuers do.
            signing[0] = f"rotated {number}"
            load.go_on()
        issuer.down = True
        load.go_on(400)
    assert load.failed == []
    server.stop()
    assert "Traceback" not in server.log.read_text()
    # Each worker fetches the keys once at first, and once for each new key.
    assert issuer.requests <= 2 * (1 + len(MAKERS))


def test_secret_changes_under_load_and_none_fails(start_server):
    """Each request may meet a host of either stage, as while hosts restart one after the other."""
    hosts = [start_server(JWT_SECRET=first, JWT_SECRET_FALLBACK=second, WORKERS=1) for first, second in STAGES]
    signing = [OLD]
    for (before, after), servers in zip(itertools.pairwise(STAGES), itertools.pairwise(hosts), strict=True):
        if after == (NEW, ""):
            signing[0] = NEW  # The last tokens of the old secret have expired when it is dropped.
        with Load(servers, lambda user_id: make_token(signing[0], user_id=user_id), users=2) as load:
            load.go_on()
            if before == (OLD, NEW):
                signing[0] = NEW  # All hosts accept it by now.
            load.go_on()
        assert load.failed == []


def test_procedure_is_the_documented_one():
    text = (ROOT / "docs" / "secure.md").read_text()
    chapter = text.split("### A new JWT_SECRET")[1].split("\n### ")[0]
    rows = re.findall(r"`JWT_SECRET=(old|new)`(?:, `JWT_SECRET_FALLBACK=(old|new)`)?", chapter)
    names = {"old": OLD, "new": NEW, "": ""}
    assert [(names[first], names[second]) for first, second in rows] == STAGES[1:]
