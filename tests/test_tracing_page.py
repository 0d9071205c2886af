"""The files of docs/tracing.md: spans and errors arrive once, with ids that the log has, and without data of users."""

import contextlib
import gzip
import json
import re
import time
from http.server import BaseHTTPRequestHandler

import pytest

from config import ROOT
from tests.support.documents import read
from tests.support.environments import make_environment
from tests.support.gunicorn import Gunicorn
from tests.support.http_server import HttpServer, Quiet
from tests.support.log_lines import records
from tests.support.postgres import run_sql
from tests.support.urls import text_url
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

PROGRAMS = re.findall(r"^```python\n(.*?)^```", read("tracing"), re.MULTILINE | re.DOTALL)
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
# In the wire format of protobuf, ids are bytes and texts are UTF-8.
HIDDEN = ["hidden", "eyJ", "Bearer", "127.0.0.1"]


class Collector(HttpServer):
    """Accepts everything that is sent to it, and keeps the paths and the bodies."""

    def __init__(self):
        self.received = received = []

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                body = gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
                received.append((self.path, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.handler = Handler


class Reporting(Gunicorn):
    """The service with a file of docs/tracing.md."""

    def __init__(self, log, python, folder, module, **settings):
        super().__init__(log, **settings)
        self._python, self._path, self._module = python, folder, module

    def command(self):
        return [self._python, "-m", "gunicorn", f"{self._module}:app"]

    def environment(self):
        return {**super().environment(), "PYTHONPATH": str(self._path)}


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Python with all packages that the page installs."""
    requirements = ROOT / "tests" / "support" / "tracing" / "requirements.txt"
    return make_environment(tmp_path_factory.mktemp("tracing"), requirements)


@pytest.fixture(scope="module")
def database_of_page(new_database):
    return new_database()


@pytest.fixture
def start(python, settings, database_of_page, via_pooler, tmp_path, monkeypatch):
    """Starts the service with the file for a product, and returns it with the collector."""
    with contextlib.ExitStack() as stack:

        def start(product, module, variable, value):
            collector = stack.enter_context(Collector())
            [program] = [each for each in PROGRAMS if f'"""taskapp with {product}."""' in each]
            (tmp_path / f"{module}.py").write_text(program)
            monkeypatch.setenv(variable, value.format(url=collector.url, host=collector.url.removeprefix("http://")))
            values = {**settings, "DATABASE_URL": text_url(via_pooler(database_of_page)), "ACCESS_LOG": "true"}
            server = Reporting(tmp_path / "log", python, tmp_path, module, **values)
            return stack.enter_context(server), collector

        yield start


def break_database(url):
    """Let the title "hidden bug" be a bug."""
    run_sql(url, "ALTER TABLE tasks ADD CONSTRAINT bug CHECK (title <> 'hidden bug') NOT VALID")


def use(server, url):
    """Send requests with data that must not leave, and return their responses."""
    user = server.client("hidden-user")
    break_database(url)
    try:
        responses = [
            user.post(json={"title": "hidden title"}, headers=SAMPLED),
            user.get("?q=hidden", headers=SAMPLED),
            user.get(token="eyJ.a.b", headers=SAMPLED),
            user.get(),
            user.post(json={"title": "hidden bug"}, headers=SAMPLED),
        ]
    finally:
        run_sql(url, "ALTER TABLE tasks DROP CONSTRAINT bug")
    assert [each.status for each in responses] == [201, 200, 401, 200, 500]
    return responses


def line_of(server, response):
    """The line of the access log about a request."""
    sent = response.headers["X-Request-ID"]
    found = [each for each in records(server) if each.get("request_id") == sent and each["message"] == "request"]
    return found[0]


def test_spans_have_the_trace_of_the_client_and_no_data(start, database_of_page, monkeypatch):
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    server, collector = start("OpenTelemetry", "wsgi_otel", "OTEL_EXPORTER_OTLP_ENDPOINT", "{url}")
    server.wait_for_workers()
    responses = use(server, database_of_page)
    server.stop()  # It exports what is left.
    assert {path for path, _ in collector.received} == {"/v1/traces"}
    sent = b"".join(body for _, body in collector.received)
    assert [each for each in HIDDEN if each.encode() in sent] == []
    assert sent.count(b"POST /api/<user_id>/tasks") == 2
    assert sent.count(b"GET /api/<user_id>/tasks") == 3  # The rejected token too.
    assert b"%(new_title)s" in sent
    assert sent.count(bytes.fromhex(PARENT)) == 4
    own = line_of(server, responses[3])["trace_id"]
    assert {line_of(server, each)["trace_id"] for each in responses} == {TRACE, own}
    for trace in (TRACE, own):
        assert sent.count(bytes.fromhex(trace)) >= 2  # The request, and its statement.


def test_traces_that_are_not_sampled_are_in_the_log_only(start, database_of_page, monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0")
    server, collector = start("OpenTelemetry", "wsgi_otel", "OTEL_EXPORTER_OTLP_ENDPOINT", "{url}")
    responses = use(server, database_of_page)
    server.stop()
    sent = b"".join(body for _, body in collector.received)
    own = line_of(server, responses[3])["trace_id"]
    assert bytes.fromhex(TRACE) in sent
    assert bytes.fromhex(own) not in sent


def test_bug_is_one_event_without_data(start, database_of_page):
    server, collector = start("Sentry", "wsgi_sentry", "SENTRY_DSN", "http://key@{host}/1")
    server.wait_for_workers()
    bug = use(server, database_of_page)[-1]
    wait_until(lambda: any(b'"exception"' in body for _, body in collector.received), "no event")
    time.sleep(0.5)
    server.stop()
    [body] = [body for _, body in collector.received if b'"exception"' in body]
    event = json.loads(body.splitlines()[2])
    assert [each["type"] for each in event["exception"]["values"]] == ["CheckViolation"]
    assert event["tags"]["request_id"] == bug.headers["X-Request-ID"]
    assert "create_task" in {frame["function"] for frame in event["exception"]["values"][0]["stacktrace"]["frames"]}
    assert not {"request", "user", "breadcrumbs", "extra"} & event.keys()
    sent = b"".join(each for _, each in collector.received).decode()
    assert [each for each in HIDDEN[:3] if each in sent] == []
