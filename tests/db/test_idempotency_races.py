"""Retries while the first request runs, or after its server was killed: the write still happens once."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.client import Client
from tests.support.processes import Gunicorn, at_port, connect, run_sql, text_url, wait_until
from tests.support.proxy import MessageProxy
from tests.support.retries import WRITES, same, write


@pytest.mark.parametrize("operation", WRITES.values(), ids=WRITES)
def test_racing_requests_with_one_key_write_once(alice, server, operation):
    """Fifty at once over all workers: equal answers, or that the first is still running."""
    task = alice.create(title="before")
    before = len(alice.get().data)
    racers = [Client(server.port, token=alice.token, user_id=alice.user_id) for _ in range(50)]
    with ThreadPoolExecutor(len(racers)) as threads:
        for number in range(3):
            answers = list(threads.map(lambda racer, n=number: write(racer, operation, task["id"], f"k{n}"), racers))
            written = [answer for answer in answers if answer.status != 409]
            if operation[0] == "DELETE" and number:
                assert {answer.status for answer in written} == {404}
                continue
            assert {(answer.status, answer.body) for answer in written} == {(written[0].status, written[0].body)}
            assert [answer.headers["Idempotency-Replayed"] for answer in written].count(None) == 1
            assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 409)
            assert same(
                next(answer for answer in written if not answer.headers["Idempotency-Replayed"]),
                write(alice, operation, task["id"], f"k{number}"),
            )
    expected = {"POST": before + 3, "DELETE": before - 1}.get(operation[0], before)
    assert len(alice.get().data) == expected
    for racer in racers:
        racer.close()


def test_request_that_comes_while_the_first_is_running_is_a_conflict(alice, server, database_url):
    task = alice.create(title="before")
    blocker = connect(database_url)
    blocker.autocommit = False
    blocker.cursor().execute("SELECT 1 FROM tasks WHERE id = %s FOR UPDATE", [task["id"]])
    first = {}

    def run():
        client = Client(server.port, token=alice.token, user_id=alice.user_id)
        first["answer"] = write(client, WRITES["PUT"], task["id"], "key")
        client.close()

    thread = threading.Thread(target=run)
    thread.start()
    waiting = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%%idempotency%%'"
    wait_until(lambda: run_sql(database_url, waiting), f"the first request does not wait: {first}")
    answer = write(alice, WRITES["PUT"], task["id"], "key")
    assert (answer.status, answer.error["code"], answer.headers["Retry-After"]) == (409, "CONFLICT", "1")
    blocker.rollback()
    blocker.close()
    thread.join()
    assert same(first["answer"], write(alice, WRITES["PUT"], task["id"], "key"))


@pytest.fixture(scope="module")
def proxied(front, settings, database_url, tmp_path_factory):
    """Starts servers behind a proxy, with one connection each."""
    with MessageProxy(front.socket) as proxy, contextlib.ExitStack() as servers:
        url = at_port(proxy.port, database_url, sslmode="disable")
        single = {**settings, "DATABASE_URL": text_url(url), "WORKERS": 1, "THREADS": 1}

        def start():
            return servers.enter_context(Gunicorn(tmp_path_factory.mktemp("proxied") / "log", **single))

        yield proxy, start


def test_messages_of_a_write_with_a_key(proxied, new_client):
    proxy, start = proxied
    client = new_client(port=start().port)
    write(client, WRITES["POST"], 0, "makes-the-connection-and-purges")
    for name, operation in WRITES.items():
        task = client.create()
        proxy.wait_until_quiet()
        assert proxy.during(lambda o=operation, t=task, n=name: write(client, o, t["id"], n)) == {"Q": 1}
        assert proxy.during(lambda o=operation, t=task, n=name: write(client, o, t["id"], n)) == {"Q": 1}


def write_in_vain(client, operation, task_id, key):
    with pytest.raises(OSError, match=r"refused|reset|closed"):
        write(client, operation, task_id, key)


@pytest.mark.parametrize("operation", [WRITES[name] for name in ("POST", "toggle", "DELETE")])
def test_server_killed_between_write_and_answer(proxied, new_client, operation):
    proxy, start = proxied
    server = start()
    client = new_client(port=server.port)
    task = client.create(title="before")
    proxy.hold_answers()
    thread = threading.Thread(target=write_in_vain, args=(client, operation, task["id"], "key"))
    thread.start()
    wait_until(lambda: proxy.held, "the database does not answer")
    server.kill()
    thread.join()
    proxy.release_answers()
    again = new_client(client.user_id, port=start().port)
    answer = write(again, operation, task["id"], "key")
    assert answer.headers["Idempotency-Replayed"] == "true"
    method = operation[0]
    remaining = again.get().data
    assert len(remaining) == {"POST": 2, "DELETE": 0}.get(method, 1)
    if method != "DELETE":
        assert answer.data == remaining[0]
        assert method == "POST" or answer.headers["ETag"] == '"2"'  # Written once.
