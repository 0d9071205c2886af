"""All data of a user is erased, and nothing of others."""

from urllib.parse import quote

import pytest
from psycopg2.errors import InsufficientPrivilege
from sqlalchemy import text

from taskapp.db.errors import DatabaseNotSetUp
from taskapp.db.execute import execute_as_eraser
from taskapp.db.prefix import ERASING_ROLE
from taskapp.tasks.users.tables import USER_TABLES
from tests.support.calendars import fetch, subscribe
from tests.support.change_log import read_log
from tests.support.postgres import run_sql
from tests.support.webhooks import add

NOTHING = {"tasks": 0, "changes": 0, "keys": 0, "calendars": 0, "webhooks": 0}
MARKER = {"task_id": 0, "operation": None, "previous": None, "undoes": None, "before": {}, "after": {}}


def erase(client, confirm=None, **options):
    confirm = quote(client.user_id if confirm is None else confirm, safe="")
    return client.request("DELETE", f"/api/{quote(client.user_id, safe='')}?confirm={confirm}", **options)


def fill(client):
    """Two tasks, one deleted, five changes, two keys, a calendar, a webhook."""
    task = client.create(title="secret", tags=["a"])
    client.put(f"/{task['id']}", json={"title": "other"}, headers={"Idempotency-Key": "k"})
    client.post(json={"title": "keyed"}, headers={"Idempotency-Key": "l"})
    client.delete(f"/{client.create()['id']}")
    subscribe(client)
    add(client)
    return task


def rows_of(url, user_id):
    return {
        table: run_sql(url, f"SELECT to_jsonb(t) FROM {table} t WHERE user_id = %s ORDER BY t::text", [user_id])
        for (table,) in tables_of_users(url)
    }


def tables_of_users(url):
    return run_sql(
        url,
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id'"
        " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition",
    )


def test_all_data_of_the_user_is_erased(alice, bob, database_url):
    task = fill(alice)
    fill(bob)
    others = rows_of(database_url, bob.user_id)
    response = erase(alice)
    erased = {"tasks": 2, "changes": 5, "keys": 2, "calendars": 1, "webhooks": 1}
    assert (response.status, response.json) == (200, {"data": erased})
    assert rows_of(database_url, bob.user_id) == others
    assert alice.get().data == []
    assert alice.request("GET", alice.tags).data == []
    assert alice.get(f"/{task['id']}").status == 404
    (marker,) = read_log(database_url, alice.user_id)
    assert MARKER.items() <= marker.items()
    assert marker["number"] == 6
    assert run_sql(database_url, "SELECT count(*) FROM idempotency_keys WHERE user_id = %s", [alice.user_id]) == [(0,)]


def test_feeds_of_the_user_end_at_once(alice, bob):
    paths = [subscribe(client) for client in (alice, bob)]
    erase(alice)
    assert [fetch(alice, path).status for path in paths] == [404, 200]


def test_every_table_with_data_of_users_is_erased(database_url):
    assert {table for (table,) in tables_of_users(database_url)} == {
        each.model.__tablename__ for each in USER_TABLES.values()
    }


def test_account_begins_again(alice):
    task = fill(alice)
    path, condition = f"/{task['id']}", {"If-Match": f'"{task["version"]}"'}
    assert erase(alice).status == 200
    first = alice.post(json={"title": "keyed"}, headers={"Idempotency-Key": "l"})
    assert (first.status, first.headers["Idempotency-Replayed"]) == (201, None)
    assert first.data["version"] == 7
    for headers in (condition, {**condition, "Prefer": "merge=disjoint"}):
        assert alice.put(path, json={"title": "x"}, headers=headers).status == 404
        for version in range(1, 7):
            sent = {**headers, "If-Match": f'"{version}"'}
            conflict = alice.put(f"/{first.data['id']}", json={"title": "x"}, headers=sent)
            assert (conflict.status, conflict.error["details"]["changed"]) == (412, None)
    assert alice.get().data == [first.data]


def test_erasure_of_nothing_leaves_nothing(alice, database_url):
    assert erase(alice).data == NOTHING
    assert read_log(database_url, alice.user_id) == []


def test_repeated_erasure_counts_the_marker_of_the_one_before(alice, database_url):
    fill(alice)
    erase(alice)
    assert erase(alice).data == {**NOTHING, "changes": 1}
    assert [entry["number"] for entry in read_log(database_url, alice.user_id)] == [7]


@pytest.mark.parametrize(
    "query", ["", "?confirm", "?confirm=", "?confirm=x", "?confirm={0}x", "?confirm={1}", "?confirm={0}+"]
)
def test_erasure_needs_the_user_id_again(alice, bob, database_url, query):
    fill(alice)
    before = rows_of(database_url, alice.user_id)
    response = alice.request("DELETE", f"/api/{alice.user_id}{query.format(alice.user_id, bob.user_id)}")
    assert (response.status, list(response.error["details"])) == (422, ["confirm"])
    assert rows_of(database_url, alice.user_id) == before


@pytest.mark.parametrize(
    ("query", "options", "name"),
    [
        ("?confirm={0}&confirm={0}", {}, "confirm"),
        ("?confirm={0}&force=true", {}, "force"),
        ("?confirm={0}", {"json": {"confirm": True}}, "confirm"),
        ("?confirm={0}&user_id=x", {}, "user_id"),
    ],
)
def test_anything_else_in_the_request_is_rejected(alice, database_url, query, options, name):
    fill(alice)
    before = rows_of(database_url, alice.user_id)
    response = alice.request("DELETE", f"/api/{alice.user_id}{query.format(alice.user_id)}", **options)
    assert (response.status, list(response.error["details"])) == (422, [name])
    assert rows_of(database_url, alice.user_id) == before


def test_user_id_with_odd_characters_is_confirmed(new_client):
    client = new_client("a b+c&d=ü%2F?#|auth0")
    client.create()
    assert erase(client, "a b c&d=ü%2F?#|auth0").status == 422
    assert erase(client).data == {**NOTHING, "tasks": 1, "changes": 1}


def test_another_user_cannot_erase(alice, bob):
    task = alice.create()
    path = f"/api/{alice.user_id}?confirm={alice.user_id}"
    assert bob.request("DELETE", path).error["code"] == "FORBIDDEN"
    assert bob.request("DELETE", path, token=None).error["code"] == "UNAUTHORIZED"
    assert alice.get().data == [task]


def test_path_of_a_user_has_this_method_only(alice):
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH"):
        response = alice.request(method, f"/api/{alice.user_id}")
        assert (response.status, set(response.headers["Allow"].split(", "))) == (405, {"DELETE", "OPTIONS"})
    assert alice.request("OPTIONS", f"/api/{alice.user_id}", token=None).status == 204
    assert alice.request("DELETE", f"/api/{alice.user_id}/?confirm={alice.user_id}").status == 404


def test_preference_and_key_have_no_effect(alice):
    fill(alice)
    headers = {"Idempotency-Key": "k", "Prefer": "merge=disjoint", "If-Match": '"1"'}
    assert erase(alice, headers=headers).data["tasks"] == 2
    assert erase(alice, headers=headers).data["tasks"] == 0


# The role.


def test_eraser_without_a_condition_reaches_nothing_of_others(app, alice, bob, database_url):
    fill(alice)
    fill(bob)
    others = rows_of(database_url, bob.user_id)
    with app.app_context():
        for model, *_ in USER_TABLES.values():
            table = model.__tablename__
            found = execute_as_eraser(text(f"SELECT DISTINCT user_id FROM {table}"), user_id=alice.user_id)
            assert found == [(alice.user_id,)]
            for nobody in ("", None):
                assert execute_as_eraser(text(f"DELETE FROM {table} RETURNING 1"), user_id=nobody) == []
            assert execute_as_eraser(text(f"DELETE FROM {table} RETURNING 1"), user_id=alice.user_id)
    assert rows_of(database_url, bob.user_id) == others
    assert not any(rows_of(database_url, alice.user_id).values())


def test_eraser_cannot_plant_a_marker_for_others(app, alice, bob):
    marker = text(
        "INSERT INTO changes (user_id, number, task_id, at, before, after)"
        " VALUES (:other, 1, 0, now(), '{}', '{}') RETURNING number"
    )
    compiled = marker.bindparams(other=bob.user_id)
    with app.app_context(), pytest.raises(InsufficientPrivilege, match="row-level security"):
        execute_as_eraser(compiled, user_id=alice.user_id)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT title FROM tasks",
        "SELECT before FROM changes",
        "SELECT result FROM idempotency_keys",
        "SELECT secret_hash FROM calendars",
        "SELECT secret FROM webhooks",
        "UPDATE webhooks SET url = 'https://x.example'",
        "UPDATE tasks SET title = 'x'",
        "UPDATE changes SET number = 1",
        "INSERT INTO tasks (user_id, title) VALUES (current_setting('app.user_id'), 'x')",
        "TRUNCATE changes",
        "SELECT * FROM alembic_version",
    ],
)
def test_eraser_can_do_nothing_else(app, alice, statement):
    alice.create()
    with app.app_context(), pytest.raises(DatabaseNotSetUp, match="permission denied"):
        execute_as_eraser(text(statement), user_id=alice.user_id)


def test_eraser_owns_nothing_and_cannot_log_in(database_url):
    role = run_sql(
        database_url,
        "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb,"
        " (SELECT count(*) FROM pg_class WHERE relowner = pg_roles.oid) FROM pg_roles WHERE rolname = %s",
        [ERASING_ROLE],
    )
    assert role == [(False, False, False, False, False, 0)]
