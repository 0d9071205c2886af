"""The server over HTTP: whom it admits, and as whom it calls the API."""

import threading
import time
from http.server import BaseHTTPRequestHandler

import httpx2
import pytest

from tests.support.agents import ERAS, ISSUER, Agent, remote, token_for
from tests.support.client import make_token
from tests.support.http_server import HttpServer, Quiet
from tests.support.issuer import Issuer
from tests.support.mcp_server import LocalMcp, locked_tasks, waits_for_the_lock
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def mcp(make_app):
    with LocalMcp(make_app) as server:
        yield server


@pytest.fixture
def token_of(mcp, secret):
    return lambda user_id, **claims: token_for(secret, user_id, mcp.url, **claims)


@pytest.mark.parametrize("mode", ERAS)
def test_each_caller_sees_their_own_tasks(mcp, token_of, mode):
    ids = {}
    for name in (f"alice-{mode}", f"Zoë-{mode}"):
        with Agent(remote(mcp.url, token_of(name)), mode) as agent:
            ids[name] = agent.call("add_tasks", tasks=[{"title": name}])["tasks"][0]["id"]
    for name, task in ids.items():
        with Agent(remote(mcp.url, token_of(name)), mode) as agent:
            assert [each["title"] for each in agent.call("find_tasks")["tasks"]] == [name]
            (other,) = {each for each in ids.values() if each != task}
            assert "There is no task with the id" in agent.fail("delete_tasks", ids=[other])
            assert "time_zone: Is required" in agent.fail("get_overview")
            assert agent.call("get_overview", time_zone="Europe/Berlin")["counts"]["total"] == 1


def test_a_prefix_of_the_service(make_app, secret):
    with LocalMcp(make_app, SCRIPT_NAME="/todo") as server:
        token = token_for(secret, "prefixed", server.url)
        with Agent(remote(server.url, token)) as agent:
            assert agent.call("find_tasks")["total"] == 0


def test_metadata_names_the_issuers(mcp):
    url = mcp.url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
    metadata = httpx2.get(url).json()
    assert (metadata["resource"], metadata["authorization_servers"]) == (mcp.url, [ISSUER])
    assert "scopes_supported" not in metadata


def test_scopes_are_in_the_metadata_and_checked(make_app, secret):
    with LocalMcp(make_app, JWT_SCOPES="on") as server:
        url = server.url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
        assert httpx2.get(url).json()["scopes_supported"] == ["tasks:read", "tasks:write"]
        with Agent(remote(server.url, token_for(secret, "reader", server.url, scope="tasks:read"))) as agent:
            assert agent.call("find_tasks")["total"] == 0
            assert "requires the scope tasks:write" in agent.fail("add_tasks", tasks=[{"title": "t"}])


@pytest.mark.parametrize(
    "claims",
    [
        None,
        {"aud": "https://other.example/mcp"},
        {"aud": []},
        {"iss": "https://other.example"},
        {"exp": 1},
        {"sub": ""},
    ],
)
def test_other_tokens_are_a_401_that_leads_to_the_metadata(mcp, token_of, claims):
    token = None if claims is None else token_of("alice", **claims)
    response = mcp.post(token)
    assert response.status_code == 401
    metadata = mcp.url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
    assert f'resource_metadata="{metadata}"' in response.headers["WWW-Authenticate"]


def test_rejected_tokens_are_logged_as_by_the_api(mcp, token_of, caplog):
    with caplog.at_level("INFO", "taskapp.auth.rejections"):
        mcp.post(token_of("alice", aud="https://other.example"))
    assert [(record.message, record.reason) for record in caplog.records] == [("rejected token", "audience")]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "127.0.0.1.evil.example"])
def test_other_hosts_are_a_421(mcp, token_of, host):
    assert mcp.post(token_of("alice"), Host=host).status_code == 421


def test_other_paths_are_a_404(mcp, token_of):
    """And no redirect, which would name the scheme and the host that this server sees, not those of its clients."""
    for url in (mcp.url + "/", mcp.url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp/")):
        assert httpx2.post(url, headers={"Authorization": f"Bearer {token_of('alice')}"}).status_code == 404


def test_other_origins_are_a_403(mcp, token_of):
    assert mcp.post(token_of("alice"), Origin="https://evil.example").status_code == 403
    assert mcp.post(token_of("alice"), Origin="null").status_code == 403


def test_nothing_that_a_client_sent_is_logged(mcp, token_of, caplog):
    with caplog.at_level("INFO"):
        mcp.post(token_of("alice"), Host="hidden.example")
        mcp.post(token_of("alice"), {"jsonrpc": "2.0", "id": 1, "method": "hidden", "params": {"hidden": 1}})
        with Agent(remote(mcp.url, token_of("alice"))) as agent:
            agent.fail("find_tasks", text=1, hidden="hidden")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "mcp.client"))]
    assert [line for line in ours if "hidden" in line] == []


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
def test_other_methods_hold_no_connection(mcp, token_of, method):
    assert httpx2.request(method, mcp.url).status_code == 401
    response = httpx2.request(method, mcp.url, headers={"Authorization": f"Bearer {token_of('alice')}"}, timeout=5)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def test_a_large_body_is_a_413(mcp, token_of):
    assert mcp.post(token_of("alice"), {"x": "x" * 2**20}).status_code == 413


@pytest.mark.slow
def test_200_calls_at_once(mcp, token_of):
    with Agent(remote(mcp.url, token_of("busy"))) as agent:
        agent.call_at_once([("add_tasks", {"tasks": [{"title": f"task {number}"}]}) for number in range(200)])
        assert agent.call("find_tasks", limit=1)["total"] == 200


def test_a_busy_user_holds_up_no_other(mcp, token_of, database_url):
    """Whose calls wait for a lock, with a quarter of the threads."""
    with Agent(remote(mcp.url, token_of("busy-2"))) as busy, Agent(remote(mcp.url, token_of("calm"))) as calm:
        calls = [("add_tasks", {"tasks": [{"title": f"task {number}"}]}) for number in range(30)]
        thread = threading.Thread(target=busy.call_at_once, args=(calls,))
        with locked_tasks(database_url):
            thread.start()
            wait_until(lambda: waits_for_the_lock(database_url), "nothing is written")
            time.sleep(0.5)  # By then, all calls have arrived.
            began = time.monotonic()
            calm.call("find_tasks")
            assert time.monotonic() - began < mcp.app.config["REQUEST_TIMEOUT"] / 2
        thread.join()
        assert busy.call("find_tasks", limit=1)["total"] == 30


def test_read_only_cannot_write_with_a_token_that_could(make_app, secret):
    with LocalMcp(make_app, read_only=True) as server:
        token = token_for(secret, "reader", server.url)
        with Agent(remote(server.url, token)) as agent:
            assert [tool.name for tool in agent.tools()] == ["find_tasks", "get_overview"]
            assert "There is no tool 'add_tasks' here" in agent.fail("add_tasks", tasks=[{"title": "t"}])
            assert agent.call("find_tasks")["total"] == 0


def test_keys_of_an_issuer(make_app):
    with Issuer() as issuer:
        issuer.add_key("ed", "EdDSA")
        with LocalMcp(make_app, JWT_SECRET=None, JWT_JWKS_URL=issuer.url) as server:
            token = issuer.token("ed", "alice", aud=server.url, iss=ISSUER)
            with Agent(remote(server.url, token)) as agent:
                assert agent.call("find_tasks")["total"] == 0


class Broken(Quiet, BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(500)


class BrokenIssuer(HttpServer):
    handler = Broken


def test_keys_that_cannot_be_fetched_are_a_503(make_app):
    """So that a client keeps its token, where a 401 would log its user out."""
    with BrokenIssuer() as issuer, LocalMcp(make_app, JWT_SECRET=None, JWT_JWKS_URL=issuer.url) as server:
        response = server.post(make_token("x" * 32, {"sub": "a"}, headers={"kid": "k"}))
        assert response.status_code == 401  # HS256 is never trusted.
        with Issuer() as other:
            other.add_key("ed", "EdDSA")
            response = server.post(other.token("ed", "a"))
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
