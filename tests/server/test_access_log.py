"""The log line of a request: all its fields, and nothing that a user or a client wrote."""

import logging
import re
import time

import pytest

from config import ROOT
from tests.support.client import make_token, raw
from tests.support.log_lines import ALWAYS, record_of, records

MARK = "hidden5f3a"
LIST, TASK = "/api/{user_id}/tasks", "/api/{user_id}/tasks/{task_id}"
OF_REQUEST = ALWAYS | {
    "request_id",
    "method",
    "route",
    "status",
    "duration_ms",
    "database_ms",
    "database_statements",
    "response_bytes",
    "user",
    "remote_address",
}


@pytest.fixture(scope="module")
def logging_server(start_module_server):
    return start_module_server(ACCESS_LOG="true", LOG_LEVEL="debug")


@pytest.fixture
def user(logging_server):
    return logging_server.client()


def test_request_is_one_line_with_all_that_is_known(user, logging_server):
    task = user.create()
    response = user.get(f"/{task['id']}")
    record = record_of(logging_server, response)
    assert record.keys() == OF_REQUEST
    assert (record["method"], record["route"], record["status"]) == ("GET", TASK, 200)
    assert (record["user"], record["database_statements"]) == (user.user_id, 1)
    assert record["response_bytes"] == len(response.body)
    assert 0 < record["database_ms"] < record["duration_ms"]
    assert record["remote_address"] == "127.0.0.1"
    assert (record["level"], record["logger"]) == ("INFO", "taskapp.requests")


@pytest.mark.parametrize(
    ("method", "path", "token", "expected"),
    [
        ("GET", "/no/such/address", None, ("GET", "unmatched", 404, False, 0)),
        ("BREW", "/health", None, ("OTHER", "unmatched", 405, False, 0)),
        ("GET", "/health/live", None, ("GET", "/health/live", 200, False, 0)),
        ("GET", "/health/ready", None, ("GET", "/health/ready", 200, False, 3)),
        ("GET", "/api/somebody/tasks", None, ("GET", LIST, 401, False, 0)),
        ("GET", "/api/somebody/tasks", ..., ("GET", LIST, 403, True, 0)),
        ("GET", "/api/somebody/tasks?q=x", "nonsense", ("GET", LIST, 401, False, 0)),
        ("GET", "/docs/page.css", None, ("GET", "/docs/{name}", 200, False, 0)),
    ],
)
def test_request_that_fails_has_its_line_too(user, logging_server, method, path, token, expected):
    record = record_of(logging_server, user.request(method, path, token=token))
    known = record["user"] == user.user_id if record["user"] else False
    assert (record["method"], record["route"], record["status"], known, record["database_statements"]) == expected


def test_every_field_is_explained():
    chapter = (ROOT / "docs" / "observe.md").read_text().split("## Logs")[1].split("\n### Webhooks")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", chapter, re.MULTILINE)) == OF_REQUEST | {"trace_id", "exception"}


def test_head_and_not_modified_sent_no_body(user, logging_server):
    task = user.create()
    head = user.request("HEAD", user.tasks)
    same = user.get(f"/{task['id']}", headers={"If-None-Match": '"1"'})
    assert same.status == 304
    assert [record_of(logging_server, each)["response_bytes"] or 0 for each in (head, same)] == [0, 0]


def test_refusal_of_the_server_is_one_line(logging_server):
    response = raw(logging_server.port, b"GET / HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n")
    record = record_of(logging_server, response)
    assert record.keys() == ALWAYS | {"request_id", "route", "status", "remote_address"}
    assert (record["status"], record["level"], record["remote_address"]) == (400, "WARNING", "127.0.0.1")


def test_nothing_that_was_sent_is_in_any_line(user, logging_server, secret):
    task = user.create(title=f"{MARK} title", description=f"{MARK}\ndescription")
    path = f"/{task['id']}"
    sent = [
        user.put(path, json={"title": f"{MARK}\r\ntitle", "description": MARK}),
        user.put(path, json={MARK: MARK}),
        user.post(body=f'{{"title": "{MARK}'.encode(), headers={"Content-Type": "application/json"}),
        user.post(body=MARK.encode(), headers={"Content-Type": MARK}),
        user.get(f"?q={MARK}"),
        user.get(f"?q={MARK}%0Ax&{MARK}=1"),
        user.get(f"?cursor={MARK}"),
        user.get(f"/{MARK}"),
        user.get(token=f"{MARK}.{MARK}.{MARK}"),
        user.get(headers={"Authorization": MARK}),
        user.get(headers={"X-Request-ID": f"{MARK} {MARK}", "User-Agent": MARK, "Referer": MARK, "Cookie": MARK}),
        user.get(headers={"traceparent": f"00-{MARK}", "tracestate": MARK}),
        user.post(json={"title": MARK}, headers={"Idempotency-Key": MARK}),
        user.post(json={"title": MARK}, headers={"Idempotency-Key": f"{MARK} é"}),
        user.get(path, headers={"If-None-Match": f'"{MARK}"'}),
        user.delete(path, headers={"If-Match": f'"{MARK}"'}),
        user.request("GET", f"/{MARK}/%0A%1B[31m{MARK}?{MARK}"),
        user.request("GET", f"/docs/{MARK}"),
        user.request(MARK.upper(), "/"),
    ]
    refused = [
        f"GET /{MARK} {MARK}\r\n\r\n",
        f"GET /?q={MARK} HTTP/1.1\r\nAuthorization Bearer {MARK}\r\n\r\n",
        f"GET /?q={MARK} HTTP/1.1\r\nHost: x\r\nExpect: {MARK}\r\n\r\n",
        f"GET /?q={MARK} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {MARK * 2000}\r\n\r\n",
        f"GET /?q={MARK} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {MARK}, chunked\r\n\r\n",
        f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {MARK}\r\n\r\n",
    ]
    sent += [raw(logging_server.port, text.encode()) for text in refused]
    for response in sent:
        record_of(logging_server, response)
    text = logging_server.log.read_text()
    assert MARK not in text.lower()
    for part in [*user.token.split("."), secret]:
        assert part not in text


@pytest.mark.parametrize("user_id", ["a\nb", "\x1b[31mred", 'quote" user=root', "\u2028\u202e", "ünï", "x" * 300])
def test_user_id_cannot_forge_a_line(logging_server, user_id):
    client = logging_server.client(user_id)
    record = record_of(logging_server, client.request("GET", "/api/somebody/tasks"))
    assert record["user"] == user_id[:255]
    assert logging_server.log.read_text().isascii()


def test_user_id_of_half_a_character_is_logged(logging_server, user, secret):
    response = user.request("GET", "/api/somebody/tasks", token=make_token(secret, user_id="\ud800"))
    assert record_of(logging_server, response)["user"] == "\ud800"


def test_access_log_is_off_by_default(server, alice):
    alice.create()
    time.sleep(0.2)
    assert "taskapp.requests" not in "".join(each["logger"] for each in records(server) if each["level"] == "INFO")


def test_development_server_logs_no_request(make_app, capfd):
    make_app()
    log = logging.getLogger("werkzeug")
    log.setLevel(logging.INFO)
    log.info(" * Running on %s", "http://127.0.0.1:5000")
    log.info('127.0.0.1 - - [23/Nov/2026 00:00:00] "%s" %s %s', f"GET /?q={MARK} HTTP/1.1", "200", "-")
    shown = capfd.readouterr().err
    assert "Running on" in shown
    assert MARK not in shown
