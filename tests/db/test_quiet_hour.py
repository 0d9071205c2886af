"""An hour without requests: the next one succeeds, whatever happened to idle connections."""

import time

import pytest

from tests.support.faults import FaultProxy
from tests.support.gunicorn import Gunicorn
from tests.support.urls import at_port

pytestmark = pytest.mark.slow

# Python reads this before the service starts. It sets the wall clock, by which the pool tells the age of connections,
# ahead by the seconds in a file.
MOVED_CLOCK = """
import pathlib, time
real, ahead = time.time, pathlib.Path({clock!r})
time.time = lambda: real() + float(ahead.read_text() or 0)
"""


@pytest.fixture
def clock(tmp_path):
    """The file with the seconds by which the clock of the service is ahead."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    (tmp_path / "sitecustomize.py").write_text(MOVED_CLOCK.format(clock=str(clock)))
    return clock


def test_request_after_an_hour_without_any_succeeds(postgres, new_database, secret, clock, tmp_path):
    url = new_database()
    with FaultProxy(postgres.socket) as proxy:
        settings = {"DATABASE_URL": at_port(proxy.port, url), "JWT_SECRET": secret, "WORKERS": 1}
        with Gunicorn(tmp_path / "log", **settings, PYTHONPATH=tmp_path) as server:
            user = server.client()
            assert user.post(json={"title": "before"}).status == 201
            proxy.forget()
            clock.write_text("3600")
            started = time.monotonic()
            assert user.post(json={"title": "after an hour"}).status == 201
            assert [task["title"] for task in user.get().data] == ["after an hour", "before"]
            assert time.monotonic() - started < 2
