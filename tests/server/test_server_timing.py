"""The header Server-Timing: only if it is switched on, with the time that the request took."""

import re

import pytest


def test_server_timing_is_off_by_default(alice):
    assert "Server-Timing" not in alice.get().headers


def test_server_timing_says_how_long_it_took(start_server):
    client = start_server(SERVER_TIMING="true", WORKERS=1).client()
    pattern = re.compile(r"db;dur=(\d+\.\d\d), app;dur=(\d+\.\d\d), total;dur=(\d+\.\d\d)")
    asked = [client.get(), client.get("/1")]
    not_asked = [client.request("GET", "/none"), client.get(token=None)]
    for response in asked + not_asked:
        database, application, total = map(float, pattern.fullmatch(response.headers["Server-Timing"]).groups())
        assert (database > 0) == (response in asked)
        assert database + application == pytest.approx(total, abs=0.02)
        assert application > 0
