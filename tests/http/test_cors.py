"""CORS: pages of configured origins may read every response, pages of all others none."""

from functools import cache

import pytest

from tests.support.client import raw
from tests.support.contract import HEADERS

APP, OTHER, STRANGER = "https://app.example", "http://[::1]:3000", "https://evil.example"
SENT = {"Authorization", "Content-Type", "If-Match", "If-None-Match", "Idempotency-Key", "Prefer", "X-Request-ID"}
SENT |= {"traceparent", "tracestate", "baggage", "sentry-trace", "X-Requested-With"}


def of_cors(response):
    return {name for name in response.headers.keys() if name.startswith("Access-Control-")}  # noqa: SIM118 # No dict.


def listed(response, name):
    return {part.strip() for part in response.headers[name].split(",")}


@pytest.fixture(scope="module")
def start(start_module_server):
    """Starts servers that allow origins, one server for each setting."""
    return cache(lambda origins: start_module_server(WORKERS=1, CORS_ORIGINS=origins))


@pytest.fixture
def shared(start):
    """A user of a server that allows two origins."""
    return start(f"{APP},{OTHER}").client()


def every_kind(client):
    """Returns a function that gets a response of views, guard, schemas and routing each."""
    path = f"/{client.create()['id']}"

    def send(origin):
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

    return send


def preflight(client, path, method="POST", origin=APP, asked="authorization,content-type"):
    headers = {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": asked}
    return client.request("OPTIONS", path, token=None, headers=headers)


@pytest.mark.parametrize("origin", [APP, OTHER])
def test_allowed_origin_may_read_every_response(shared, origin):
    for status, response in every_kind(shared)(origin).items():
        assert response.status == status
        assert of_cors(response) == {"Access-Control-Allow-Origin", "Access-Control-Expose-Headers"}
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert listed(response, "Access-Control-Expose-Headers") >= HEADERS
        assert response.headers["Vary"] == "Origin"


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
    for status, response in every_kind(shared)(origin).items():
        assert (response.status, of_cors(response)) == (status, set())
        assert response.headers["Vary"] == "Origin"  # A cache must not give this to the allowed origin.
    if origin is not None:
        assert of_cors(preflight(shared, shared.tasks, origin=origin)) == set()


def test_preflight_passes_without_a_token(shared):
    for path, methods in [
        (shared.tasks, {"GET", "HEAD", "POST", "OPTIONS"}),
        (f"{shared.tasks}/1", {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}),
        (f"{shared.tasks}/1/complete", {"PATCH", "OPTIONS"}),
        ("/openapi.json", {"GET", "HEAD", "OPTIONS"}),
    ]:
        response = preflight(shared, path)
        assert (response.status, response.body) == (204, b"")
        assert response.headers["Access-Control-Allow-Origin"] == APP
        assert listed(response, "Access-Control-Allow-Methods") == methods
        assert listed(response, "Access-Control-Allow-Headers") == SENT
        assert response.headers["Access-Control-Max-Age"] == "7200"
        assert "Access-Control-Allow-Credentials" not in response.headers
    assert preflight(shared, "/none").status == 404


def test_any_origin(start):
    """A cache may keep a star for all origins."""
    client = start("*").client()
    for origin in (None, APP, "null"):
        for response in every_kind(client)(origin).values():
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert "Vary" not in response.headers
    assert "Access-Control-Allow-Credentials" not in preflight(client, client.tasks).headers


def test_without_the_setting_there_is_no_cors(alice):
    for status, response in every_kind(alice)(APP).items():
        assert (response.status, of_cors(response)) == (status, set())
        assert "Vary" not in response.headers
    assert of_cors(preflight(alice, alice.tasks)) == set()


def test_options_says_what_is_allowed_without_a_token(alice):
    response = alice.request("OPTIONS", f"{alice.tasks}/1", token=None)
    assert (response.status, response.body) == (204, b"")
    assert listed(response, "Allow") == {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"}
    assert "Content-Type" not in response.headers
    with_body = alice.request("OPTIONS", alice.tasks, json={"title": "x"})
    assert with_body.status == 204
    assert alice.request("OPTIONS", "/none").status == 404


@pytest.mark.parametrize(("origins", "expected"), [(APP, APP), ("*", "*"), (f"{APP},{OTHER}", None)])
def test_431_of_gunicorn_can_be_read_if_one_origin_is_allowed(start, origins, expected):
    """gunicorn does not know the origin of a request that it could not read."""
    response = raw(start(origins).port, b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 20_000 + b"\r\n\r\n")
    assert response.status == 431
    assert response.headers["Access-Control-Allow-Origin"] == expected


def test_bug_is_a_500_that_can_be_read(make_app):
    app = make_app(CORS_ORIGINS=APP)
    app.add_url_rule("/bug", "bug", lambda: 1 / 0)
    response = app.test_client().get("/bug", headers={"Origin": APP})
    assert (response.status_code, response.headers["Access-Control-Allow-Origin"]) == (500, APP)
