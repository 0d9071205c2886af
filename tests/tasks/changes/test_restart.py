"""A rolling deployment with workers of the release before, which log nothing, and the restart of the logs after it."""

import contextlib
import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from taskapp.db.errors import IdempotencyKeyInUse
from taskapp.db.idempotency import RequestKey
from taskapp.tasks import service
from taskapp.tasks.changes import retention
from tests.support import previous_release as old
from tests.support.change_log import apply_change, read_log, stored_tasks
from tests.support.commands import load_app
from tests.support.postgres import connect, create_owner, locked_tasks, run_sql
from tests.support.waiting import wait_until

ROUNDS = 30


@pytest.fixture
def url(owned):
    run_sql(owned[1], "TRUNCATE changes, tasks, idempotency_keys")
    return owned[1]


@pytest.fixture
def app(owned, secret):
    app = load_app(DATABASE_URL=owned[0], JWT_SECRET=secret)
    with app.app_context():
        yield app


def new_worker(app, tasks):
    """Writes of this release: a row of id, version, title and whether it is completed, for each."""
    rows, toggled = [], []
    with app.app_context():
        for _ in range(ROUNDS):
            for task_id in tasks:
                written = service.update_task("alice", task_id, title=secrets.token_hex(4)).fields
                rows.append([written[name] for name in ("id", "version", "title", "completed")])
            written = service.complete_task("alice", tasks[0]).fields
            toggled.append(tasks[0])
            rows.append([written[name] for name in ("id", "version", "title", "completed")])
            written = service.create_task("alice", title="new").fields
            rows.append([written[name] for name in ("id", "version", "title", "completed")])
    return rows, toggled


def old_worker(url, tasks):
    """The same of the release before."""
    rows, toggled = [], []
    with old.old_worker(url, "alice") as send:
        for _ in range(ROUNDS):
            rows.extend(send(old.UPDATE, task_id=task_id, title=secrets.token_hex(4)) for task_id in tasks)
            rows.append(send(old.TOGGLE, task_id=tasks[0]))
            toggled.append(tasks[0])
            rows.append(send(old.CREATE, title="old"))
    return rows, toggled


@pytest.mark.slow
def test_both_releases_write_and_nothing_is_lost(app, url):
    with old.old_worker(url, "alice") as send:
        tasks = [send(old.CREATE, title="t")[0], service.create_task("alice", title="t").fields["id"]]
    with ThreadPoolExecutor(4) as threads:
        workers = [threads.submit(new_worker, app, tasks) for _ in range(2)]
        workers += [threads.submit(old_worker, url, tasks) for _ in range(2)]
    rows = [tuple(row) for worker in workers for row in worker.result()[0]]
    toggled = [task_id for worker in workers for task_id in worker.result()[1]]
    states = {(task_id, version): (title, completed) for task_id, version, title, completed in rows}
    assert len(rows) == len(states) == 4 * ROUNDS * 4, "Two states of a task have one version"
    newest = {}
    for task_id, version in sorted(states):
        newest[task_id] = (version, *states[task_id, version])
    stored = run_sql(url, "SELECT id, version, title, completed FROM tasks")
    assert {task_id: tuple(row) for task_id, *row in stored} == newest
    assert Counter(toggled)[tasks[0]] % 2 == newest[tasks[0]][2]
    # What is logged is true, although it is not everything.
    log = {entry["number"]: entry for entry in read_log(url, "alice")}
    assert len(log) == 2 * ROUNDS * 4 + 1
    for (task_id, version), (title, _) in states.items():
        entry = log.get(version)
        if entry and entry["task_id"] == task_id and "title" in entry["after"]:
            assert entry["after"]["title"] == title
            if (task_id, entry["previous"]) in states:
                assert entry["before"]["title"] == states[task_id, entry["previous"]][0]


@pytest.mark.slow
def test_key_writes_once_across_releases(app, url):
    """At the same time and one after the other, whichever comes first."""

    def new(number):
        with app.app_context():
            try:
                return service.create_task("alice", title="t", key=RequestKey(str(number), b"f"))
            except IdempotencyKeyInUse:
                return None

    def send_old(number):
        key = {"key": str(number), "fingerprint": b"f", "lock": old.lock_of("alice", str(number))}
        with old.old_worker(url, "alice") as send:
            try:
                return send(old.CREATE_ONCE, title="t", **key)
            except psycopg2.IntegrityError:  # That release tried again.
                return send(old.CREATE_ONCE, title="t", **key)

    with ThreadPoolExecutor(6) as threads:
        for number in range(20):
            calls = [threads.submit(send, number) for send in [new, send_old] * 3]
            assert any(call.result() for call in calls)
            assert new(number).replayed
            assert send_old(number)[3] is None
            assert run_sql(url, "SELECT count(*) FROM tasks") == [(number + 1,)]


@pytest.mark.usefixtures("app")
def test_task_of_an_old_worker_can_be_written(url):
    with old.old_worker(url, "alice") as send:
        task_id, version, *_ = send(old.CREATE, title="t")
        assert version == 1
        changed = service.update_task("alice", task_id, title="new")
        assert (changed.version, changed.change) == (2, 2)  # Number 1 was never logged.
        assert send(old.UPDATE, task_id=task_id, title="old")[1] == 3
        assert service.delete_task("alice", task_id).change == 4
    assert [entry["number"] for entry in read_log(url, "alice")] == [2, 4]


@pytest.mark.usefixtures("app")
def test_restart_makes_every_log_complete(url):
    """Also that of a user whose tasks were never logged. The next number follows the marker."""
    with old.old_worker(url, "never logged") as send:
        others = send(old.CREATE, title="t")[0]
        send(old.TOGGLE, task_id=others)
    task_id = service.create_task("alice", title="t").fields["id"]
    with old.old_worker(url, "alice") as send:
        for _ in range(5):
            send(old.TOGGLE, task_id=task_id)
    service.delete_task("bob", service.create_task("bob", title="t").fields["id"])
    assert retention.restart() == 3
    markers = "SELECT user_id, number, task_id, operation, previous, before, after FROM changes ORDER BY 1"
    assert run_sql(url, markers) == [
        ("alice", 1_000_006, 0, None, None, {}, {}),
        ("bob", 1_000_002, 0, None, None, {}, {}),
        ("never logged", 1_000_002, 0, None, None, {}, {}),
    ]
    for user_id, number in [("alice", 1_000_007), ("bob", 1_000_003), ("never logged", 1_000_003)]:
        mirror = stored_tasks(url, user_id)
        assert service.create_task(user_id, title="after").change == number
        for mine in list(mirror):
            service.update_task(user_id, mine, title="changed")
        marker, *log = read_log(url, user_id)
        assert [entry["number"] for entry in log] == list(range(number, number + len(log)))
        assert marker["at"] <= log[0]["at"]
        for entry in log:
            apply_change(mirror, entry)
        assert mirror == stored_tasks(url, user_id)


def test_restart_while_others_write_loses_no_number(app, url):
    def write(_):
        with app.app_context():
            return [service.create_task("alice", title="t").change for _ in range(30)]

    with ThreadPoolExecutor(3) as threads:
        writers = [threads.submit(write, n) for n in range(2)]
        for _ in range(3):
            retention.restart()
    numbers = sorted(number for writer in writers for number in writer.result())
    assert len(set(numbers)) == 60
    log = [entry["number"] for entry in read_log(url, "alice")]
    assert log == list(range(log[0], log[0] + len(log)))
    # The last write is the last entry, or came before the last restarts.
    assert max(numbers) in (log[-1], *(log[0] - restarts * 1_000_000 for restarts in (1, 2, 3)))


@pytest.mark.usefixtures("app")
def test_restart_ends_the_effect_of_a_clock_that_was_ahead(url):
    task_id = service.create_task("alice", title="t").fields["id"]
    run_sql(url, "UPDATE changes SET at = now() + interval '1 year'")
    is_ahead = "SELECT bool_or(at > now() + interval '1 minute') FROM changes"
    service.update_task("alice", task_id, title="changed")
    assert run_sql(url, is_ahead) == [(True,)]
    retention.restart()
    service.update_task("alice", task_id, title="changed again")
    assert run_sql(url, is_ahead) == [(False,)]


def test_restart_sees_a_write_that_was_in_progress(app, url):
    """It waits for it before it reads the numbers. The first task of a user would otherwise be without a marker."""

    def restart():
        with app.app_context():
            return retention.restart()

    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%LOCK TABLE%'"
    entry = "INSERT INTO changes (user_id, number, task_id, at, after) VALUES ('new', 1, 1, now(), '{}')"
    with contextlib.closing(connect(url)) as writer, writer.cursor() as cursor, ThreadPoolExecutor(1) as thread:
        cursor.execute(f"BEGIN; {entry}")
        restarted = thread.submit(restart)
        wait_until(lambda: run_sql(url, waiting) == [(1,)], "the restart does not wait")
        cursor.execute("COMMIT")
    assert restarted.result() == 1
    assert [entry["number"] for entry in read_log(url, "new")] == [1_000_001]


def test_commands_need_the_owner(owned, url, secret):
    run_sql(url, "CREATE ROLE guest LOGIN; GRANT taskapp_user TO guest")
    app = load_app(DATABASE_URL=owned[0].set(username="guest"), JWT_SECRET=secret)
    for command in ("restart", "purge"):
        result = app.test_cli_runner().invoke(args=["history", command])
        assert result.exit_code == 1
        assert result.output.startswith("Error: The database refused the command: the policies backfill_read of")
        assert "Run it as the owner of the tables" in result.output
    assert run_sql(url, "SELECT count(*) FROM changes") == [(0,)]


def test_owner_whom_the_policies_do_not_name_changes_nothing(owned, url, secret):
    """As after a restore as another role. Row-level security would hide the numbers that are to be kept."""
    create_owner(url, "new_owner")
    owner = owned[0].username
    run_sql(url, "INSERT INTO changes (user_id, number, task_id, at) VALUES ('alice', 7, 1, now())")
    run_sql(url, "ALTER TABLE changes OWNER TO new_owner; ALTER TABLE tasks OWNER TO new_owner")
    app = load_app(DATABASE_URL=owned[0].set(username="new_owner"), JWT_SECRET=secret)
    for command in ("restart", "purge"):
        result = app.test_cli_runner().invoke(args=["history", command])
        assert "the policies backfill_read of the tables changes and tasks are not for this role" in result.output
    assert run_sql(url, "SELECT number FROM changes") == [(7,)]
    run_sql(url, f"ALTER TABLE changes OWNER TO {owner}; ALTER TABLE tasks OWNER TO {owner}")


def test_command_that_takes_too_long_ends_in_a_sentence(owned, url, secret):
    app = load_app(DATABASE_URL=owned[0], JWT_SECRET=secret, REQUEST_TIMEOUT=0.5)
    with locked_tasks(url):
        result = app.test_cli_runner().invoke(args=["history", "restart"])
    assert result.exit_code == 1
    assert "Error: The database did not complete the command: canceling statement due to statement" in result.output


@pytest.mark.usefixtures("url")
def test_restart_command(app):
    service.create_task("alice", title="t")
    result = app.test_cli_runner().invoke(args=["history", "restart"])
    assert result.output == "1 logs restarted.\n"
