"""The rate limit per user: off by default, exact over workers with Redis, and harmless while Redis is down."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from redis import Redis as RedisClient

from config import ROOT
from taskapp.auth.guard import authorize
from taskapp.http.concurrency import limit_concurrency
from tests.support.client import make_token
from tests.support.external import require
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

LIMIT = {"RATE_LIMIT": "5/hour"}
OF_QUOTA = ["RateLimit-Policy", "RateLimit"]


class Redis:
    """A Redis server of its own, which can be stopped and started again."""

    def __init__(self, folder):
        self.program = require("redis-server", "install it (Debian: apt install redis-server).")
        self.folder, self.port = folder, free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", str(self.folder)]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen([self.program, *options], stdout=log)
        wait_until(lambda: listens(self.port), "Redis does not start")

    def counts(self):
        """How many users it has counts of; after a start there are none."""
        with RedisClient.from_url(self.url) as client:
            return client.dbsize()

    def stop(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis(tmp_path):
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def start(start_server):
    """Starts servers with one worker, unless told otherwise."""
    return partial(start_server, WORKERS=1)


def quota(response):
    return [response.headers[name] for name in OF_QUOTA]


def left(response):
    """The remaining requests of five an hour; the seconds are asserted only roughly."""
    policy, state = quota(response)
    assert policy == '"default";q=5;w=3600'
    name, remaining, seconds = state.split(";")
    assert name == '"default"'
    assert 3500 < int(seconds.removeprefix("t=")) <= 3600
    return int(remaining.removeprefix("r="))


def test_user_over_the_limit_is_told_when_to_retry(start):
    server = start(**LIMIT)
    alice, bob = server.client(), server.client()
    path = f"/{alice.create()['id']}"
    responses = [
        alice.get(path, headers={"If-None-Match": '"1"'}),
        alice.get("/0"),
        alice.post(json={"title": ""}),
        alice.delete(path),
        alice.get(),
        alice.post(json={"title": "x"}),
    ]
    assert [response.status for response in responses] == [304, 404, 422, 200, 429, 429]
    assert [left(response) for response in responses] == [3, 2, 1, 0, 0, 0]
    refused = responses[-1]
    assert refused.error["code"] == "RATE_LIMITED"
    assert refused.headers["RateLimit"].endswith(f";t={refused.headers['Retry-After']}")
    assert left(bob.get()) == 4


def test_request_that_the_guard_rejects_is_not_counted(start):
    """No user can use up the quota of another."""
    server = start(**LIMIT)
    alice, bob = server.client(), server.client()
    for _ in range(10):
        refused = [
            bob.request("GET", alice.tasks),
            alice.get(token=None),
            alice.get(token=make_token("y" * 32, user_id=alice.user_id)),
        ]
        assert [(response.status, quota(response)) for response in refused] == [
            (s, [None, None]) for s in (403, 401, 401)
        ]
    for path in ("/health/live", "/openapi.json", "/none"):
        assert quota(alice.request("GET", path)) == [None, None]
    assert quota(alice.request("OPTIONS", alice.tasks)) == [None, None]
    assert left(alice.get()) == 4
    assert left(bob.get()) == 4


def test_window_starts_again(start):
    client = start(RATE_LIMIT="2/second").client()
    statuses = set()
    for _ in range(50):
        response = client.get()
        statuses.add(response.status)
        if response.status == 429:
            assert int(response.headers["Retry-After"]) >= 1
            time.sleep(int(response.headers["Retry-After"]))
            assert client.get().status == 200
            break
    assert statuses == {200, 429}


def send_at_once(server, user_id, requests):
    """Send requests over as many connections, eight at a time, and return how many responses had each status."""

    def send(_):
        with server.client(user_id) as client:
            return client.get().status

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(send, range(requests)))
    return {status: statuses.count(status) for status in set(statuses)}


def test_workers_count_together_in_redis(start, redis):
    server = start(WORKERS=2, RATE_LIMIT="20/hour", RATE_LIMIT_STORAGE=redis.url)
    for user_id in ("of-redis-1", "of-redis-2"):
        assert send_at_once(server, user_id, 60) == {200: 20, 429: 40}
    assert "WARNING" not in server.log.read_text()


@pytest.mark.parametrize("trouble", [signal.SIGKILL, signal.SIGSTOP])
def test_without_redis_requests_go_on(start, redis, trouble):
    """Each worker counts for itself until Redis is there again."""
    server = start(**LIMIT, RATE_LIMIT_STORAGE=redis.url)
    alice, bob = server.client(), server.client()
    assert [left(alice.get()) for _ in range(3)] == [4, 3, 2]
    redis.process.send_signal(trouble)
    began = time.monotonic()
    assert [left(alice.get()) for _ in range(3)] == [4, 3, 2]
    assert alice.request("GET", "/health/live").status == 200
    assert time.monotonic() - began < 10
    log = server.log.read_text()
    assert log.count("Rate limit storage unreachable") == 1
    assert "Traceback" not in log

    redis.stop()
    redis.start()
    wait_until(lambda: bob.get() and redis.counts(), "nothing is counted in Redis again", 60)


@pytest.mark.parametrize("trouble", [signal.SIGKILL, signal.SIGSTOP])
def test_requests_at_the_moment_redis_goes_down_succeed(start, redis, trouble):
    server = start(RATE_LIMIT="1000/hour", RATE_LIMIT_STORAGE=redis.url)
    assert send_at_once(server, "of-the-moment", 8) == {200: 8}
    redis.process.send_signal(trouble)
    assert send_at_once(server, "of-the-moment", 24) == {200: 24}
    assert "Traceback" not in server.log.read_text()


def test_redis_that_is_down_at_the_start_is_replaced(start):
    server = start(**LIMIT, RATE_LIMIT_STORAGE=f"redis://127.0.0.1:{free_port()}")
    client = server.client()
    assert [client.get().status for _ in range(6)] == [200] * 5 + [429]


@pytest.mark.parametrize(("workers", "warnings"), [(1, 0), (2, 1)])
def test_separate_counts_are_logged_as_a_warning(start, workers, warnings):
    log = start(**LIMIT, WORKERS=workers).log.read_text()
    assert log.count("Each of 2 workers counts RATE_LIMIT separately") == warnings


def test_limits_stand_right_behind_every_guard(make_app):
    app = make_app(**LIMIT)
    guarded = [hooks for hooks in app.before_request_funcs.values() if authorize in hooks]
    assert guarded
    for hooks in guarded:
        place = hooks.index(authorize)
        assert hooks[place + 1] is limit_concurrency
        assert hooks[place + 2].__module__ == "taskapp.http.rate_limit"


def test_unset_it_is_not_even_imported():
    """Without a limit, the library costs nothing."""
    code = "import sys; import taskapp, taskapp.server.hooks; sys.exit(any('limit' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_unset_there_is_neither_limit_nor_header(alice, app):
    assert "limiter" not in app.extensions
    for _ in range(10):
        response = alice.get()
        assert (response.status, quota(response)) == (200, [None, None])
