"""The header Server-Timing: only where it is asked for, and with what the request took."""

import re

import pytest

from tests.support.processes import Gunicorn


def test_server_timing_is_off_unless_asked_for(alice):
    assert "Server-Timing" not in alice.get().headers


def test_server_timing_says_how_long_it_took(settings, tmp_path, new_client):
    with Gunicorn(tmp_path / "log", **settings, SERVER_TIMING="true", WORKERS=1) as server:
        client = new_client(port=server.port)
        pattern = re.compile(r"db;dur=(\d+\.\d\d), app;dur=(\d+\.\d\d), total;dur=(\d+\.\d\d)")
        asked = [client.get(), client.get("/1")]
        not_asked = [client.request("GET", "/none"), client.get(token=None)]
        for answer in asked + not_asked:
            database, application, total = map(float, pattern.fullmatch(answer.headers["Server-Timing"]).groups())
            assert (database > 0) == (answer in asked)
            assert database + application == pytest.approx(total, abs=0.02)
            assert application > 0
