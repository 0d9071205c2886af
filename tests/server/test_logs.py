"""Log lines: complete and in the configured format, exceptions with their tracebacks too."""

import json
import logging
import os
import pty
import re
import socket
import subprocess
import sys

import pytest

from config import ROOT
from taskapp.server import error_responses
from taskapp.server.logs import JsonLines, TextLines
from tests.support.client import Client, make_token, raw
from tests.support.commands import environment
from tests.support.log_lines import ALWAYS, records
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_until

# A line of a terminal: time, level, logger, request id.
HEAD = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} (DEBUG|INFO|WARNING|ERROR) [\w.]+ \[[\w.-]+\] \S.*")


def test_every_line_of_a_whole_life_is_json(start_server):
    server = start_server(ACCESS_LOG="true")
    server.client().create()
    raw(server.port, b"nonsense\r\n\r\n")
    server.stop()
    lines = records(server)
    assert server.log.read_text().endswith("\n")
    assert all(each.keys() >= ALWAYS for each in lines)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each["time"]) for each in lines)
    messages = " ".join(each["message"] for each in lines if each["logger"] == "gunicorn.error")
    assert "Booting worker" in messages
    assert "Shutting down: Master" in messages
    assert [each["message"] for each in lines if each["logger"] == "taskapp.requests"] == [
        "request",
        "rejected request",
    ]


def raise_error():
    raise RuntimeError("first\n2026-11-23 00:00:00.000 INFO forged [-] \x1b[2Jline")


def test_bug_of_the_server_is_one_line_with_its_traceback(make_app, capfd):
    make_app()
    ours, theirs = socket.socketpair()
    theirs.shutdown(socket.SHUT_WR)
    with ours, theirs:
        try:
            raise_error()
        except RuntimeError:
            error_responses.write_error(ours, 500, "", "")
        response = theirs.recv(65536).decode()
    [line] = capfd.readouterr().err.splitlines()
    record = json.loads(line)
    assert (record["status"], record["level"]) == (500, "ERROR")
    assert record["request_id"] in response
    assert "RuntimeError: first" in record["exception"]


@pytest.fixture
def terminal(settings):
    """The port of a server in a terminal, and a function that stops it and returns what the terminal shows."""
    port = free_port()
    ours, theirs = pty.openpty()
    env = environment(**settings, PORT=port, WORKERS=1, ACCESS_LOG="true")
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "wsgi:app"], cwd=ROOT, env=env, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    try:
        wait_until(lambda: listens(port), "it does not serve")
        yield port, lambda: read_terminal(ours, process)
    finally:
        process.terminate()
        process.wait(40)
        os.close(ours)


def read_terminal(terminal, process):
    process.terminate()
    shown = b""
    try:
        while part := os.read(terminal, 65536):
            shown += part
    except OSError:  # Its last user has closed it.
        pass
    return shown.decode().replace("\r\n", "\n")


def test_terminal_shows_lines_for_a_person(terminal, secret):
    port, read = terminal
    token = make_token(secret, user_id="a\n\x1b[31m user=root")
    with Client(port, token=token) as client:
        response = client.request("GET", "/api/somebody/tasks", headers={"X-Request-ID": "mine-1"})
    assert response.status == 403
    raw(port, b"nonsense\r\n\r\n")
    text = read()
    lines = [line for line in text.split("\n") if line and not line.startswith(("API ", "Docs ", "Data "))]
    assert all(HEAD.fullmatch(line) for line in lines), text
    [line] = [line for line in lines if "[mine-1]" in line]
    assert "request method=GET route=/api/{user_id}/tasks status=403 duration_ms=" in line
    assert r'user="a\\n\\u001b[31m user=root"'.replace(r"\\", "\\") in line
    assert "\x1b" not in text
    assert "API   http" in text
    assert "rejected request route=unmatched status=400" in text


def test_format_can_be_chosen(start_server):
    server = start_server(LOG_FORMAT="text", WORKERS=1)
    server.stop()
    lines = [line for line in server.log.read_text().split("\n") if "gunicorn" in line]
    assert len(lines) > 3
    assert all(HEAD.fullmatch(line) for line in lines)


@pytest.fixture
def error_record():
    """A record of an exception whose text would forge a line."""
    try:
        raise_error()
    except RuntimeError:
        return logging.LogRecord("taskapp", logging.ERROR, "", 1, "it %s", ("broke\nhere",), sys.exc_info())


def test_traceback_is_part_of_the_object(error_record):
    line = JsonLines().format(error_record)
    assert "\n" not in line
    record = json.loads(line)
    assert record["message"] == "it broke\nhere"
    assert record["exception"].startswith("Traceback (most recent call last)")
    assert "RuntimeError: first" in record["exception"]


def test_traceback_in_a_terminal_is_indented(error_record):
    first, *rest = TextLines().format(error_record).split("\n")
    assert first.endswith(r"ERROR taskapp [-] it broke\nhere")
    assert len(rest) > 3
    assert all(line.startswith("    ") for line in rest)
    assert "\x1b" not in "".join(rest)
