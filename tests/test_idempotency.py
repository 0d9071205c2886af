"""Retries: a write with a key happens once, whatever happens on the way."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from taskapp.database import execute
from tests.client import Client, raw
from tests.processes import Gunicorn, at_port, connect, flask, run_sql, text_url, wait_until
from tests.proxy import MessageProxy

WRITES = {
    "POST": ("POST", "", {"json": {"title": "once", "description": "🙂", "completed": True}}),
    "PUT": ("PUT", "/{}", {"json": {"title": "changed"}}),
    "PATCH": ("PATCH", "/{}", {"json": {"description": "changed"}}),
    "complete": ("PATCH", "/{}/complete", {"json": {"completed": True}}),
    "toggle": ("PATCH", "/{}/complete", {}),
    "DELETE": ("DELETE", "/{}", {}),
}


@pytest.fixture(params=WRITES)
def operation(request):
    return WRITES[request.param]


def write(client, operation, task_id, key, **headers):
    method, path, options = operation
    return client.request(
        method, client.tasks + path.format(task_id), headers={"Idempotency-Key": key, **headers}, **options
    )


def same(first, again):
    """The second answer is the first, and says that it is a repetition."""
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Location"] == first.headers["Location"]
    assert first.headers["Idempotency-Replayed"] is None
    assert again.headers["Idempotency-Replayed"] == "true"
    return True


def test_repeated_write_answers_as_the_first_and_writes_nothing(alice, operation):
    task = alice.create(title="before")
    first = write(alice, operation, task["id"], "key")
    assert first.status in (200, 201)
    after = alice.get().data
    for form in ("key", '"key"', "key"):
        assert same(first, write(alice, operation, task["id"], form))
    assert alice.get().data == after


def test_repeated_write_answers_as_the_first_after_the_task_moved_on(alice):
    task = alice.create(title="before")
    first = write(alice, WRITES["PUT"], task["id"], "key")
    alice.put(f"/{task['id']}", json={"title": "later"})
    assert same(first, write(alice, WRITES["PUT"], task["id"], "key"))
    alice.delete(f"/{task['id']}")
    assert same(first, write(alice, WRITES["PUT"], task["id"], "key"))


def test_key_and_condition_go_together(alice, operation):
    created = alice.post(json={"title": "before"})
    task_id, etag = created.data["id"], created.headers["ETag"]
    first = write(alice, operation, task_id, "key", **{"If-Match": etag})
    assert same(first, write(alice, operation, task_id, "key", **{"If-Match": etag}))
    if operation[0] not in ("POST", "DELETE"):
        assert write(alice, operation, task_id, "other", **{"If-Match": etag}).status == 412


@pytest.mark.parametrize("key", ["x", "!" * 255, "a,b", "ключ".encode().hex(), "';--", "%s%(x)s", "a\\b", 'a"b'])
def test_key_of_visible_ascii_is_taken(alice, key):
    first = write(alice, WRITES["POST"], 0, key)
    assert first.status == 201
    assert same(first, write(alice, WRITES["POST"], 0, key))
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert same(first, write(alice, WRITES["POST"], 0, quoted))


@pytest.mark.parametrize(
    "key", ["", " ", '""', "x" * 256, "a b", "é", "a\tb", '"', '"a', '"a" "b"', '"a","b"', '"a";x=1', '"a\\b"', '"a b"']
)
def test_malformed_key_is_named_and_nothing_written(alice, key):
    answer = write(alice, WRITES["POST"], 0, key.encode("latin-1"))
    assert answer.status == 422
    assert list(answer.error["details"]) == ["Idempotency-Key"]
    assert alice.get().data == []


def test_keys_in_several_headers_are_no_key(alice, server):
    body = b'{"title": "x"}'
    head = f"POST {alice.tasks} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {alice.token}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    request = f'{head}Idempotency-Key: "a"\r\nIdempotency-Key: "b"\r\n\r\n'
    assert raw(server.port, request.encode() + body).error["details"].keys() == {"Idempotency-Key"}
    assert alice.get().data == []


def test_key_on_a_read_is_ignored(alice):
    for key in ("x", "", "a b"):
        assert alice.get("", headers={"Idempotency-Key": key}).status == 200


def test_key_of_another_request_is_refused(alice):
    task = alice.create(title="before")
    other = alice.create(title="other")
    write(alice, WRITES["PUT"], task["id"], "key")
    others = [
        ("PUT", f"/{task['id']}", {"json": {"title": "another"}}),
        ("PUT", f"/{other['id']}", {"json": {"title": "changed"}}),
        ("PATCH", f"/{task['id']}", {"json": {"title": "changed"}}),
        ("DELETE", f"/{task['id']}", {}),
        ("POST", "", {"json": {"title": "changed"}}),
    ]
    before = alice.get().data
    for method, path, options in others:
        answer = alice.request(method, alice.tasks + path, headers={"Idempotency-Key": "key"}, **options)
        assert (answer.status, answer.error["details"]) == (422, {"Idempotency-Key": ["Was used for another request."]})
    assert alice.get().data == before


def test_keys_belong_to_their_user(alice, bob):
    assert write(alice, WRITES["POST"], 0, "key").status == 201
    answer = write(bob, WRITES["POST"], 0, "key")
    assert (answer.status, answer.headers["Idempotency-Replayed"]) == (201, None)
    assert answer.data["user_id"] == bob.user_id


def test_what_wrote_nothing_is_not_remembered(alice):
    assert alice.post(json={"title": ""}, headers={"Idempotency-Key": "key"}).status == 422
    assert write(alice, WRITES["DELETE"], 0, "key").status == 404
    task = alice.create()
    assert write(alice, WRITES["PUT"], task["id"], "key", **{"If-Match": '"9"'}).status == 412
    first = write(alice, WRITES["POST"], 0, "key")
    assert (first.status, first.headers["Idempotency-Replayed"]) == (201, None)


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


def test_keys_are_behind_the_second_wall(app, alice, bob):
    write(alice, WRITES["POST"], 0, "key")
    everything = text("SELECT user_id FROM idempotency_keys")
    with app.app_context():
        assert {row.user_id for row in execute(everything, {}, user_id=alice.user_id)} == {alice.user_id}
        assert execute(everything, {}, user_id=bob.user_id) == []
        assert execute(everything, {}, user_id="") == []


@pytest.fixture
def owned(postgres, new_database, reach, secret):
    """A database whose owner is no superuser and does not bypass row-level security."""
    run_sql(postgres.url, "DROP ROLE IF EXISTS plain_owner; CREATE ROLE plain_owner LOGIN NOSUPERUSER CREATEROLE")
    run_sql(postgres.url, "GRANT taskapp_user TO plain_owner")
    url = new_database(owner="plain_owner")
    yield {"DATABASE_URL": text_url(reach(url)), "JWT_SECRET": secret}, url.set(username="postgres")
    run_sql(postgres.url, f"DROP DATABASE {url.database} WITH (FORCE)")


def count(url):
    return run_sql(url, "SELECT count(*) FROM idempotency_keys")[0][0]


def age(url):
    run_sql(url, "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second'")


def test_expired_keys_are_purged_by_whoever_writes_next(owned, tmp_path, new_client):
    settings, url = owned
    with Gunicorn(tmp_path / "log", **settings, WORKERS=1) as server:
        alice, bob = new_client(port=server.port), new_client(port=server.port)
        write(alice, WRITES["POST"], 0, "key")
        first = write(alice, WRITES["POST"], 0, "key")
        assert first.headers["Idempotency-Replayed"] == "true"
        age(url)
    with Gunicorn(tmp_path / "log", **settings, WORKERS=1) as server:
        bob = new_client(port=server.port)
        write(bob, WRITES["POST"], 0, "key")
        wait_until(lambda: count(url) == 1, "expired keys stay")


def test_purge_command_removes_expired_keys_alone(owned):
    settings, url = owned
    for user_id in ("alice", "bob"):
        for key, hours in [("old", 25), ("new", 23)]:
            values = f"('{user_id}', '{key}', '', '{{}}', now() - interval '{hours} hours')"
            run_sql(url, f"INSERT INTO idempotency_keys VALUES {values}")
    many = "SELECT 'carol', n::text, '', '{}', now() - interval '2 days' FROM generate_series(1, 20000) n"
    run_sql(url, f"INSERT INTO idempotency_keys {many}")
    result = flask("idempotency", "purge", **settings)
    assert result.stdout == "20002 expired keys purged.\n"
    assert run_sql(url, "SELECT DISTINCT key FROM idempotency_keys") == [("new",)]
