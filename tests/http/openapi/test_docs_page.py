"""The page /docs in a real browser: from a pasted token to a task, without other hosts and without warnings."""

import pytest

from taskapp.http.openapi.docs_page import CONTENT_SECURITY_POLICY

WIDTHS = {"desktop": 1280, "telephone": 390}
CREATE = "#operations-tasks-create_task"


class Docs:
    """The page, with the warnings and the requests of the browser."""

    def __init__(self, page, base):
        self.page = page
        self.complaints = []
        self.requests = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(f"{base}/docs")
        page.wait_for_selector(CREATE)

    def authorize(self, token):
        self.page.click(".auth-wrapper .authorize")
        self.page.fill(".modal-ux input", token)
        self.page.click(".modal-ux button.authorize")
        self.page.click(".modal-ux .btn-done")

    def open_create(self):
        self.page.click(f"{CREATE} .opblock-summary-control")
        self.page.click(f"{CREATE} .try-out__btn")

    def execute(self):
        """Send it, and return the status and the body that the page shows."""
        self.page.click(f"{CREATE} .execute")
        self.page.wait_for_selector(f"{CREATE} .live-responses-table .response")
        shown = self.page.locator(f"{CREATE} .live-responses-table .response")
        return shown.locator(".response-col_status").inner_text(), shown.locator(".highlight-code").inner_text()

    def overflow(self):
        """By how many pixels the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


@pytest.fixture(params=WIDTHS)
def docs(browser, server, request):
    page = browser.new_page(viewport={"width": WIDTHS[request.param], "height": 900})
    yield Docs(page, server.url)
    page.close()


@pytest.mark.slow
def test_from_a_pasted_token_to_a_task(docs, alice, server):
    docs.authorize(alice.token)
    docs.open_create()
    docs.page.fill(f"{CREATE} tr[data-param-name=user_id] input", alice.user_id)
    docs.page.fill(f"{CREATE} textarea.body-param__text", '{"title": "made in a browser"}')
    status, body = docs.execute()
    assert status == "201"
    assert '"title": "made in a browser"' in body
    assert [task["title"] for task in alice.get().data] == ["made in a browser"]
    assert docs.overflow() <= 0
    assert docs.complaints == []
    ours = (f"{server.url}/", "data:")
    assert [url for url in docs.requests if not url.startswith(ours)] == []


@pytest.mark.slow
def test_without_a_token_it_shows_the_error(docs):
    docs.open_create()
    status, body = docs.execute()
    assert status == "401"
    assert '"code": "UNAUTHORIZED"' in body


@pytest.mark.slow
@pytest.mark.parametrize("docs", ["telephone"], indirect=True)
def test_it_fits_the_window_whatever_is_open(docs):
    """One after another, because the page takes longer for each operation that is open."""
    operations = docs.page.locator(".opblock").all()
    assert len(operations) >= 25
    for operation in operations:
        summary = operation.locator(".opblock-summary-control")
        summary.click()
        operation.locator(".responses-table").first.wait_for()
        assert docs.overflow() <= 0
        summary.click()
        operation.locator(".responses-table").first.wait_for(state="detached")


@pytest.mark.slow
def test_its_policy_stops_other_hosts(docs):
    """Even a script of its own could not ask one."""
    refused = docs.page.evaluate("fetch('http://127.0.0.2:9/').then(() => 'asked', () => 'refused')")
    assert refused == "refused"
    assert any("Content Security Policy" in complaint for complaint in docs.complaints)


def test_page_and_files(alice):
    """Without a browser: the page and its files are served, and no other file of their folders."""
    page = alice.request("GET", "/docs", token=None)
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    names = [part.split('"')[0] for part in page.body.decode().split('"docs/')[1:]]
    assert len(names) == 5
    for name in names:
        assert alice.request("GET", f"/docs/{name}", token=None).status == 200
    for name in ("", "other.js", "page.html", "..%2Fdescription.md", "oauth2-redirect.html", "index.css"):
        response = alice.request("GET", f"/docs/{name}", token=None)
        assert (response.status, response.error["code"]) == (404, "NOT_FOUND")
