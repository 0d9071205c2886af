"""The work of a feed: two short scans of an index, however many tasks there are, and none without the calendar."""

import pytest

from taskapp.db import execute as execute_module
from tests.support.calendars import CALENDAR
from tests.support.in_process import LocalUser
from tests.support.postgres import connect, run_sql

pytestmark = pytest.mark.slow

INDEX = "ix_tasks_user_id_due_order_id"
FILL = """
INSERT INTO tasks (user_id, title, due_date, due_order, completed)
SELECT 'user-' || u, n, day, day + time '24:00', n %% 4 = 0
FROM generate_series(1, %s) u, generate_series(1, %s) n, LATERAL (SELECT current_date + n %% 5000 - 2500) d (day)
"""


@pytest.fixture(scope="module", params=[(1, 100_000), (200, 500)], ids=["one user", "200 users"])
def filled(request, new_database):
    url = new_database()
    run_sql(url, FILL, request.param)
    run_sql(url, "VACUUM ANALYZE tasks")
    return url


@pytest.fixture(scope="module")
def user(filled, make_app, via_pooler, secret):
    return LocalUser(make_app(DATABASE_URL=via_pooler(filled), THREADS=1), secret, "user-1")


@pytest.fixture(scope="module")
def path(user):
    url = user.send("POST", resource="calendars", json=CALENDAR).json["data"]["url"]
    return url.removeprefix("http://localhost")


def scans_of_tasks(monkeypatch, url, user, path):
    """The scans of the table by which a feed is read, as they were done."""
    messages, send = [], execute_module._execute_on

    def record(connection, message, *rest):
        messages.append(message)
        return send(connection, message, *rest)

    monkeypatch.setattr(execute_module, "_execute_on", record)
    status = user.app.test_client().get(path).status_code
    (message,) = messages
    prefix, with_, statement = message.text.partition("WITH ")
    values = {**message.values, "statement_timeout": "0"}
    with connect(url) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"{prefix}EXPLAIN (ANALYZE, FORMAT JSON) {with_}{statement}", values)
        ((plan,),) = cursor.fetchall()
    return status, [node for node in nodes(plan[0]["Plan"]) if node.get("Relation Name") == "tasks"]


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def index_of(scan):
    """The index that a scan uses. A bitmap heap scan reads what the scan of an index below it has found."""
    (bitmap,) = scan["Plans"] if scan["Node Type"] == "Bitmap Heap Scan" else (scan,)
    return bitmap.get("Index Name")


def test_feed_reads_the_nearest_tasks_by_an_index(monkeypatch, filled, user, path):
    status, scans = scans_of_tasks(monkeypatch, filled, user, path)
    assert status == 200
    assert [index_of(scan) for scan in scans] == [INDEX] * 2
    assert max(scan["Actual Rows"] for scan in scans) <= 1000


def test_wrong_token_reads_no_task(monkeypatch, filled, user, path):
    status, scans = scans_of_tasks(monkeypatch, filled, user, f"{path[:-6]}AA.ics")
    assert status == 404
    assert {scan["Actual Loops"] for scan in scans} == {0}
