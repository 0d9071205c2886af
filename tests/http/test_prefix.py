"""Under a prefix, every URL that the service makes starts with it: set by SCRIPT_NAME, by a mount, or by a proxy."""

import re
from urllib.parse import urlsplit

import pytest
from marshmallow import ValidationError
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from config import Settings
from taskapp.http.openapi.docs_page import CONTENT_SECURITY_POLICY
from taskapp.server.binding import Endpoint
from taskapp.server.hooks import banner
from tests.support.client import make_token, raw
from tests.support.servers import Server

FORWARDED = {"X-Forwarded-Prefix": "/todo"}


@pytest.fixture(scope="module")
def prefixed(make_app):
    return make_app(SCRIPT_NAME="/todo", CORS_ORIGINS="https://app.example", METRICS_TOKEN="m" * 16)


@pytest.fixture(scope="module")
def plain(make_app):
    return make_app(FORWARDED_ALLOW_IPS="127.0.0.1, 10.0.0.0/8")


@pytest.fixture
def authorization(secret):
    return {"Authorization": f"Bearer {make_token(secret, user_id='prefix')}"}


class WsgiClient(Client):
    """A client of a WSGI application, from an address of its own."""

    def open(self, *args, **options):
        options = {"environ_overrides": {"REMOTE_ADDR": "127.0.0.1"}, "buffered": True, **options}
        return super().open(*args, **options)


class Behind:
    """A client of an application under /todo, which is reached in one of the three ways."""

    def __init__(self, app, path="/todo", headers=()):
        self.http, self.path, self.headers = WsgiClient(app), path, dict(headers)

    def get(self, path, headers=(), method="GET", **options):
        headers = {**self.headers, **dict(headers)}
        return self.http.open(self.path + path, method=method, headers=headers, **options)

    def follow(self, url, **options):
        """Request a URL of a response, through the proxy if there is one."""
        assert url.startswith("/todo")
        return self.get(url.removeprefix("/todo"), **options)


@pytest.fixture(params=["SCRIPT_NAME", "mount", "proxy"])
def client(request, prefixed, plain):
    if request.param == "SCRIPT_NAME":
        return Behind(prefixed)
    return (
        Behind(DispatcherMiddleware(plain, {"/todo": plain}))
        if request.param == "mount"
        else Behind(plain, "", FORWARDED)
    )


def test_index_and_document_name_the_prefix(client):
    links = client.get("/").json["links"]
    assert links["docs"] == "/todo/docs"
    for link in links.values():
        assert client.follow(link).status_code == 200
    assert [server["url"] for server in client.get("/openapi.json").json["servers"]] == ["/todo"]


def test_documentation_page_finds_its_files_and_its_document(client):
    page = client.get("/docs")
    assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    targets = [*re.findall(r'(?:href|src)="([^"]+)"', page.text), "openapi.json"]
    for target in targets:  # Relative to /todo/docs.
        assert not target.startswith("/")
        assert client.get(f"/{target}").status_code == 200


def test_location_and_link_name_the_prefix(client, authorization):
    for title in ("a", "b"):
        created = client.get("/api/prefix/tasks", authorization, "POST", json={"title": title})
        assert client.follow(created.headers["Location"], headers=authorization).json == created.json
    link = client.get("/api/prefix/tasks?limit=1", authorization).headers["Link"]
    assert client.follow(re.fullmatch(r'<(.+)>; rel="next"', link)[1], headers=authorization).status_code == 200


def test_url_of_a_calendar_names_the_host_and_the_prefix(client, authorization):
    body = {"name": "n", "time_zone": "UTC"}
    created = client.get("/api/prefix/calendars", authorization, "POST", json=body)
    assert client.follow(created.headers["Location"], headers=authorization).json["data"]["name"] == "n"
    assert created.json["data"]["url"].startswith("http://localhost/todo/calendars/")
    assert client.follow(urlsplit(created.json["data"]["url"]).path).status_code == 200


def test_paths_outside_the_prefix_do_not_exist(prefixed, authorization):
    http = WsgiClient(prefixed)
    for path in (
        "/",
        "/health/live",
        "/todohealth/live",
        "/todolist/health/live",
        "//todo/docs",
        "/TODO/docs",
        "/api/prefix/tasks",
    ):
        response = http.get(path, headers=authorization)
        assert (path, response.status_code, response.json["error"]["code"]) == (path, 404, "NOT_FOUND")
        assert response.json["error"]["request_id"] == response.headers["X-Request-ID"]
    assert "Did you mean" not in http.get("/health/live/").json["error"]["message"]
    assert "Did you mean /todo/health/live?" in http.get("/todo/health/live/").json["error"]["message"]
    assert http.options("/health/live").status_code == 404
    assert {http.get(path).status_code for path in ("/todo", "/todo/", "/todo/health/live")} == {200}


def test_preflight_and_metrics_work_under_the_prefix(prefixed):
    client = Behind(prefixed)
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    response = client.get("/api/prefix/tasks", asked, "OPTIONS")
    assert (response.status_code, "POST" in response.headers["Access-Control-Allow-Methods"]) == (204, True)
    metrics = client.get("/metrics", {"Authorization": f"Bearer {'m' * 16}"})
    assert 'route="/api/{user_id}/tasks"' in metrics.text


def test_banner_names_the_prefix(prefixed):
    assert "Docs  http://localhost/todo/docs\n" in banner(prefixed, [Endpoint("http://localhost")])


def test_prefix_of_a_proxy_comes_before_the_applications_own(prefixed, plain):
    links = [
        Behind(prefixed, headers={"X-Forwarded-Prefix": "/outer"}).get("/").json["links"],
        WsgiClient(DispatcherMiddleware(plain, {"/todo": plain}))
        .get("/todo/", headers={"X-Forwarded-Prefix": "/outer"})
        .json["links"],
    ]
    assert [each["docs"] for each in links] == ["/outer/todo/docs"] * 2


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("127.0.0.1", True),
        ("10.9.8.7", True),
        ("", True),  # A Unix socket.
        ("192.0.2.1", False),
        ("::1", False),
        ("::ffff:10.0.0.1", False),  # As in gunicorn.
        (None, False),
    ],
)
def test_header_counts_only_from_trusted_addresses(plain, address, trusted):
    response = WsgiClient(plain).get("/", headers=FORWARDED, environ_overrides={"REMOTE_ADDR": address})
    assert response.json["links"]["docs"] == ("/todo/docs" if trusted else "/docs")
    response = WsgiClient(plain).get(
        "/", headers={"X-Forwarded-Prefix": "//evil"}, environ_overrides={"REMOTE_ADDR": address}
    )
    assert response.status_code == (400 if trusted else 200)


@pytest.mark.parametrize(
    "value",
    [
        "//evil",
        "https://evil",
        "/a?b",
        "/a#b",
        "/a b",
        "/a%2e",
        "/..",
        "/a/../b",
        "/é",
        "todo",
        "/" + "x" * 10_000,
        "/a\\b",
        "/<",
        "/a;b",
    ],
)
def test_header_that_is_no_path_is_rejected(plain, value):
    response = WsgiClient(plain).get("/", headers={"X-Forwarded-Prefix": value})
    assert (response.status_code, response.json["error"]["message"]) == (
        400,
        "The header X-Forwarded-Prefix must be a path like /todo.",
    )


def test_last_of_several_prefixes_counts(plain):
    """It is the one of the proxy that connected; another may be a client's own."""
    for value, docs in [("//evil, /todo", "/todo/docs"), ("/todo/", "/todo/docs"), ("/", "/docs"), ("", "/docs")]:
        assert WsgiClient(plain).get("/", headers={"X-Forwarded-Prefix": value}).json["links"]["docs"] == docs


@pytest.mark.parametrize("value", ["todo", "/todo/", "/", "//todo", "/a b", "/..", "https://x/todo", "/" + "x" * 255])
def test_setting_that_is_no_path_is_refused(value):
    with pytest.raises(ValidationError, match="must be a path like /todo"):
        Settings().load({"SCRIPT_NAME": value})


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "{python} -m gunicorn wsgi:app",
        "{python} -m gunicorn -k gthread wsgi:app",
        "{python} -m gunicorn -c /dev/null -b 127.0.0.1:{port} wsgi:app",
        "{python} -m waitress --listen=127.0.0.1:{port} wsgi:app",
    ],
)
def test_every_server_has_the_prefix(settings, tmp_path, command):
    with Server(tmp_path / "log", *command.split(), **settings, SCRIPT_NAME="/todo") as server:
        for path, status in [
            ("/todo/health/live", 200),
            ("/todo", 200),
            ("/health/live", 404),
            ("/todohealth/live", 404),
        ]:
            response = raw(server.port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert (path, response.status) == (path, status)
            assert "X-Request-ID" in response.headers
