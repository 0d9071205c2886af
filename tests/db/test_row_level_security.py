"""The second layer of tenant isolation by itself: row-level security holds for statements without a user in WHERE."""

import pytest
from psycopg2.errors import InsufficientPrivilege
from sqlalchemy import delete, func, insert, select, text, update

from taskapp.db import db
from taskapp.db.errors import DatabaseNotSetUp
from taskapp.db.execute import execute
from taskapp.db.prefix import ACTING_ROLE
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task
from taskapp.tasks.representation import CREATABLE_FIELDS, WRITABLE_FIELDS
from taskapp.tasks.webhooks.models import Webhook
from tests.support.postgres import run_sql


@pytest.fixture
def two_users(alice, bob):
    return alice.create(title="alice's"), bob.create(title="bob's")


def test_without_where_only_rows_of_the_user_are_read(app, alice, two_users):
    with app.app_context():
        rows = execute(select(Task.id), {}, user_id=alice.user_id)
        assert [task_id for (task_id,) in rows] == [two_users[0]["id"]]
        assert execute(select(func.count()).select_from(Task), {}, user_id=alice.user_id)[0][0] == 1


def test_without_where_only_rows_of_the_user_are_written(app, alice, bob, two_users):
    with app.app_context():
        changed = execute(update(Task.__table__).values(title="all").returning(Task.id), {}, user_id=alice.user_id)
        assert [task_id for (task_id,) in changed] == [two_users[0]["id"]]
        deleted = execute(delete(Task.__table__).returning(Task.id), {}, user_id=alice.user_id)
        assert [task_id for (task_id,) in deleted] == [two_users[0]["id"]]
    assert alice.get().data == []
    assert bob.get().data == [two_users[1]]


def test_rows_of_others_cannot_be_inserted(app, alice, bob):
    statement = insert(Task.__table__).values(user_id=bob.user_id, title="planted").returning(Task.id)
    with app.app_context(), pytest.raises(InsufficientPrivilege, match="row-level security"):
        execute(statement, {}, user_id=alice.user_id)
    assert bob.get().data == []


def test_statement_without_a_user_sees_and_writes_nothing(app, alice, bob, two_users):
    table = Task.__table__
    with app.app_context():
        for nobody in ("", None):
            assert execute(select(table), {}, user_id=nobody) == []
            assert execute(update(table).values(title="x").returning(table.c.id), {}, user_id=nobody) == []
            assert execute(delete(table).returning(table.c.id), {}, user_id=nobody) == []
            with pytest.raises(InsufficientPrivilege):
                execute(
                    insert(table).values(user_id=alice.user_id, title="x").returning(table.c.id), {}, user_id=nobody
                )
        # The same through Flask-SQLAlchemy, which bypasses execute().
        assert db.session.execute(select(table)).all() == []
        with db.engine.connect() as connection:
            assert connection.execute(text("SELECT * FROM tasks")).all() == []
            assert connection.execute(text("SELECT current_user")).scalar() == ACTING_ROLE
    assert alice.get().data + bob.get().data == list(two_users)


def test_row_level_security_does_not_hold_against_injected_sql(app, alice, bob, two_users):
    """The limit of this layer, as the documentation has it: an expression may change the acting user."""
    injected = text(
        "WITH other AS MATERIALIZED (SELECT set_config('app.user_id', :other, true))"
        " SELECT tasks.id FROM other, tasks WHERE other.set_config = tasks.user_id"
    )
    with app.app_context():
        rows = execute(injected, {"other": bob.user_id}, user_id=alice.user_id)
    assert rows == [(two_users[1]["id"],)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tasks SET id = DEFAULT",
        "UPDATE tasks SET user_id = current_setting('app.user_id')",
        "UPDATE tasks SET created_at = now()",
        "TRUNCATE tasks",
        "ALTER TABLE tasks DISABLE ROW LEVEL SECURITY",
        "DROP POLICY owner ON tasks",
        "UPDATE idempotency_keys SET result = '{}'",
        "DELETE FROM idempotency_keys",
        "UPDATE changes SET after = '{}'",
        "DELETE FROM changes",
        "TRUNCATE changes",
        "UPDATE calendars SET secret_hash = ''",
        "UPDATE calendars SET user_id = current_setting('app.user_id')",
        "UPDATE webhooks SET user_id = current_setting('app.user_id')",
        "UPDATE webhooks SET created_at = now()",
        "INSERT INTO webhooks (user_id, url, secret, number, upto) VALUES ('', 'https://x.example', '', 0, 1)",
        "SELECT * FROM alembic_version",
        "UPDATE alembic_version SET version_num = '0'",
        "CREATE TABLE planted ()",
        "SELECT nextval(pg_get_serial_sequence('tasks', 'id'))",
    ],
)
def test_acting_role_cannot(app, alice, statement):
    alice.create()
    with app.app_context(), pytest.raises(DatabaseNotSetUp, match=r"permission denied|must be owner"):
        execute(text(statement), {}, user_id=alice.user_id)


def test_acting_role_reaches_no_other_table(database_url):
    tables = run_sql(
        database_url,
        "SELECT relname FROM pg_class WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema)'"
        " AND relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND has_any_column_privilege(%s, oid, 'SELECT, INSERT, UPDATE')",
        [ACTING_ROLE],
    )
    assert sorted(tables) == [("calendars",), ("changes",), ("idempotency_keys",), ("tasks",), ("webhooks",)]


def test_acting_role_may_write_only_what_may_change(database_url):
    granted = run_sql(
        database_url,
        "SELECT table_name, privilege_type, array_agg(column_name::text ORDER BY column_name::text)"
        " FROM information_schema.column_privileges WHERE grantee = %s AND privilege_type IN ('INSERT', 'UPDATE')"
        " GROUP BY 1, 2 ORDER BY 1, 2",
        [ACTING_ROLE],
    )
    derived = ["completed_at", "due_order", "remind_at", "reminded_at"]
    restored = ["id", "created_at", "updated_at", "version"]
    of_a_calendar = sorted(["name", "time_zone", "as", "alarm_minutes"])
    assert granted == [
        ("calendars", "INSERT", sorted(["user_id", "secret_hash", *of_a_calendar])),
        ("calendars", "UPDATE", of_a_calendar),
        ("changes", "INSERT", sorted(Change.__table__.columns.keys())),
        ("idempotency_keys", "INSERT", ["created_at", "fingerprint", "key", "result", "user_id"]),
        ("tasks", "INSERT", sorted(["user_id", *CREATABLE_FIELDS, *WRITABLE_FIELDS, *derived, *restored])),
        ("tasks", "UPDATE", sorted([*WRITABLE_FIELDS, *derived, "updated_at", "version"])),
        ("webhooks", "INSERT", sorted(["user_id", "url", "secret", "enabled", "number"])),
        ("webhooks", "UPDATE", sorted({*Webhook.__table__.columns.keys()} - {"id", "user_id", "created_at"})),
    ]


def test_every_table_of_users_has_a_policy_for_all_commands(database_url):
    """Any table with a user_id, whoever adds it, is protected by row-level security."""
    unguarded = run_sql(
        database_url,
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'user_id'"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity"
        " AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid"
        " AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL AND p.polcmd = '*'))",
    )
    assert unguarded == []
