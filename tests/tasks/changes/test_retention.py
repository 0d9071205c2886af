"""Changes are kept for HISTORY_DAYS, and a log never has a gap. The owner is no superuser."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from taskapp.tasks import service
from taskapp.tasks.changes import retention
from tests.support.commands import load_app
from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql
from tests.support.waiting import wait_until

DAYS = 10


@pytest.fixture
def url(owned):
    """For looking at everything. The log is empty."""
    run_sql(owned[1], "TRUNCATE changes, tasks")
    return owned[1]


@pytest.fixture
def app(owned, secret):
    """The service on that database, in this process."""
    app = load_app(DATABASE_URL=owned[0], JWT_SECRET=secret, HISTORY_DAYS=DAYS)
    with app.app_context():
        yield app


def write_log(url, user_id, count, *, age):
    """Give a user changes, each of a task of its own, over the last days; the newest change is now."""
    run_sql(
        url,
        "INSERT INTO changes (user_id, number, task_id, at, before)"
        " SELECT %(u)s, n, n, now() - %(age)s * interval '1 day' * (%(n)s - n) / %(n)s, '{\"title\": \"x\"}'"
        " FROM generate_series(1, %(n)s) n",
        {"u": user_id, "n": count, "age": age},
    )


def make_older(url, days):
    run_sql(url, "UPDATE changes SET at = at - %s * interval '1 day'", [days])


def logs(url):
    """The numbers of each user in order, with those of its markers."""
    found = {}
    for user_id, number, task_id in run_sql(
        url, "SELECT user_id, number, task_id FROM changes ORDER BY user_id, number"
    ):
        numbers, markers = found.setdefault(user_id, ([], []))
        numbers.append(number)
        markers.extend([number] if task_id == 0 else [])
    return found


def threads_named(name):
    return [thread for thread in threading.enumerate() if thread.name == name]


def expired(url):
    cutoff = f"at < now() - interval '{DAYS} days'"
    return run_sql(url, f"SELECT count(*) FROM changes WHERE task_id <> 0 AND {cutoff}")[0][0]


def assert_logs_are_suffixes(url, newest):
    """Each user has all changes after some number, and a marker only at the beginning."""
    found = logs(url)
    assert found.keys() == newest.keys()
    for user_id, (numbers, markers) in found.items():
        assert numbers == list(range(numbers[0], newest[user_id] + 1))
        assert set(markers) <= {numbers[0]}


@pytest.mark.usefixtures("app")
def test_boundary_is_the_age(url):
    write_log(url, "alice", 20, age=20)
    # Number 10 is 10 days old, and some milliseconds.
    assert retention.purge() == 10
    assert logs(url) == {"alice": (list(range(11, 21)), [])}
    assert retention.purge() == 0


@pytest.mark.usefixtures("app")
def test_newest_change_stays_and_becomes_a_marker(url):
    write_log(url, "alice", 3, age=1)
    write_log(url, "bob", 1, age=1)
    make_older(url, DAYS)
    assert retention.purge() == 4  # Three are gone or emptied, and bob's is emptied.
    assert logs(url) == {"alice": ([3], [3]), "bob": ([1], [1])}
    contents = "SELECT DISTINCT operation, task_id, previous, previous_at, undoes, before, after FROM changes"
    assert run_sql(url, contents) == [(None, 0, None, None, None, {}, {})]
    make_older(url, 365)
    assert retention.purge() == 0  # A user who never writes again keeps one marker.
    assert logs(url) == {"alice": ([3], [3]), "bob": ([1], [1])}


@pytest.mark.usefixtures("app")
def test_numbers_go_on_after_a_purge(url):
    task_id = service.create_task("alice", title="t").fields["id"]
    service.update_task("alice", task_id, title="u")
    service.delete_task("alice", task_id)
    make_older(url, DAYS)
    assert retention.purge() == 3
    assert service.create_task("alice", title="v").change == 4
    assert logs(url) == {"alice": ([3, 4], [3])}
    assert run_sql(url, "SELECT before, after ->> 'title' FROM changes ORDER BY number") == [({}, None), (None, "v")]


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(("users", "batch"), [(2, 1), (2, 3), (3, 7), (5, 100), (1000, 10_000)])
def test_log_has_no_gap_after_any_batch(url, monkeypatch, users, batch):
    monkeypatch.setattr(retention, "USERS", users)
    monkeypatch.setattr(retention, "BATCH", batch)
    chance = random.Random(batch)
    newest = {f"user-{n}": chance.randrange(1, 15) for n in range(8)}
    for user_id, count in newest.items():
        write_log(url, user_id, count, age=chance.choice([1, 15, 40]))
    make_older(url, 6)
    run_sql(
        url, "UPDATE changes SET at = at - interval '6 days' WHERE user_id > 'user-3'"
    )  # All of theirs are expired.
    batches = []
    send = retention.execute_as_login_role

    def check(*arguments):
        rows = send(*arguments)
        batches.append(rows)
        assert_logs_are_suffixes(url, newest)
        return rows

    monkeypatch.setattr(retention, "execute_as_login_role", check)
    before = expired(url)
    assert retention.purge() == before > 0
    assert len(batches) > 1 or users == 1000
    assert expired(url) == 0


def test_purges_and_writes_at_once_leave_no_gap(app, url):
    """Numbers are neither lost nor given twice."""
    writers = [f"writer-{n}" for n in range(4)]
    for user_id in writers:
        write_log(url, user_id, 2_000, age=1)
    make_older(url, DAYS)

    def write(user_id):
        with app.app_context():
            return [service.create_task(user_id, title="t").change for _ in range(25)]

    def purge(_):
        with app.app_context():
            return retention.purge()

    with ThreadPoolExecutor(7) as threads:
        written = [threads.submit(write, user_id) for user_id in writers]
        purged = [threads.submit(purge, n) for n in range(3)]
    assert [numbers.result() for numbers in written] == [list(range(2001, 2026))] * 4
    assert sum(count.result() for count in purged) in range(4 * 1999, 4 * 2000 + 1)
    assert_logs_are_suffixes(url, dict.fromkeys(writers, 2025))


def test_policy_protects_the_last_7_days(owned, url):
    """Whatever statement the owner sends, and whether it asks to see all changes or not."""
    write_log(url, "alice", 14, age=14)
    owner = url.set(username=owned[0].username)
    for ask in ("", "SELECT set_config('app.backfill', 'on', true); "):
        run_sql(owner, f"{ask}UPDATE changes SET task_id = 0; {ask}DELETE FROM changes")
        assert logs(url) == {"alice": (list(range(8, 15)), [])}
    assert run_sql(owner, "SELECT count(*) FROM changes") == [(0,)]
    assert run_sql(owner, "SELECT set_config('app.backfill', 'on', true); SELECT count(*) FROM changes") == [(7,)]


def test_log_is_append_only_for_the_acting_role(url):
    privileges = (
        "SELECT grantee, privilege_type, array_agg(column_name::text ORDER BY column_name)"
        " FROM information_schema.column_privileges WHERE table_name = 'changes' AND grantee LIKE 'taskapp%'"
        " GROUP BY 1, 2"
    )
    marker = ["after", "at", "before", "number", "task_id", "user_id"]
    columns = sorted([*marker, "operation", "previous", "previous_at", "undoes"])
    assert sorted(run_sql(url, privileges)) == [
        ("taskapp_courier", "SELECT", ["number", "user_id"]),
        ("taskapp_eraser", "INSERT", marker),
        ("taskapp_eraser", "SELECT", ["at", "number", "user_id"]),
        ("taskapp_user", "INSERT", columns),
        ("taskapp_user", "SELECT", columns),
    ]
    tables = "SELECT grantee, privilege_type FROM information_schema.table_privileges WHERE table_name = 'changes'"
    assert ("taskapp_user", "DELETE") not in run_sql(url, tables)
    assert ("taskapp_eraser", "DELETE") in run_sql(url, tables)


def test_next_write_purges(app, url, secret):
    write_log(url, "bob", 5, age=1)
    make_older(url, DAYS)
    alice = LocalUser(app, secret)
    app.extensions["purge_job"].due_at = 0
    alice.read()  # Starts nothing, so that a database without writes can sleep.
    assert threads_named("purge") == []
    assert expired(url) == 5
    alice.write()
    wait_until(lambda: logs(url)["bob"] == ([5], [5]), "Expired changes stay")
    make_older(url, DAYS)
    alice.write()
    assert threads_named("purge") == []  # Not before an hour is over.


def test_purge_command(app, url):
    write_log(url, "alice", 20, age=20)
    assert app.test_cli_runner().invoke(args=["history", "purge"]).output == "10 expired changes purged.\n"
    assert logs(url) == {"alice": (list(range(11, 21)), [])}
