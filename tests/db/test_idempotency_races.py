"""Retries while the first request runs, or after its server was killed: the write happens once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.support.postgres import connect, run_sql
from tests.support.proxy import MessageProxy
from tests.support.retries import WRITES, assert_replayed, write
from tests.support.urls import at_port
from tests.support.waiting import wait_until


@pytest.mark.parametrize("operation", WRITES.values(), ids=WRITES)
def test_racing_requests_with_one_key_write_once(alice, new_client, operation):
    """Fifty at once over all workers: equal responses, or that the first is still running."""
    task = alice.create(title="before")
    before = len(alice.get().data)
    racers = [new_client(alice.user_id) for _ in range(50)]
    with ThreadPoolExecutor(len(racers)) as threads:
        for number in range(3):
            responses = list(threads.map(lambda racer, n=number: write(racer, operation, task["id"], f"k{n}"), racers))
            written = [response for response in responses if response.status != 409]
            if operation[0] == "DELETE" and number:
                assert {response.status for response in written} == {404}
                continue
            assert {(response.status, response.body) for response in written} == {(written[0].status, written[0].body)}
            assert [response.headers["Idempotency-Replayed"] for response in written].count(None) == 1
            assert all(response.headers["Retry-After"] for response in responses if response.status == 409)
            assert_replayed(
                next(response for response in written if not response.headers["Idempotency-Replayed"]),
                write(alice, operation, task["id"], f"k{number}"),
            )
    expected = {"POST": before + 3, "DELETE": before - 1}.get(operation[0], before)
    assert len(alice.get().data) == expected


def test_request_while_the_first_is_running_is_a_conflict(alice, new_client, database_url):
    task = alice.create(title="before")
    blocker = connect(database_url)
    blocker.autocommit = False
    blocker.cursor().execute("SELECT 1 FROM tasks WHERE id = %s FOR UPDATE", [task["id"]])
    first = {}

    def run():
        first["response"] = write(new_client(alice.user_id), WRITES["PUT"], task["id"], "key")

    thread = threading.Thread(target=run)
    thread.start()
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%idempotency%%'"
    wait_until(lambda: run_sql(database_url, waiting), f"the first request does not wait: {first}")
    response = write(alice, WRITES["PUT"], task["id"], "key")
    assert (response.status, response.error["code"], response.headers["Retry-After"]) == (409, "CONFLICT", "1")
    blocker.rollback()
    blocker.close()
    thread.join()
    assert_replayed(first["response"], write(alice, WRITES["PUT"], task["id"], "key"))


def test_key_that_another_coordinator_stored_meanwhile_is_known(alice, new_client, database_url):
    """Its advisory locks are its own, so the primary key finds out. The write is then sent again, and finds the key."""
    other = connect(database_url)
    other.autocommit = False
    values = [alice.user_id, "key", b"of another request"]
    insert = "INSERT INTO idempotency_keys (user_id, key, fingerprint, result) VALUES (%s, %s, %s, '{}')"
    other.cursor().execute(insert, values)
    with ThreadPoolExecutor(1) as thread:
        late = thread.submit(lambda: write(new_client(alice.user_id), WRITES["POST"], 0, "key"))
        waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'transactionid' AND query LIKE '%%idempotency%%'"
        wait_until(lambda: run_sql(database_url, waiting), "the write does not wait")
        other.commit()
        other.close()
        response = late.result()
    assert (response.status, list(response.error["details"])) == (422, ["Idempotency-Key"])
    assert alice.get().data == []


@pytest.fixture(scope="module")
def proxied(database_endpoint, database_url, start_module_server):
    """A proxy, and a function that starts servers behind it, with one connection each."""
    with MessageProxy(database_endpoint.socket) as proxy:
        url = at_port(proxy.port, database_url, sslmode="disable")
        yield proxy, partial(start_module_server, DATABASE_URL=url, WORKERS=1, THREADS=1)


def test_messages_of_a_write_with_a_key(proxied):
    proxy, start = proxied
    client = start().client()
    write(client, WRITES["POST"], 0, "makes-the-connection-and-purges")
    for name, operation in WRITES.items():
        task = client.create()
        proxy.wait_until_quiet()
        assert proxy.during(lambda o=operation, t=task, n=name: write(client, o, t["id"], n)) == {"Q": 1}
        assert proxy.during(lambda o=operation, t=task, n=name: write(client, o, t["id"], n)) == {"Q": 1}


def write_without_response(client, operation, task_id, key):
    with pytest.raises(OSError, match=r"refused|reset|closed"):
        write(client, operation, task_id, key)


@pytest.mark.slow
@pytest.mark.parametrize("operation", [WRITES[name] for name in ("POST", "toggle", "DELETE")])
def test_server_killed_between_write_and_response(proxied, operation):
    proxy, start = proxied
    server = start()
    client = server.client()
    task = client.create(title="before")
    proxy.wait_until_quiet()  # The first write of a process starts a purge.
    proxy.hold_responses()
    thread = threading.Thread(target=write_without_response, args=(client, operation, task["id"], "key"))
    thread.start()
    wait_until(lambda: proxy.held, "the database does not respond")
    server.kill()
    thread.join()
    proxy.release_responses()
    again = start().client(client.user_id)
    response = write(again, operation, task["id"], "key")
    assert response.headers["Idempotency-Replayed"] == "true"
    method = operation[0]
    remaining = again.get().data
    assert len(remaining) == {"POST": 2, "DELETE": 0}.get(method, 1)
    if method != "DELETE":
        assert response.data == remaining[0]
        assert method == "POST" or response.headers["ETag"] == '"2"'  # Written once.
