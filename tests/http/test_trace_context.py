"""W3C Trace Context: the trace id of ``traceparent`` is in every log line of its request."""

import http.client
import json

import pytest

from taskapp.http.trace_context import read_trace_id
from tests.support.client import make_token
from tests.support.log_lines import record_of, records
from tests.support.ports import free_port
from tests.support.waiting import wait_until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
VALID = f"00-{TRACE}-{PARENT}-01"
# Most are from the test suite of the specification, https://github.com/w3c/trace-context.
INVALID = {
    "empty": "",
    "version ff": f"ff-{TRACE}-{PARENT}-01",
    "upper case in the version": f"CC-{TRACE}-{PARENT}-01",
    "upper case in the trace id": f"00-{TRACE.upper()}-{PARENT}-01",
    "upper case in the parent id": f"00-{TRACE}-{PARENT.upper()}-01",
    "upper case in the flags": f"00-{TRACE}-{PARENT}-0A",
    "zero trace id": f"00-{'0' * 32}-{PARENT}-01",
    "zero parent id": f"00-{TRACE}-{'0' * 16}-01",
    "short version": f"0-{TRACE}-{PARENT}-01",
    "long version": f"000-{TRACE}-{PARENT}-01",
    "short trace id": f"00-{TRACE[1:]}-{PARENT}-01",
    "long trace id": f"00-{TRACE}0-{PARENT}-01",
    "short parent id": f"00-{TRACE}-{PARENT[1:]}-01",
    "long parent id": f"00-{TRACE}-{PARENT}0-01",
    "short flags": f"00-{TRACE}-{PARENT}-1",
    "long flags": f"00-{TRACE}-{PARENT}-001",
    "no flags": f"00-{TRACE}-{PARENT}",
    "version 00 continued": f"{VALID}-later",
    "version 00 with a hyphen": f"{VALID}-",
    "later version continued without a hyphen": f"cc-{TRACE}-{PARENT}-01.later",
    "later version continued by a space": f"cc-{TRACE}-{PARENT}-01-a b",
    "later version continued by a line": f"cc-{TRACE}-{PARENT}-01-x\r\nX-Forged: 1",
    "later version continued by other letters": f"cc-{TRACE}-{PARENT}-01-é",
    "other digits": f"00-{TRACE}-{PARENT}-0٣",
    "other letters": f"00-{TRACE[1:]}g-{PARENT}-01",
    "line end": f"{VALID}\n",
    "space": f" {VALID}",
    "two": f"{VALID},{VALID}",
    "two of a later version": f"cc-{TRACE}-{PARENT}-01-x,cc-{TRACE}-{PARENT}-01-x",
}


@pytest.mark.parametrize(
    "value",
    [VALID, f"00-{TRACE}-{PARENT}-00", f"00-{TRACE}-{PARENT}-ff", f"cc-{TRACE}-{PARENT}-01", f"01-{VALID[3:]}-later"],
)
def test_trace_id_of_a_valid_header(value):
    assert read_trace_id(value) == TRACE


@pytest.mark.parametrize("value", INVALID.values(), ids=INVALID.keys())
def test_invalid_header_has_none(value):
    assert read_trace_id(value) is None


@pytest.fixture(scope="module")
def logging_server(start_module_server):
    return start_module_server(ACCESS_LOG="true", WORKERS=1)


@pytest.fixture
def user(logging_server):
    return logging_server.client()


def test_access_log_has_the_trace_id_that_was_sent(logging_server, user):
    response = user.get(headers={"traceparent": VALID, "tracestate": "vendor=1"})
    assert record_of(logging_server, response)["trace_id"] == TRACE
    assert not {"traceparent", "tracestate"} & set(response.headers)


@pytest.mark.parametrize("headers", [{}, {"traceparent": INVALID["version ff"]}, {"traceparent": "é"}])
def test_none_is_made_up(logging_server, user, headers):
    response = user.get(headers={name: value.encode() for name, value in headers.items()})
    assert response.status == 200
    assert "trace_id" not in record_of(logging_server, response)


def test_two_headers_are_ignored(logging_server, user):
    connection = http.client.HTTPConnection("127.0.0.1", logging_server.port, timeout=10)
    connection.putrequest("GET", user.tasks)
    for name, value in [
        ("Authorization", f"Bearer {user.token}"),
        ("X-Request-ID", "two-traces"),
        ("traceparent", VALID),
        ("traceparent", VALID),
    ]:
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 200
    connection.close()
    wait_until(lambda: lines_of(logging_server, "two-traces"), "no line")
    [line] = lines_of(logging_server, "two-traces")
    assert "trace_id" not in line


def lines_of(server, request_id):
    return [each for each in records(server) if each.get("request_id") == request_id]


def test_rejected_token_has_it_too(logging_server, user):
    user.get(token="no.token.here", headers={"traceparent": VALID, "X-Request-ID": "rejected"})
    wait_until(lambda: len(lines_of(logging_server, "rejected")) > 1, "no lines")
    lines = lines_of(logging_server, "rejected")
    assert {(each["message"], each["trace_id"]) for each in lines} == {("rejected token", TRACE), ("request", TRACE)}


@pytest.fixture
def failing(make_app, capfd, secret):
    """A function that lets a request of a trace meet an outage and a bug, and returns its log lines."""

    def send(log_format):
        unavailable = {"DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/none", "REQUEST_TIMEOUT": 1}
        app = make_app(**unavailable, LOG_FORMAT=log_format)

        def fail():
            app.logger.warning("of a service")
            raise RuntimeError("bug")

        app.add_url_rule("/bug", "bug", fail)
        headers = {"Authorization": f"Bearer {make_token(secret, user_id='traced')}", "traceparent": VALID}
        capfd.readouterr()
        statuses = [app.test_client().get(path, headers=headers).status_code for path in ("/api/traced/tasks", "/bug")]
        assert statuses == [503, 500]
        return [line for line in capfd.readouterr().err.splitlines() if not line.startswith("    ")]

    return send


def test_every_line_of_a_request_that_fails_has_it(failing):
    lines = [json.loads(line) for line in failing("json")]
    assert {"of a service", "Exception on GET /bug"} < {each["message"] for each in lines}
    assert any(each["message"].startswith("The database is unavailable: ") for each in lines)
    assert {each.get("trace_id") for each in lines} == {TRACE}


def test_text_lines_have_it_too(failing):
    lines = failing("text")
    assert len(lines) >= 3
    assert all(f" trace_id={TRACE}" in line for line in lines)
