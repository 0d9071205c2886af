"""The limit of requests per user: off unless set, exact over workers with Redis, and no harm where Redis is down."""

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from redis import Redis as RedisClient

from config import ROOT, Settings
from taskapp import create_app
from taskapp.auth.guard import authorize
from tests.support.client import Client, make_token
from tests.support.external import needs
from tests.support.processes import Gunicorn, free_port, listens, wait_until

pytestmark = pytest.mark.slow

LIMIT = {"RATE_LIMIT": "5/hour"}
OF_QUOTA = ["RateLimit-Policy", "RateLimit"]


class Redis:
    """A Redis server of its own, which can be stopped and started again."""

    def __init__(self, folder):
        self.program = needs("redis-server", "install it (Debian: apt install redis-server).")
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
def start(settings, tmp_path):
    """Starts a server with more settings; one worker, unless told otherwise."""
    servers = []

    def start(**more):
        servers.append(Gunicorn(tmp_path / f"gunicorn-{len(servers)}", **{**settings, "WORKERS": 1, **more}))
        return servers[-1].__enter__()

    yield start
    for server in servers:
        server.__exit__()


def quota(answer):
    return [answer.headers[name] for name in OF_QUOTA]


def left(answer):
    """What is left of five an hour; the seconds are not asserted to the second."""
    policy, state = quota(answer)
    assert policy == '"default";q=5;w=3600'
    name, remaining, seconds = state.split(";")
    assert name == '"default"'
    assert 3500 < int(seconds.removeprefix("t=")) <= 3600
    return int(remaining.removeprefix("r="))


def test_user_over_the_limit_is_told_when_to_come_back(start, new_client):
    server = start(**LIMIT)
    alice, bob = (new_client(port=server.port) for _ in range(2))
    path = f"/{alice.create()['id']}"
    answers = [
        alice.get(path, headers={"If-None-Match": '"1"'}),
        alice.get("/0"),
        alice.post(json={"title": ""}),
        alice.delete(path),
        alice.get(),
        alice.post(json={"title": "x"}),
    ]
    assert [answer.status for answer in answers] == [304, 404, 422, 200, 429, 429]
    assert [left(answer) for answer in answers] == [3, 2, 1, 0, 0, 0]
    refused = answers[-1]
    assert refused.error["code"] == "RATE_LIMITED"
    assert refused.headers["RateLimit"].endswith(f";t={refused.headers['Retry-After']}")
    assert left(bob.get()) == 4


def test_what_the_guard_refuses_is_not_counted(start, new_client):
    """Nobody can use up the quota of somebody else."""
    server = start(**LIMIT)
    alice, bob = (new_client(port=server.port) for _ in range(2))
    for _ in range(10):
        refused = [
            bob.request("GET", alice.tasks),
            alice.get(token=None),
            alice.get(token=make_token("y" * 32, user_id=alice.user_id)),
        ]
        assert [(answer.status, quota(answer)) for answer in refused] == [(s, [None, None]) for s in (403, 401, 401)]
    for path in ("/health/live", "/openapi.json", "/none"):
        assert quota(alice.request("GET", path)) == [None, None]
    assert quota(alice.request("OPTIONS", alice.tasks)) == [None, None]
    assert left(alice.get()) == 4
    assert left(bob.get()) == 4


def test_window_begins_anew(start, new_client):
    client = new_client(port=start(RATE_LIMIT="2/second").port)
    statuses = set()
    for _ in range(50):
        answer = client.get()
        statuses.add(answer.status)
        if answer.status == 429:
            assert int(answer.headers["Retry-After"]) >= 1
            time.sleep(int(answer.headers["Retry-After"]))
            assert client.get().status == 200
            break
    assert statuses == {200, 429}


def send_at_once(port, token, user_id, requests):
    """Send requests over as many connections, eight at a time, and return how many were answered with each status."""

    def send(_):
        with closing(Client(port, token=token, user_id=user_id)) as client:
            return client.get().status

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(send, range(requests)))
    return {status: statuses.count(status) for status in set(statuses)}


def test_workers_count_together_in_redis(start, redis, secret):
    server = start(WORKERS=2, RATE_LIMIT="20/hour", RATE_LIMIT_STORAGE=redis.url)
    for user_id in ("of-redis-1", "of-redis-2"):
        token = make_token(secret, user_id=user_id)
        assert send_at_once(server.port, token, user_id, 60) == {200: 20, 429: 40}
    assert "WARNING" not in server.log.read_text()


@pytest.mark.parametrize("trouble", [signal.SIGKILL, signal.SIGSTOP])
def test_without_redis_requests_go_on(start, redis, new_client, trouble):
    """Each worker counts for itself until Redis is there again."""
    server = start(**LIMIT, RATE_LIMIT_STORAGE=redis.url)
    alice, bob = (new_client(port=server.port) for _ in range(2))
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
def test_every_request_of_the_moment_redis_goes_down_is_answered(start, redis, secret, trouble):
    server = start(RATE_LIMIT="1000/hour", RATE_LIMIT_STORAGE=redis.url)
    token = make_token(secret, user_id="of-the-moment")
    assert send_at_once(server.port, token, "of-the-moment", 8) == {200: 8}
    redis.process.send_signal(trouble)
    assert send_at_once(server.port, token, "of-the-moment", 24) == {200: 24}
    assert "Traceback" not in server.log.read_text()


def test_redis_that_is_down_at_the_start_harms_nothing(start, new_client):
    server = start(**LIMIT, RATE_LIMIT_STORAGE=f"redis://127.0.0.1:{free_port()}")
    client = new_client(port=server.port)
    assert [client.get().status for _ in range(6)] == [200] * 5 + [429]


@pytest.mark.parametrize(("workers", "warnings"), [(1, 0), (2, 1)])
def test_separate_counts_are_warned_of(start, workers, warnings):
    log = start(**LIMIT, WORKERS=workers).log.read_text()
    assert log.count("RATE_LIMIT is counted by each of 2 workers for itself") == warnings


def test_limit_stands_right_behind_every_guard(settings):
    app = create_app(Settings().load({**settings, **LIMIT}))
    guarded = [guards for guards in app.before_request_funcs.values() if authorize in guards]
    assert guarded
    for guards in guarded:
        assert guards[guards.index(authorize) + 1].__module__ == "taskapp.http.rate_limit"


def test_unset_it_is_not_even_imported():
    """The limit costs those who have none nothing."""
    code = "import sys; import taskapp, taskapp.server.hooks; sys.exit(any('limit' in name for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_unset_there_is_neither_limit_nor_header(alice, app):
    assert "limiter" not in app.extensions
    for _ in range(10):
        answer = alice.get()
        assert (answer.status, quota(answer)) == (200, [None, None])
