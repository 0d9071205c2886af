"""Pages of other origins: those that are configured may read every answer, all others none."""

import pytest

from config import Settings
from taskapp import create_app
from tests.support.client import raw
from tests.support.contract import HEADERS
from tests.support.processes import Gunicorn

APP, OTHER, STRANGER = "https://app.example", "http://[::1]:3000", "https://evil.example"
SENT = {"Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key", "X-Request-ID"}


def of_cors(answer):
    return {name for name in answer.headers.keys() if name.startswith("Access-Control-")}  # noqa: SIM118 # No dict.


def listed(answer, name):
    return {part.strip() for part in answer.headers[name].split(",")}


@pytest.fixture(scope="module")
def start(settings, tmp_path_factory):
    """Starts servers that allow origins, one server for each setting."""
    servers = {}

    def start(origins):
        if origins not in servers:
            log = tmp_path_factory.mktemp("cors") / "log"
            servers[origins] = Gunicorn(log, **{**settings, "WORKERS": 1, "CORS_ORIGINS": origins})
            servers[origins].__enter__()
        return servers[origins].port

    yield start
    for server in servers.values():
        server.__exit__()


@pytest.fixture
def shared(new_client, start):
    """A user of a server that allows two origins."""
    return new_client(port=start(f"{APP},{OTHER}"))


def every_kind(client):
    """An answer of each maker: views, guard, schemas, routing; all but gunicorn."""
    path = f"/{client.create()['id']}"

    def answers(origin):
        headers = {} if origin is None else {"Origin": origin}
        stale = {**headers, "If-Match": '"9"'}
        return {
            200: client.get(path, headers=headers),
            304: client.get(path, headers={**headers, "If-None-Match": '"1"'}),
            401: client.get(token=None, headers=headers),
            403: client.request("GET", "/api/somebody/tasks", headers=headers),
            404: client.request("GET", "/none", headers=headers),
            405: client.request("PUT", client.tasks, headers=headers),
            412: client.put(path, json={"title": "x"}, headers=stale),
            413: client.post(body=b"x" * 70_000, headers=headers),
            422: client.post(json={"title": ""}, headers=headers),
        }

    return answers


def preflight(client, path, method="POST", origin=APP, asked="authorization,content-type"):
    headers = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": asked}
    return client.request("OPTIONS", path, token=None, headers=headers)


@pytest.mark.parametrize("origin", [APP, OTHER])
def test_allowed_origin_may_read_every_answer(shared, origin):
    for status, answer in every_kind(shared)(origin).items():
        assert answer.status == status
        assert of_cors(answer) == {"Access-Control-Allow-Origin", "Access-Control-Expose-Headers"}
        assert answer.headers["Access-Control-Allow-Origin"] == origin
        assert listed(answer, "Access-Control-Expose-Headers") >= HEADERS
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        None,
        STRANGER,
        "null",
        "*",
        "",
        "http://app.example",
        APP.upper(),
        f"{APP}:443",
        f"{APP}/",
        f"{APP}.evil",
        "http://:",
    ],
)
def test_no_other_origin_gets_cors_headers(shared, origin):
    for status, answer in every_kind(shared)(origin).items():
        assert (answer.status, of_cors(answer)) == (status, set())
        assert answer.headers["Vary"] == "Origin"  # A cache must not give this to the allowed origin.
    if origin is not None:
        assert of_cors(preflight(shared, shared.tasks, origin=origin)) == set()


def test_preflight_passes_without_a_token(shared):
    for path, methods in [
        (shared.tasks, {"GET", "HEAD", "POST", "OPTIONS"}),
        (f"{shared.tasks}/1", {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}),
        (f"{shared.tasks}/1/complete", {"PATCH", "OPTIONS"}),
        ("/openapi.json", {"GET", "HEAD", "OPTIONS"}),
    ]:
        answer = preflight(shared, path)
        assert (answer.status, answer.body) == (204, b"")
        assert answer.headers["Access-Control-Allow-Origin"] == APP
        assert listed(answer, "Access-Control-Allow-Methods") == methods
        assert listed(answer, "Access-Control-Allow-Headers") == SENT
        assert answer.headers["Access-Control-Max-Age"] == "7200"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    assert preflight(shared, "/none").status == 404


def test_any_origin(new_client, start):
    """A star may be kept for all: it is the same on every answer."""
    client = new_client(port=start("*"))
    for origin in (None, APP, "null"):
        for answer in every_kind(client)(origin).values():
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Vary" not in answer.headers
    assert "Access-Control-Allow-Credentials" not in preflight(client, client.tasks).headers


def test_without_the_setting_there_is_no_cors(alice):
    for status, answer in every_kind(alice)(APP).items():
        assert (answer.status, of_cors(answer)) == (status, set())
        assert "Vary" not in answer.headers
    assert of_cors(preflight(alice, alice.tasks)) == set()


def test_options_says_what_is_allowed_without_a_token(alice):
    answer = alice.request("OPTIONS", f"{alice.tasks}/1", token=None)
    assert (answer.status, answer.body) == (204, b"")
    assert listed(answer, "Allow") == {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}
    assert "Content-Type" not in answer.headers
    with_body = alice.request("OPTIONS", alice.tasks, json={"title": "x"})
    assert with_body.status == 204
    assert alice.request("OPTIONS", "/none").status == 404


@pytest.mark.parametrize(("origins", "expected"), [(APP, APP), ("*", "*"), (f"{APP},{OTHER}", None)])
def test_what_gunicorn_refuses_can_be_read_where_one_origin_is_allowed(start, origins, expected):
    """It does not know whose request it could not read."""
    answer = raw(start(origins), b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 20_000 + b"\r\n\r\n")
    assert answer.status == 431
    assert answer.headers["Access-Control-Allow-Origin"] == expected


def test_defect_can_be_read(settings):
    app = create_app(Settings().load({**settings, "CORS_ORIGINS": APP}))
    app.add_url_rule("/defect", "defect", lambda: 1 / 0)
    response = app.test_client().get("/defect", headers={"Origin": APP})
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (500, APP)
