"""Behind PgBouncer in transaction mode: users share a few connections to the server, but no data and no session."""

import contextlib
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from sqlalchemy import text

from taskapp.db.execute import execute
from taskapp.http.errors import DatabaseUnavailable
from tests.support.pooler import POOL_SIZE, PgBouncer
from tests.support.postgres import connect, run_sql
from tests.support.proxy import MessageProxy
from tests.support.urls import at_port, through
from tests.support.waiting import wait_until
from tests.tasks.test_one_message import assert_each_operation_is_one_message

USERS, ROUNDS = 200, 2
MARK = re.compile(r"user-[0-9a-f]{12}")
SESSION = (
    "SELECT current_user, current_setting('role'), current_setting('app.user_id', true),"
    " current_setting('statement_timeout'), pg_backend_pid()"
)
UNTOUCHED = ("postgres", "none", "", "0")


@pytest.fixture(scope="module")
def url(pooler, new_database):
    """A database of its own, and so a pool of its own."""
    return through(pooler, new_database())


@pytest.fixture
def own_pooler(postgres, tmp_path):
    """A pooler of its own, to be broken."""
    with PgBouncer(tmp_path, postgres.url) as pooler:
        yield pooler


@contextlib.contextmanager
def all_connections_held(url):
    """Hold each of the pool's connections in a transaction; yields what the session of each looks like."""
    clients = [connect(url) for _ in range(POOL_SIZE)]
    with contextlib.ExitStack() as open_clients:
        sessions = []
        for client in clients:
            open_clients.callback(client.close)
            client.autocommit = False
            cursor = client.cursor()
            cursor.execute(SESSION)
            sessions.append(cursor.fetchone())
        assert len({backend for *_, backend in sessions}) == POOL_SIZE
        yield [tuple(session) for *session, _ in sessions]
        for client in clients:
            client.rollback()  # Where a client leaves within a transaction, the pooler closes the connection.


def pool_of(pooler, url):
    """How many clients wait for the database, and how many connections to it there are."""
    row = next(row for row in pooler.show("POOLS") if row["database"] == url.database)
    return row["cl_waiting"], sum(row[name] for name in row if name.startswith("sv_"))


def use_everything(client, key):
    """Use every operation as one user, whose id is in all written text; no response has the id of another."""
    mark = client.user_id

    def own(response, status=200):
        assert response.status == status, response.body
        assert set(MARK.findall(response.body.decode())) <= {mark}, f"{mark} was shown {response.body}"
        return response.data

    def titles(query=""):
        return [task["title"].removeprefix(mark) for task in own(client.get(query))]

    def create(title):
        task = {"title": mark + title, "description": mark}
        return own(client.post(json=task, headers={"Idempotency-Key": key + title}), 201)["id"]

    kept, gone = create("-kept"), create("-gone")
    assert create("-kept") == kept  # The same key for all users, and to each the result of its own.
    assert own(client.get(f"/{kept}"))["title"] == f"{mark}-kept"
    assert own(client.put(f"/{kept}", json={"title": f"{mark}-put"}))["title"] == f"{mark}-put"
    assert own(client.patch(f"/{kept}", json={"completed": True}))["completed"]
    assert not own(client.patch(f"/{kept}/complete"))["completed"]
    assert titles("?sort=id") == ["-put", "-gone"]
    assert titles("?q=user-&status=pending&sort=title") == ["-gone", "-put"]
    own(client.delete(f"/{gone}"))
    assert client.get(f"/{gone}").status == 404
    assert titles() == ["-put"]
    own(client.delete(f"/{kept}"))


def test_two_hundred_users_share_five_connections(pooler, url, start_server):
    def use(user):
        for number in range(ROUNDS):
            use_everything(user, f"key-{number}")

    # Which worker a connection comes to is chance, so each could take them all.
    server = start_server(DATABASE_URL=url, REQUEST_TIMEOUT=30, WORKERS=4, THREADS=USERS)
    users = [server.client() for _ in range(USERS)]
    with ThreadPoolExecutor(USERS) as threads:
        assert all(response.data == [] for response in threads.map(lambda user: user.get(), users))
        with all_connections_held(url):
            using = [threads.submit(use, user) for user in users]
            wait_until(lambda: pool_of(pooler, url) == (USERS, POOL_SIZE), lambda: str(pool_of(pooler, url)))
        while not all(use.done() for use in using):
            assert pool_of(pooler, url)[1] <= POOL_SIZE
            time.sleep(0.1)
        for use in using:
            use.result()
    server.stop()
    with all_connections_held(url) as sessions:
        assert set(sessions) == {UNTOUCHED}


def test_setting_for_the_session_would_be_left_to_others(own_pooler, url):
    """What the test above looks for is there to be found: a session is not cleaned between two clients."""
    through_own = through(own_pooler, url)
    run_sql(through_own, "SELECT set_config('app.user_id', 'alice', false)")
    with all_connections_held(through_own) as sessions:
        assert ("postgres", "none", "alice", "0") in sessions


def test_startup_takes_what_the_service_sends_and_no_more(url, make_app):
    with pytest.raises(psycopg2.OperationalError, match="unsupported startup parameter"):
        connect(url, options="-c statement_timeout=1")
    with make_app(DATABASE_URL=url).app_context():
        assert execute(text("SELECT current_setting('application_name')"), {}, user_id="")[0][0] == "taskapp"


def test_operation_is_one_message_to_the_server_too(postgres, url, start_server, tmp_path):
    """The pooler adds no message to those of the service."""
    with (
        MessageProxy(postgres.socket) as proxy,
        PgBouncer(tmp_path, at_port(proxy.port, postgres.url)) as pooler,
    ):
        server = start_server(DATABASE_URL=through(pooler, url))
        user = server.client()
        user.get()
        proxy.wait_until_quiet()
        assert_each_operation_is_one_message(proxy, user)
        server.stop()


def test_write_that_timed_out_in_the_queue_is_not_done(url, make_app):
    app = make_app(DATABASE_URL=url, REQUEST_TIMEOUT=1)
    insert = text("INSERT INTO tasks (user_id, title) VALUES ('given-up', 'x') RETURNING id")
    with app.app_context():
        execute(text("SELECT 1"), {}, user_id="")
        with all_connections_held(url), pytest.raises(DatabaseUnavailable):
            execute(insert, {}, user_id="given-up")
        assert len(execute(insert, {}, user_id="given-up")) == 1  # Whatever was queued before it has had its turn.
    assert run_sql(url, "SELECT count(*) FROM tasks WHERE user_id = 'given-up'") == [(1,)]


def test_restart_of_the_pooler_is_at_worst_unavailable(own_pooler, url, start_server):
    """Connections are cut under load, and for a while there are none: 503, and then success again."""
    server = start_server(DATABASE_URL=through(own_pooler, url))
    with ThreadPoolExecutor(20) as threads:
        users = [server.client() for _ in range(20)]
        over = threading.Event()

        def use(user):
            statuses = Counter()
            while not over.is_set():
                statuses[user.post(json={"title": user.user_id}).status] += 1
                statuses[user.get("?limit=1").status] += 1
            return statuses

        using = [threads.submit(use, user) for user in users]
        for _ in range(3):
            time.sleep(0.5)
            own_pooler.stop()
            time.sleep(0.3)
            own_pooler.start()
        time.sleep(0.5)
        over.set()
        statuses = sum((use.result() for use in using), Counter())
        assert statuses.keys() <= {200, 201, 503}
        assert {user.get().status for user in users} == {200}
