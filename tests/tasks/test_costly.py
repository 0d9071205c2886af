"""Requests whose work grows with all tasks of the user: one at a time, and within a share of the timeout."""

from functools import partial

import pytest

from taskapp.http.concurrency import claim_thread
from tests.support.in_process import LocalUser
from tests.support.postgres import connect, locked_tasks, run_sql

OPERATIONS = {
    "list tags": ("GET", "tags", {}),
    "rename a tag": ("PATCH", "tags?name=home", {"json": {"name": "house"}}),
    "remove a tag": ("DELETE", "tags?name=home", {}),
    "count": ("GET", "tasks/stats?time_zone=UTC", {}),
    "search": ("GET", "tasks?q=x", {}),
    "list as of a number": ("GET", "tasks?as_of=0", {}),
    "list as of a time": ("GET", "tasks?as_of=2026-01-01T00:00:00Z", {}),
    "trash": ("GET", "trash", {}),
    "write many": ("POST", "tasks/bulk", {"json": {"operations": [{"op": "delete", "id": 1}]}}),
    "write all that match": (
        "POST",
        "tasks/bulk",
        {"json": {"filter": {"tags_any": ["home"]}, "op": "update", "tags": ["house"], "max_affected": 9}},
    ),
}
FILE = {"data": b'{"title": "x"}', "content_type": "application/x-ndjson"}
OPERATIONS["import"] = ("POST", "tasks/import", FILE)
QUICK = [
    *(("GET", path, {}) for path in ("tasks", "tasks?limit=5", "tasks?as_of=now", "tasks?as_of=")),
    *(("GET", path, {}) for path in ("changes?after=0&limit=1000", "tasks/1", "tasks/1/history", "changes/1")),
    *(("GET", path, {}) for path in ("calendars", "calendars/1", "webhooks", "webhooks/1")),
    *(("POST", path, {}) for path in ("calendars", "tasks", "tasks/1/restore", "changes/1/undo")),
    *(("POST", path, {}) for path in ("webhooks", "webhooks/1/rotate", "webhooks/1/replay")),
]


def send(user, operation):
    method, path, options = operation
    headers = {"Authorization": user._authorization}
    return user.app.test_client().open(f"/api/{user.user_id}/{path}", method=method, headers=headers, **options)


@pytest.fixture
def claims(app, secret):
    """Sends a request, and returns whether it claimed its thread as a costly one."""
    user, claimed = LocalUser(app, secret), []

    def claim(_user_id, *, costly):
        claimed.append(costly)

    def send_and_look(operation):
        token = claim_thread.set(claim)
        try:
            send(user, operation)
        finally:
            claim_thread.reset(token)
        return claimed.pop()

    return send_and_look


def test_operations_that_read_all_tasks_are_costly(claims):
    assert {name: claims(operation) for name, operation in OPERATIONS.items()} == dict.fromkeys(OPERATIONS, True)
    assert [claims(operation) for operation in QUICK] == [False] * len(QUICK)


@pytest.fixture(scope="module")
def hurried(make_app, secret):
    """Makes users of a service with a short timeout."""
    return partial(LocalUser, make_app(REQUEST_TIMEOUT=1), secret)


@pytest.mark.parametrize("name", ["list tags", "count", "trash"])
def test_read_that_takes_too_long_is_stopped(hurried, database_url, name):
    with locked_tasks(database_url):
        response = send(hurried(), OPERATIONS[name])
    assert (response.status_code, response.json["error"]["code"]) == (422, "OPERATION_TOO_SLOW")
    assert "Retry-After" not in response.headers


@pytest.mark.parametrize("name", ["rename a tag", "remove a tag", "write all that match"])
def test_write_that_takes_too_long_changes_nothing(hurried, database_url, name):
    user = hurried()
    first, last = (send(user, ("POST", "tasks", {"json": {"title": "t", "tags": ["home"]}})).json["data"] for _ in "12")
    with connect(database_url) as blocker, blocker.cursor() as cursor:
        blocker.autocommit = False
        cursor.execute("SELECT 1 FROM tasks WHERE id = %s FOR UPDATE", [last["id"]])
        response = send(user, OPERATIONS[name])
    blocker.close()
    assert (response.status_code, response.json["error"]["code"]) == (422, "OPERATION_TOO_SLOW")
    assert send(user, ("GET", "tasks", {})).json["data"] == [last, first]
    assert run_sql(database_url, "SELECT max(number) FROM changes WHERE user_id = %s", [user.user_id]) == [(2,)]
    done = send(user, OPERATIONS[name]).json["data"]
    assert done.get("tasks", len(done.get("results", ()))) == 2
