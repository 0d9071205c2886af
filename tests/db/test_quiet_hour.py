"""An hour in which nobody asks for anything: the next request does not notice, whatever became of idle connections."""

import time

import pytest

from tests.support.client import Client, make_token
from tests.support.faults import FaultProxy
from tests.support.processes import Gunicorn, at_port, text_url

pytestmark = pytest.mark.slow

# Read by Python before the service begins: its wall clock, which the pool tells the age of connections by, is ahead by
# as many seconds as a file says.
MOVED_CLOCK = """
import pathlib, time
real, ahead = time.time, pathlib.Path({clock!r})
time.time = lambda: real() + float(ahead.read_text() or 0)
"""


@pytest.fixture
def clock(tmp_path):
    """The file that says how far the clock of the service is ahead."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    (tmp_path / "sitecustomize.py").write_text(MOVED_CLOCK.format(clock=str(clock)))
    return clock


def test_hour_of_nothing_costs_the_next_request_no_error(postgres, new_database, secret, clock, tmp_path):
    url = new_database()
    with FaultProxy(postgres.socket) as proxy:
        service = {"DATABASE_URL": text_url(at_port(proxy.port, url)), "JWT_SECRET": secret, "WORKERS": 1}
        with Gunicorn(tmp_path / "log", **service, PYTHONPATH=tmp_path) as gunicorn:
            user = Client(gunicorn.port, token=make_token(secret, user_id="user"), user_id="user")
            assert user.post(json={"title": "before"}).status == 201
            proxy.forget()
            clock.write_text("3600")
            started = time.monotonic()
            assert user.post(json={"title": "after an hour"}).status == 201
            assert [task["title"] for task in user.get().data] == ["after an hour", "before"]
            assert time.monotonic() - started < 2
            user.close()
