"""CORS in a real browser: pages of the configured origin may use the API, all others may not."""

from http.server import BaseHTTPRequestHandler

import pytest

from tests.support.http_server import HttpServer, Quiet

pytestmark = pytest.mark.slow


class BlankPage(Quiet, BaseHTTPRequestHandler):
    """A site with nothing on it, whose scripts are those of the test."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()


class Site(HttpServer):
    handler = BlankPage


@pytest.fixture(scope="module")
def sites():
    """The URLs of two sites, each an origin of its own."""
    with Site() as first, Site() as second:
        yield [first.url, second.url]


@pytest.fixture(scope="module")
def server(sites, start_module_server):
    """A server that allows the first of the sites."""
    return start_module_server(WORKERS=1, CORS_ORIGINS=sites[0])


@pytest.fixture
def call(browser):
    """Calls fetch() on a page of an origin, and returns what its script may see."""
    pages = []

    def call(origin, url, **options):
        page = browser.new_page()
        pages.append(page)
        page.goto(origin)
        return page.evaluate(
            """([url, options]) => fetch(url, options).then(
                response => ({status: response.status, headers: Object.fromEntries(response.headers)}),
                error => error.message)""",
            [url, options],
        )

    yield call
    for page in pages:
        page.close()


def test_page_of_an_allowed_origin_uses_the_api(call, sites, server):
    client = server.client()
    base = server.url + client.tasks
    token = {"Authorization": f"Bearer {client.token}"}
    sent = {**token, "Content-Type": "application/json", "Idempotency-Key": "k", "X-Request-ID": "of-the-page"}
    sent |= {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=1"}
    sent |= {"baggage": "a=1", "sentry-trace": "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1"}
    sent |= {"X-Requested-With": "XMLHttpRequest"}
    created = call(sites[0], base, method="POST", headers=sent, body='{"title": "from a page"}')
    assert created["status"] == 201
    assert created["headers"]["etag"] == '"1"'
    assert created["headers"]["x-request-id"] == "of-the-page"
    task = base + "/" + created["headers"]["location"].rpartition("/")[2]

    changed = call(
        sites[0],
        task,
        method="PUT",
        headers={**sent, "If-Match": '"1"', "Idempotency-Key": "l"},
        body='{"completed": true}',
    )
    assert (changed["status"], changed["headers"]["etag"]) == (200, '"2"')
    missed = call(sites[0], task, method="DELETE", headers={**token, "If-Match": '"1"'})
    assert (missed["status"], missed["headers"]["etag"]) == (412, '"2"')
    known = call(sites[0], task, headers={**token, "If-None-Match": '"2"'})
    assert known["status"] == 304

    client.create()
    page = call(sites[0], f"{base}?limit=1", headers=token)
    assert 'rel="next"' in page["headers"]["link"]
    refused = call(sites[0], base, headers={"Authorization": "Bearer x"})
    assert refused["status"] == 401
    assert refused["headers"]["www-authenticate"].startswith('Bearer error="invalid_token"')
    too_large = call(sites[0], base, headers={"Authorization": "Bearer " + "x" * 20_000})
    assert too_large["status"] == 431


def test_page_of_another_origin_cannot(call, sites, server):
    client = server.client()
    base = server.url + client.tasks
    sent = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
    assert call(sites[1], base, method="POST", headers=sent, body='{"title": "x"}') == "Failed to fetch"
    assert call(sites[1], base, headers=sent) == "Failed to fetch"
    assert call(sites[1], server.url + "/openapi.json") == "Failed to fetch"
    assert client.get().data == []
