"""Keys change while requests come, and none fails."""

import itertools
import re
import threading
import time
from contextlib import ExitStack

import pytest

from config import ROOT, Settings
from taskapp import create_app
from taskapp.auth import tokens
from tests.support.client import Client, make_token
from tests.support.issuer import MAKERS
from tests.support.processes import Gunicorn, flask, wait_until

pytestmark = pytest.mark.slow

OLD, NEW = "the old secret, which is long enough", "the new secret, which is as long as that"
# JWT_SECRET and JWT_SECRET_FALLBACK, in the order that docs/secure.md tells.
STAGES = [(OLD, ""), (OLD, NEW), (NEW, OLD), (NEW, "")]


class Host:
    """A host with the two secrets of a stage."""

    def __init__(self, settings, stage):
        values = {**settings, "JWT_SECRET": stage[0], "JWT_SECRET_FALLBACK": stage[1]}
        self.signing = stage[0]
        self.http = create_app(Settings().load({name: value for name, value in values.items() if value})).test_client()

    def get(self, user_id, secret, **query):
        headers = {"Authorization": f"Bearer {make_token(secret, user_id=user_id)}"}
        return self.http.get(f"/api/{user_id}/tasks", headers=headers, query_string=query)

    def post(self, user_id):
        headers = {"Authorization": f"Bearer {make_token(self.signing, user_id=user_id)}"}
        return self.http.post(f"/api/{user_id}/tasks", headers=headers, json={"title": "a task"})


@pytest.mark.parametrize("stages", list(itertools.pairwise(STAGES)), ids=["add", "swap", "drop"])
def test_hosts_of_two_stages_accept_each_others_tokens_and_cursors(settings, alice, stages):
    """While hosts change one after the other, a client may meet one of either stage with each request."""
    alice.create()
    alice.create()
    hosts = [Host(settings, stage) for stage in stages]
    for maker, reader in itertools.product(hosts, hosts):
        first = maker.get(alice.user_id, maker.signing, limit=1)
        cursor = first.json["pagination"]["next_cursor"]
        # The token is one that the maker signs with; the cursor, one that it made.
        second = reader.get(alice.user_id, maker.signing, limit=1, cursor=cursor)
        assert (first.status_code, second.status_code) == (200, 200)


def test_secret_that_is_no_longer_accepted_opens_nothing(settings):
    for stage in ((NEW, ""), (OLD, "")):
        other = OLD if stage[0] == NEW else NEW
        assert Host(settings, stage).get("rotated", other).status_code == 401


def test_token_that_fails_both_secrets_is_the_same_401(settings):
    host = Host(settings, (NEW, OLD))
    answer, without = host.get("rotated", "x" * 32), Host(settings, (NEW, "")).get("rotated", "x" * 32)
    assert answer.status_code == without.status_code == 401
    assert answer.headers["WWW-Authenticate"] == without.headers["WWW-Authenticate"]
    assert answer.json["error"].keys() == without.json["error"].keys()
    assert answer.json["error"]["message"] == without.json["error"]["message"]


def test_second_secret_is_tried_only_after_a_wrong_signature(settings, monkeypatch):
    host, tried = Host(settings, (NEW, OLD)), []
    decode = tokens.jwt.decode
    monkeypatch.setattr(
        tokens.jwt, "decode", lambda *args, **options: tried.append(args[1]) or decode(*args, **options)
    )
    assert host.get("rotated", NEW).status_code == 200
    expired = make_token(NEW, {"sub": "rotated", "exp": int(time.time()) - 100})
    assert host.http.get("/api/rotated/tasks", headers={"Authorization": f"Bearer {expired}"}).status_code == 401
    assert tried == [NEW, NEW]
    assert host.get("rotated", OLD).status_code == 200
    assert tried == [NEW, NEW, NEW, OLD]


def test_command_signs_with_the_first_secret(settings):
    values = {**settings, "JWT_SECRET": NEW, "JWT_SECRET_FALLBACK": OLD}
    token = flask("token", "rotated", **values).stdout.strip()
    host = Host(settings, (NEW, ""))
    assert host.http.get("/api/rotated/tasks", headers={"Authorization": f"Bearer {token}"}).status_code == 200


class Load:
    """Users who go on asking while something is done: each takes a fresh token now and then, and uses it for a while.

    Args:
        ports: of the servers, asked in turn.
        issue: makes a token for a user, with whatever key is the one to sign with at the moment.
    """

    def __init__(self, ports, issue, users=4):
        self.failed, self.passed, self._issue, self._ports = [], 0, issue, ports
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
        clients = [Client(port, user_id=user_id) for port in self._ports]
        tokens = [self._issue(user_id)]
        for number, client in enumerate(itertools.cycle(clients)):
            if self._stop.is_set():
                break
            if number % 10 == 0:
                tokens = [*tokens[-2:], self._issue(user_id)]
            try:
                answer = client.get("?limit=1", token=tokens[number % len(tokens)])
            except Exception as error:  # noqa: BLE001 # Any failure is what is looked for.
                self.failed.append(error)
                break
            if answer.status != 200:
                self.failed.append((answer.status, answer.body))
                break
            self.passed += 1
        for client in clients:
            client.close()


def test_issuer_changes_its_keys_under_load_without_a_failed_request(issuer, settings, tmp_path):
    """Every kind of key follows the one before, on gunicorn with two workers; then the issuer is down."""
    values = {"DATABASE_URL": settings["DATABASE_URL"], "JWT_JWKS_URL": issuer.url}
    signing = ["ed"]
    with (
        Gunicorn(tmp_path / "log", **values) as gunicorn,
        Load([gunicorn.port], lambda user_id: issuer.token(signing[0], user_id)) as load,
    ):
        load.go_on()
        for number, algorithm in enumerate(MAKERS):
            issuer.add_key(f"rotated {number}", algorithm)  # Published and signed with at once, as issuers do.
            signing[0] = f"rotated {number}"
            load.go_on()
        issuer.down = True
        load.go_on(400)
    assert load.failed == []
    assert "Traceback" not in gunicorn.log.read_text()
    # Each worker asks for itself: once at first, and once for each new key.
    assert issuer.requests <= 2 * (1 + len(MAKERS))


def test_secret_changes_under_load_without_a_failed_request(settings, tmp_path):
    """Each request may meet a host of either stage, as while hosts are restarted one after the other."""
    with ExitStack() as stack:
        hosts = []
        for number, (secret, fallback) in enumerate(STAGES):
            values = {**settings, "JWT_SECRET": secret, "JWT_SECRET_FALLBACK": fallback, "WORKERS": 1}
            hosts.append(stack.enter_context(Gunicorn(tmp_path / str(number), **values)))
        signing = [OLD]
        for before, after in itertools.pairwise(range(len(STAGES))):
            if STAGES[after] == (NEW, ""):
                signing[0] = NEW  # The last tokens of the old secret have expired when it is dropped.
            ports = [hosts[before].port, hosts[after].port]
            with Load(ports, lambda user_id: make_token(signing[0], user_id=user_id), users=2) as load:
                load.go_on()
                if STAGES[before] == (OLD, NEW):
                    signing[0] = NEW  # All hosts accept it by now.
                load.go_on()
            assert load.failed == []


def test_procedure_is_the_documented_one():
    text = (ROOT / "docs" / "secure.md").read_text()
    chapter = text.split("### A new JWT_SECRET")[1].split("\n### ")[0]
    rows = re.findall(r"`JWT_SECRET=(old|new)`(?:, `JWT_SECRET_FALLBACK=(old|new)`)?", chapter)
    names = {"old": OLD, "new": NEW, "": ""}
    assert [(names[first], names[second]) for first, second in rows] == STAGES[1:]
