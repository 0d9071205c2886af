"""The trace of a call of a tool is passed on to the API, whose log lines then have its id."""

import json

import pytest

from tests.support.agents import Agent, remote, token_for
from tests.support.mcp_server import LocalMcp

TRACES = [f"00-{digit * 32}-b7ad6b7169203331-01" for digit in "ab"]
INVALID = f"00-{'0' * 32}-b7ad6b7169203331-01"


def logged(capfd):
    """The traces of the requests to the API that were logged."""
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    return [line.get("trace_id") for line in lines if line["message"] == "request"]


@pytest.mark.parametrize(
    ("header", "meta", "expected"),
    [
        (None, None, None),
        (TRACES[0], None, "a" * 32),
        (None, TRACES[1], "b" * 32),
        (TRACES[0], TRACES[1], "b" * 32),  # One HTTP request may carry several calls, so theirs is closer.
        (INVALID, None, None),
        (None, INVALID, None),
        (None, f"{TRACES[1]}\r\nX-Forged: 1", None),
        (None, 1, None),
    ],
)
def test_trace_of_a_call_over_http(make_app, secret, capfd, header, meta, expected):
    with LocalMcp(make_app, ACCESS_LOG="true") as server:
        target = remote(server.url, token_for(secret, "traced", server.url), {"traceparent": header} if header else {})
        with Agent(target) as agent:
            agent.call("find_tasks")  # The SDK looks for the schema of the result first.
            capfd.readouterr()
            assert not agent.try_to_call("find_tasks", {}, meta={"traceparent": meta} if meta else None).is_error
    assert logged(capfd) == [expected]


def test_trace_of_a_call_without_http(make_app, make_agent, capfd):
    agent = make_agent(app=make_app(ACCESS_LOG="true"))
    assert not agent.try_to_call("find_tasks", {}, meta={"traceparent": TRACES[0]}).is_error
    agent.call("find_tasks")
    assert logged(capfd) == ["a" * 32, None]
