"""Outages of the database as long as in production, with the default deadline: without a pooler, and behind PgBouncer
as on Neon.
"""

import signal
import threading
import time
from functools import partial

import pytest

from tests.support import outages
from tests.support.gunicorn import Gunicorn
from tests.support.outages import assert_restart_loses_nothing
from tests.support.pooler import PgBouncer
from tests.support.postgres import run_sql
from tests.support.urls import at_port
from tests.support.waiting import timed, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

DEADLINE = 10
assert_unavailable = partial(outages.assert_unavailable, within=DEADLINE)
# PgBouncer tries again to connect after server_login_retry, by default 15 seconds; without it the service itself tries.
RECOVERY = {"direct": 1, "pooled": 16}


@pytest.fixture(scope="module", params=["direct", "pooled"])
def path(request):
    return request.param


@pytest.fixture(scope="module")
def service(path, proxy, database, secret, tmp_path_factory):
    """The service; its log may hold no traceback."""
    folder = tmp_path_factory.mktemp("service")
    url = at_port(proxy.port, database.url)
    pooler = PgBouncer(folder, url) if path == "pooled" else None
    if pooler:
        url = pooler.url.set(database=url.database, username=url.username)
        pooler.start()
    with Gunicorn(folder / "log", DATABASE_URL=url, JWT_SECRET=secret, THREADS=8) as service:
        # The first write of each worker starts a purge, which would need a connection of its own during an outage.
        for _ in range(8):
            service.client().create()
        time.sleep(1)
        yield service
    if pooler:
        pooler.stop()
    assert "Traceback" not in (folder / "log").read_text()


@pytest.fixture
def user(service):
    with service.client("user") as client:
        wait_until(lambda: client.get("?limit=1").status == 200, "it does not work")
        yield client


def test_suspended_compute_costs_no_error(proxy, user):
    """Neon ends the connections to a compute that it suspends; the next request starts it."""
    for act in (lambda: user.get("?limit=1"), lambda: user.post(json={"title": "awake"})):
        proxy.cut()
        time.sleep(0.2)
        assert act().status < 300


def test_cold_start_of_five_seconds_is_waited_for(proxy, user):
    proxy.cut()
    proxy.cold_start = 5
    for act in (lambda: user.get("?limit=1"), lambda: user.post(json={"title": "cold"})):
        response, seconds = timed(act)
        assert response.status < 300
        assert 4.5 < seconds < DEADLINE
        proxy.cut()
        time.sleep(0.2)
    proxy.cold_start = 0


def test_refused_for_ten_seconds(proxy, user, path):
    proxy.refuse()
    proxy.cut()
    returned = []
    threading.Timer(DEADLINE, lambda: (proxy.accept(), returned.append(time.monotonic()))).start()
    assert_unavailable(*timed(lambda: user.post(json={"title": "refused"})))
    wait_until(lambda: user.get("?limit=1").status == 200, "it stays unavailable")
    assert time.monotonic() - returned[0] < RECOVERY[path]
    assert user.post(json={"title": "accepted"}).status == 201


def test_black_hole_is_left_at_the_deadline(proxy, user, database):
    proxy.black_hole(after=b"INSERT INTO tasks")
    send = {"json": {"title": "swallowed"}, "headers": {"Idempotency-Key": "swallowed"}}
    assert_unavailable(*timed(lambda: user.post(**send)))
    proxy.restore()
    wait_until(lambda: user.get("?limit=1").status == 200, "it does not recover")
    assert user.post(**send).status == 201
    assert run_sql(database.url, "SELECT count(*) FROM tasks WHERE title = 'swallowed'") == [(1,)]


def test_latency_is_paid_once(proxy, user):
    proxy.latency = 0.2
    for act in (lambda: user.get("?limit=1"), lambda: user.post(json={"title": "far away"})):
        response, seconds = timed(act)
        assert response.status < 300
        assert 0.4 < seconds < 0.75
    proxy.latency = 0


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
def test_restart_under_load_loses_nothing_acknowledged(database, user, service, path, stop):
    assert_restart_loses_nothing(database, stop, user, service, deadline=DEADLINE, recovery=RECOVERY[path])
