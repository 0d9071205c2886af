"""Two layers of tenant isolation: the WHERE of every statement, and row-level security. Each holds by itself.

``tests/db/test_row_level_security.py`` tests the second one by itself.
"""

import contextlib
import re
from datetime import UTC, datetime, timedelta

import pytest
from psycopg2.errors import DivisionByZero
from sqlalchemy import select, text

from taskapp.db import db
from taskapp.db.errors import DatabaseNotSetUp
from taskapp.db.execute import execute
from taskapp.tasks.models import Task
from taskapp.tasks.orders import SORTS
from tests.support.bulk_user import assert_bulk_writes_keep_users_apart
from tests.support.calendars import CALENDAR, assert_feeds_keep_users_apart, calendars_of, subscribe
from tests.support.importing import assert_imports_keep_users_apart
from tests.support.postgres import run_sql
from tests.support.webhooks import WEBHOOK, add, webhooks_of

# What the error says that does not exist, if it is no task.
CODES = {
    "bulk": "NOT_APPLIED",
    **{f"{name}s": f"{name.upper()}_NOT_FOUND" for name in ("tag", "change", "calendar", "webhook")},
}


def each_route(user_id, task_id, number, calendar_id, webhook_id):
    """Every operation on a task and a write of one user, as a method, a path and what to send."""
    tasks, tags, changes_of, calendars, webhooks = (
        f"/api/{user_id}/{it}" for it in ("tasks", "tags", "changes", "calendars", "webhooks")
    )
    changes = {"json": {"title": "changed", "description": "changed", "completed": True}}
    return [
        ("GET", tasks, {}),
        ("GET", tags, {}),
        ("GET", f"{tasks}/stats?time_zone=Europe/Berlin", {}),
        ("GET", f"{tasks}?status=pending&sort=due&count=true&fields=id&as_of=now", {}),
        ("GET", f"/api/{user_id}/changes?after=0", {}),
        ("GET", f"/api/{user_id}/trash", {}),
        ("GET", calendars, {}),
        ("POST", calendars, {"json": CALENDAR}),
        ("GET", webhooks, {}),
        ("POST", webhooks, {"json": WEBHOOK}),
        ("POST", tasks, {"json": {"title": "intruder"}}),
        ("POST", f"{tasks}/import", {"body": b"title\n", "headers": {"Content-Type": "text/csv"}}),
        ("POST", f"{tasks}/bulk", {"json": {"operations": [{"op": "delete", "id": task_id}]}}),
        ("PATCH", f"{tags}?name=secret", {"json": {"name": "changed"}}),
        ("DELETE", f"{tags}?name=secret", {}),
        ("GET", f"{tasks}/{task_id}", {}),
        ("PUT", f"{tasks}/{task_id}", changes),
        ("PATCH", f"{tasks}/{task_id}", changes),
        ("PATCH", f"{tasks}/{task_id}/complete", {}),
        ("PATCH", f"{tasks}/{task_id}/complete", {"json": {"completed": True}}),
        ("DELETE", f"{tasks}/{task_id}", {}),
        ("GET", f"{tasks}/{task_id}/history", {}),
        ("POST", f"{tasks}/{task_id}/restore", {}),
        ("GET", f"{changes_of}/{number}", {}),
        ("POST", f"{changes_of}/{number}/undo", {}),
        ("GET", f"{calendars}/{calendar_id}", {}),
        ("PATCH", f"{calendars}/{calendar_id}", {"json": {"name": "changed"}}),
        ("DELETE", f"{calendars}/{calendar_id}", {}),
        ("GET", f"{webhooks}/{webhook_id}", {}),
        ("PATCH", f"{webhooks}/{webhook_id}", {"json": {"url": "https://intruder.example/"}}),
        ("POST", f"{webhooks}/{webhook_id}/rotate", {}),
        ("POST", f"{webhooks}/{webhook_id}/replay", {"json": {"after": 0}}),
        ("DELETE", f"{webhooks}/{webhook_id}", {}),
        ("DELETE", f"/api/{user_id}?confirm={user_id}", {}),
    ]


def assert_each_route_keeps_users_apart(alice, bob):
    gone = bob.create(tags=["secret"])
    deletion = bob.delete(f"/{gone['id']}").headers["Change"]
    task = bob.create(tags=["secret"], due_date="2026-01-01", completed=True)
    (calendar,) = subscribe(bob) and bob.request("GET", calendars_of(bob)).data
    (webhook,) = add(bob) and bob.request("GET", webhooks_of(bob)).data
    for task_id, number in ((task["id"], task["version"]), (gone["id"], deletion)):
        for method, path, options in each_route(bob.user_id, task_id, number, calendar["id"], webhook["id"]):
            assert alice.request(method, path, **options).error["code"] == "FORBIDDEN"
        *routes, erasure = each_route(alice.user_id, task_id, number, calendar["id"], webhook["id"])
        for method, path, options in routes[12:]:
            code = next((CODES[part] for part in re.split("[/?]", path)[3:5] if part in CODES), "TASK_NOT_FOUND")
            assert alice.request(method, path, **options).error["code"] == code, path
        assert alice.request(erasure[0], erasure[1]).data["tasks"] == 0
    assert bob.request("GET", calendars_of(bob)).data == [calendar]
    assert bob.request("GET", webhooks_of(bob)).data == [webhook]
    assert alice.get().data == []
    assert alice.request("GET", alice.tags).data == []
    assert alice.request("GET", alice.trash).data == []
    assert [each["id"] for each in bob.request("GET", bob.trash).data] == [gone["id"]]
    assert len(bob.request("GET", f"{bob.changes}/{deletion}").data) == 1
    today = datetime.now(UTC).date()
    days = f"&from={today}&before={today + timedelta(1)}"
    for user, number in ((alice, 0), (bob, 1)):
        counts = user.get(f"/stats?time_zone=UTC{days}").data
        assert (counts["total"], counts["completed"]) == (number, number)
        assert counts["days"] == [{"date": str(today), "created": number, "completed": number}]
    assert bob.request("GET", bob.tags).data == [{"name": "secret", "pending": 0, "total": 1}]
    assert bob.get().data == [task]
    feeds = [each.request("GET", f"/api/{each.user_id}/changes?after=0").data for each in (alice, bob)]
    assert [[entry["task_id"] for entry in feed] for feed in feeds] == [[], [gone["id"], gone["id"], task["id"]]]
    for as_of, newest in (("0", 0), ("2", 2), ("3", 3), ("now", 3)):
        then = bob.get(f"?as_of={as_of}&count=true").json
        assert (then["data"], then["as_of"]) == ([task] if newest == 3 else [], newest)
    assert [alice.get(f"?as_of={number}").status for number in (0, 1)] == [200, 410]
    bob.put(f"/{task['id']}", json={"title": "later"})
    assert bob.get("?as_of=3").data == [task]
    task = bob.get(f"/{task['id']}").data
    for sort in SORTS:
        for status in ("pending", "completed") if "completed_at" not in sort else ("completed",):
            lists = [each.get(f"?status={status}&sort={sort}&count=true&tagged=true").json for each in (alice, bob)]
            assert [each["pagination"]["total"] for each in lists] == [0, status == "completed"]
            assert [each["data"] for each in lists] == [[], [task] if status == "completed" else []]


def assert_equal_numbers_keep_users_apart(alice, bob):
    """Both users have writes of the same numbers, of one task and of several."""
    tasks = {user: [user.create(title=user.user_id, tags=["a"]) for _ in range(2)] for user in (alice, bob)}
    for user, (task, *_) in tasks.items():
        entries = user.request("GET", f"{user.changes}/{task['version']}").data
        history = user.get(f"/{task['id']}/history").data
        assert [entry["task_id"] for entry in entries + history] == [task["id"]] * 2
    number = alice.request("PATCH", f"{alice.tags}?name=a", json={"name": "b"}).headers["Change"]
    before = bob.get().data
    assert len(alice.request("GET", f"{alice.changes}/{number}").data) == 2
    assert {result["task_id"] for result in alice.undo(number).data["results"]} == {task["id"] for task in tasks[alice]}
    assert bob.get().data == before


def test_imports_keep_users_apart(alice, bob):
    assert_imports_keep_users_apart(alice, bob)


def test_bulk_writes_keep_users_apart(alice, bob):
    assert_bulk_writes_keep_users_apart(alice, bob)


def test_equal_numbers_keep_users_apart(alice, bob):
    assert_equal_numbers_keep_users_apart(alice, bob)


def test_each_route_keeps_users_apart(alice, bob):
    assert_each_route_keeps_users_apart(alice, bob)


def test_each_route_is_every_route_there_is(app):
    listed = {
        (method, path.split("?")[0])
        for method, path, _ in each_route("{user_id}", "{task_id}", "{number}", "{calendar_id}", "{webhook_id}")
    }
    there = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api")
    }
    assert listed == there


def test_response_is_the_same_whether_the_other_user_exists(alice, bob):
    task = bob.create()
    responses = [
        alice.request("GET", f"/api/{user_id}/tasks/{task_id}")
        for user_id, task_id in [(bob.user_id, task["id"]), (bob.user_id, 1), ("never-seen", 1)]
    ]
    errors = [{**response.error, "request_id": None} for response in responses]
    assert errors[0] == errors[1] == errors[2]
    missing = [alice.get(f"/{task_id}").error["message"] for task_id in (task["id"], 2**62)]
    assert missing[0] == missing[1]


def test_every_api_route_has_the_guard(app):
    """Without a token every method of every route under /api is a 401, except OPTIONS."""
    routes = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api")]
    assert len(routes) >= 7
    http = app.test_client()
    for rule in routes:
        path = rule.build(
            {"user_id": "somebody", "task_id": "1", "number": "1", "calendar_id": "1", "webhook_id": "1"},
            append_unknown=False,
        )[1]
        for method in rule.methods - {"OPTIONS"}:
            assert http.open(path, method=method).status_code == 401, (method, rule.rule)


# The first layer by itself: row-level security is switched off.


@pytest.fixture(scope="module")
def open_server(new_database, via_pooler, start_module_server):
    """A server on a database whose row-level security is switched off."""
    url = new_database()
    for table in ("tasks", "changes", "idempotency_keys", "calendars", "webhooks"):
        run_sql(url, f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    return start_module_server(DATABASE_URL=via_pooler(url))


def test_where_alone_keeps_users_apart(open_server):
    alice, bob = open_server.client(), open_server.client()
    assert_each_route_keeps_users_apart(alice, bob)
    assert_equal_numbers_keep_users_apart(open_server.client(), open_server.client())
    assert_bulk_writes_keep_users_apart(open_server.client(), open_server.client())
    assert_feeds_keep_users_apart(open_server.client(), open_server.client())
    assert_imports_keep_users_apart(open_server.client(), open_server.client())
    assert alice.request("GET", "/health/ready").error["details"].keys() == {"row_level_security"}


# A request leaves nothing on its connection.


def test_nothing_of_a_request_is_left_on_its_connection(app, alice):
    session = (
        "SELECT current_user, session_user, current_setting('app.user_id', true), current_setting('statement_timeout'),"
        " current_setting('TimeZone'), current_setting('DateStyle'), current_setting('row_security'),"
        " current_setting('search_path'), pg_backend_pid()"
    )

    def look():
        with contextlib.closing(db.engine.raw_connection()) as connection, connection.cursor() as cursor:
            cursor.execute(session)
            return cursor.fetchone()

    with app.app_context():
        db.engine.dispose()
        before = look()
        execute(select(Task.__table__), {}, user_id=alice.user_id)
        with pytest.raises(DatabaseNotSetUp):
            execute(text("SELECT * FROM alembic_version"), {}, user_id=alice.user_id)
        with pytest.raises(DivisionByZero):
            execute(text("SELECT 1 / 0"), {}, user_id=alice.user_id)
        after = look()
    assert before[-1] == after[-1]  # The same connection,
    assert before[0] == before[1] == after[0] == after[1]  # as itself again,
    assert not after[2]  # as no user,
    assert before[3:] == after[3:]  # with its original settings.


def test_requests_of_many_users_on_one_connection_never_mix(open_server, new_client):
    for make_client in (open_server.client, new_client):
        users = [make_client() for _ in range(10)]
        tasks = [user.create(title=user.user_id) for user in users]
        for _ in range(3):
            for user, task in zip(users, tasks, strict=True):
                assert user.get().data == [task]
