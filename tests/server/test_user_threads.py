"""One user never holds up the others: each has at most a quarter of a worker's threads, and one search at a time."""

import contextlib
import statistics
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from taskapp.http.concurrency import TooManyConcurrentRequests
from taskapp.server.user_threads import Postponed, UserThreads
from tests.support.postgres import locked_tasks, run_sql
from tests.support.servers import connection_to, own_worker, read_to_end, request_of
from tests.support.waiting import timed

PATIENCE = 2.5  # A quarter of the default REQUEST_TIMEOUT.
COSTLY = "b" + "a" * 199  # The worst search over texts of a's: each place of each text agrees with all but its start.


def send_at_once(server, user_id, count, path="", **options):
    """Send a request on as many connections at once, and return the responses and how long each took."""
    ready = threading.Barrier(count)

    def send(_):
        with server.client(user_id) as client:
            client.request("GET", "/health/live")
            ready.wait()
            return timed(lambda: client.get(path, **options))

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(send, range(count)))


def assert_too_many(response):
    assert (response.status, response.error["code"], response.headers["Retry-After"]) == (429, "RATE_LIMITED", "1")
    assert "in progress" in response.error["message"]


def test_burst_of_quick_requests_is_served(server):
    responses = send_at_once(server, "burst", 40)
    assert Counter(response.status for response, _ in responses) == {200: 40}


@pytest.fixture
def service(start_server):
    """A service with one worker, in which a user has one of four threads."""
    service = start_server(WORKERS=1, THREADS=4)
    yield service
    service.stop()
    assert "Traceback" not in service.log.read_text()


@own_worker
@pytest.mark.slow
@pytest.mark.alone
def test_user_whose_requests_wait_leaves_the_threads_to_others(service, database_url):
    alice, bob = service.client(), service.client()
    task = alice.create(title="kept")
    with ThreadPoolExecutor(8) as pool:

        def change(_):
            with service.client(alice.user_id) as client:
                return timed(lambda: client.put(f"/{task['id']}", json={"title": "changed"}))

        with locked_tasks(database_url):
            changes = [pool.submit(change, number) for number in range(8)]
            time.sleep(0.3)
            for _ in range(20):  # They need a thread, but no table.
                response, seconds = timed(lambda: bob.post(json={"title": ""}))
                assert (response.status, seconds < 0.9) == (422, True)
            time.sleep(PATIENCE + 0.6)  # The others have been rejected by now.
    results = [each.result() for each in changes]
    rejected = [(response, seconds) for response, seconds in results if response.status == 429]
    assert Counter(response.status for response, _ in results) == {200: 1, 429: 7}
    for response, seconds in rejected:
        assert_too_many(response)
        assert PATIENCE - 0.1 < seconds < PATIENCE + 0.6
    assert alice.get(f"/{task['id']}").headers["ETag"] == '"2"'  # Only one took effect.


@own_worker
@pytest.mark.slow
@pytest.mark.alone
def test_user_whose_bodies_do_not_arrive_leaves_the_threads_to_others(service):
    alice, bob = service.client(), service.client()
    bob.get()
    head, _, body = request_of(alice, method="POST", body=b'{"title": "late"}', close=True).partition(b"\r\n\r\n")
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(connection_to(service)) for _ in range(5)
        ]  # One more than there are threads.
        for connection in connections:
            connection.sendall(head + b"\r\n\r\n" + body[:5])
            time.sleep(0.1)
        for _ in range(5):
            assert timed(bob.get)[1] < 0.9
        for connection in connections[:2]:  # The second has waited, without a thread, and is handled from the start.
            connection.sendall(body[5:])
        for connection in connections[:2]:
            assert read_to_end(connection).startswith(b"HTTP/1.1 201 ")
    assert len(alice.get().data) == 2


@own_worker
@pytest.mark.slow
def test_rate_limit_counts_a_request_that_waited_once(start_server):
    server = start_server(WORKERS=1, THREADS=4, RATE_LIMIT="30/hour")
    responses = send_at_once(server, "counted", 30)
    assert Counter(response.status for response, _ in responses) == {200: 30}
    with server.client("counted") as client:
        assert client.get().headers["RateLimit"].startswith('"default";r=0;')


@pytest.fixture(scope="module")
def attacked(start_module_server, database_url):
    """A service with the default settings, and a user whose searches are as costly as they can be."""
    server = start_module_server()
    server.wait_for_workers()
    run_sql(
        database_url,
        "INSERT INTO tasks (user_id, title, description) SELECT 'mallory', 'a', repeat('a', 1000)"
        " FROM generate_series(1, 20000)",
    )
    run_sql(database_url, "VACUUM ANALYZE tasks")
    return server


def latencies(client, path, seconds):
    """How long requests to a path take, one after the other."""
    until, taken = time.monotonic() + seconds, []
    while time.monotonic() < until:
        response, duration = timed(lambda: client.request("GET", path))
        assert response.status == 200
        taken.append(duration)
        time.sleep(0.01)
    return taken


@own_worker
@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("path", ["/api/honest/tasks", "/health/ready"])
def test_forty_costly_searches_hold_up_nobody(attacked, path):
    stop, responses = threading.Event(), []

    def attack(_):
        with attacked.client("mallory") as mallory:
            while not stop.is_set():
                responses.append(mallory.get(f"?q={COSTLY}"))

    honest = attacked.client("honest")
    honest.create()
    latencies(honest, path, 1)
    alone = latencies(honest, path, 4)
    with ThreadPoolExecutor(40) as pool:
        attackers = [pool.submit(attack, number) for number in range(40)]
        time.sleep(1)
        beside = latencies(honest, path, 8)
        stop.set()
        assert [attacker.result() for attacker in attackers] == [None] * 40
    # On a quiet machine 1.4 to 1.8 times. The floors are for what a busy one adds.
    assert statistics.quantiles(beside, n=100)[-1] < 5 * max(0.1, statistics.quantiles(alone, n=100)[-1])
    assert statistics.median(beside) < 5 * max(0.01, statistics.median(alone))
    rejected = [response for response in responses if response.status == 429]
    assert rejected
    for response in rejected:
        assert_too_many(response)
    assert {response.status for response in responses} <= {200, 422, 429}


@pytest.mark.slow
def test_search_has_a_deadline_of_its_own(start_server, attacked):
    with start_server(REQUEST_TIMEOUT=1).client("mallory") as mallory:
        response = mallory.get(f"?q={COSTLY}")
        assert (response.status, response.error["code"]) == (422, "OPERATION_TOO_SLOW")
        assert list(response.error["details"]) == ["q"]
        assert "Retry-After" not in response.headers
        assert len(mallory.get("?q=a&limit=10").data) == 10
    assert "Traceback" not in attacked.log.read_text()


# The bookkeeping by itself.


class Requests:
    """Requests with their connections, as the worker has them."""

    def __init__(self, threads=8, patience=0.0):
        self.resumed = []
        self.users = UserThreads(threads, patience, self.resumed.append)

    def start(self, user="alice", *, costly=False):
        conn = SimpleNamespace(claim=None, gave_up=False)
        try:
            self.users.claim(conn, user, costly=costly)
        except Postponed as postponed:
            self.users.wait(conn, postponed.claim)
        return conn


def test_quarter_is_counted_per_user():
    requests = Requests()
    running = [requests.start(), requests.start(), requests.start("bob")]
    assert all(conn.claim for conn in running)
    waiting = requests.start()
    assert waiting.claim is None
    requests.users.release(running[0])
    assert requests.resumed == [waiting]
    requests.users.claim(waiting, "alice", costly=False)
    for conn in [*running[1:], waiting]:
        requests.users.release(conn)
    assert requests.users._users == {}


def test_costly_request_waits_for_the_other_while_the_rest_goes_on():
    requests = Requests()
    first = requests.start(costly=True)
    second = requests.start(costly=True)
    quick = requests.start()
    assert (bool(first.claim), bool(second.claim), bool(quick.claim)) == (True, False, True)
    requests.users.release(quick)
    assert requests.resumed == []
    requests.users.release(first)
    assert requests.resumed == [second]


def test_request_that_has_waited_for_too_long_is_rejected():
    requests = Requests(threads=1)
    running, *waiting = [requests.start() for _ in range(5)]  # One more than there are threads.
    requests.users.reject_impatient()
    assert requests.resumed == waiting
    for conn in waiting:
        with pytest.raises(TooManyConcurrentRequests):
            requests.users.claim(conn, "alice", costly=False)
    requests.users.release(running)
    assert requests.users._users == {}


def test_thread_that_became_free_meanwhile_is_taken_at_once():
    requests = Requests(threads=1)
    running = requests.start()
    late = SimpleNamespace(claim=None, gave_up=False)
    with pytest.raises(Postponed) as postponed:
        requests.users.claim(late, "alice", costly=False)
    requests.users.release(running)
    requests.users.wait(late, postponed.value.claim)
    assert requests.resumed == [late]
