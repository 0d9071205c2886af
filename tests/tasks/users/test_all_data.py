"""Every table with data of users is erased, counted and exported; nothing of an erased user is left anywhere."""

import json
import secrets

import pytest

from taskapp.tasks.users import service
from taskapp.tasks.users.tables import USER_TABLES
from tests.support.in_process import LocalUser
from tests.support.postgres import run_sql
from tests.tasks.test_erasure import tables_of_users

# Every column of a row, whatever its type: as text, and bytes in hexadecimal digits.
MENTIONS = "SELECT count(*) FROM {0} t WHERE to_jsonb(t)::text LIKE ANY (%s) OR to_jsonb(t)::text LIKE %s"
EVERY_TABLE = (
    "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
)


def fill(user):
    """A row in each table, with the user's id in texts, too."""
    user.write(title=f"about {user.user_id}")
    user.write(f"key-of-{user.user_id}", title=user.user_id)
    task = user.write().json["data"]
    user.send("PUT", f"/{task['id']}", json={"tags": [user.user_id], "description": user.user_id})
    user.send("DELETE", f"/{task['id']}")
    user.send("POST", resource="calendars", json={"name": user.user_id, "time_zone": "UTC"})
    user.send("POST", resource="webhooks", json={"url": f"https://hooks.example.com/{user.user_id}"})


def places_that_mention(url, user_id):
    """The tables in which any column of any row has the id, with the numbers of such rows."""
    patterns = [f"%{user_id}%"], f"%{user_id.encode().hex()}%"
    found = {table: run_sql(url, MENTIONS.format(table), patterns)[0][0] for (table,) in run_sql(url, EVERY_TABLE)}
    assert {table for (table,) in tables_of_users(url)} <= found.keys()
    return {table: number for table, number in found.items() if number}


@pytest.fixture
def filled(app, secret):
    user = LocalUser(app, secret)
    fill(user)
    return user


def test_every_table_is_covered(app, filled, database_url):
    names = {table for (table,) in tables_of_users(database_url)}
    assert {table.model.__tablename__ for table in USER_TABLES.values()} == names
    with app.app_context():
        exported = {table for rows in service.export_rows(filled.user_id) for table, _ in rows}
        counted = {name: facts.number for name, facts in service.summarize_user(filled.user_id).tables.items()}
    assert exported == names
    assert all(counted.values())
    erased = filled.erase().json["data"]
    assert erased == counted


def test_each_table_has_its_key_and_its_time():
    for table in USER_TABLES.values():
        columns = table.model.__table__.columns
        assert [column.name for column in table.model.__table__.primary_key] == ["user_id", table.key]
        assert not columns[table.time].nullable
        assert {*table.hidden} <= {*columns.keys()}


@pytest.mark.parametrize("forget", [False, True])
def test_nothing_of_an_erased_user_is_left(app, filled, database_url, forget):
    before = places_that_mention(database_url, filled.user_id)
    assert before.keys() == {table.model.__tablename__ for table in USER_TABLES.values()}
    command = ["users", "erase", filled.user_id, "--yes", *(["--forget"] if forget else [])]
    assert app.test_cli_runner().invoke(args=command).exit_code == 0
    assert places_that_mention(database_url, filled.user_id) == ({} if forget else {"changes": 1})
    if not forget:
        columns = "SELECT (to_jsonb(t) - '{user_id,number,at}'::text[])::text FROM changes t WHERE user_id = %s"
        ((marker,),) = run_sql(database_url, columns, [filled.user_id])
        empty = {"operation": None, "task_id": 0, "previous": None, "previous_at": None, "undoes": None}
        assert json.loads(marker) == {**empty, "before": {}, "after": {}}


def test_search_finds_what_is_left(database_url):
    """Or the test before it would always pass."""
    other = f"user-{secrets.token_hex(6)}"
    assert places_that_mention(database_url, other) == {}
    for value in (other, f"x{other}x"):
        run_sql(
            database_url,
            "INSERT INTO idempotency_keys (user_id, key, fingerprint, result) VALUES ('x', %s, %s, %s)",
            [secrets.token_hex(), other.encode(), json.dumps({"a": [value]})],
        )
    assert places_that_mention(database_url, other) == {"idempotency_keys": 2}
    run_sql(database_url, "DELETE FROM idempotency_keys WHERE user_id = 'x'")
