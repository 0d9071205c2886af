"""The role that crosses users, grant by grant: it sees that something is due, never what, where to, or a secret."""

import contextlib

import pytest
from psycopg2.errors import InsufficientPrivilege

from taskapp.db.prefix import COURIER_ROLE
from taskapp.tasks.changes.models import Change
from taskapp.tasks.models import Task
from taskapp.tasks.webhooks.models import Webhook
from tests.support.calendars import create as create_calendar
from tests.support.postgres import connect, run_sql
from tests.support.webhooks import add, rotate

VISIBLE = {
    Webhook: ("user_id", "id", "number", "due_at", "enabled"),
    Change: ("user_id", "number"),
    # Only of reminders that are pending.
    Task: ("user_id", "remind_at", "reminded_at", "completed"),
}
REMINDER = {"at": "2099-01-01T00:00:00Z"}


def columns(model):
    return [column.name for column in model.__table__.columns]


def hidden(model):
    return [name for name in columns(model) if name not in VISIBLE[model]]


ALLOWED = [
    *(f"SELECT {name} FROM webhooks" for name in VISIBLE[Webhook]),
    *(f"SELECT {name} FROM changes" for name in VISIBLE[Change]),
    *(f"SELECT {name} FROM tasks" for name in VISIBLE[Task]),
    "SELECT count(*) FROM webhooks",
    "SELECT 1 FROM changes LIMIT 1",
]
REFUSED = [
    # What, where to, and the secrets: whether returned, or asked about.
    *(f"SELECT {name} FROM webhooks" for name in hidden(Webhook)),
    *(f"SELECT {name} FROM changes" for name in hidden(Change)),
    *(f"SELECT id FROM webhooks WHERE {name} IS NOT NULL" for name in ("url", "secret", "previous_secret")),
    *(f"SELECT number FROM changes WHERE {name} IS NOT NULL" for name in ("before", "after", "task_id")),
    "SELECT id FROM webhooks ORDER BY url",
    "SELECT count(url) FROM webhooks",
    "SELECT max(after::text) FROM changes",
    "SELECT * FROM webhooks",
    "SELECT * FROM changes",
    "SELECT w FROM webhooks w",
    "SELECT to_jsonb(w) FROM webhooks w",
    "SELECT to_jsonb(c) FROM changes c",
    "TABLE webhooks",
    "COPY webhooks TO STDOUT",
    "COPY changes (after) TO STDOUT",
    # Any write of webhooks, and locks on them: a lease is taken as the owner.
    *(f"UPDATE webhooks SET {name} = {name}" for name in columns(Webhook) if name != "id"),
    "SELECT user_id, id FROM webhooks FOR UPDATE SKIP LOCKED",
    "SELECT user_id, id FROM webhooks FOR KEY SHARE",
    "UPDATE webhooks SET id = DEFAULT",
    "UPDATE webhooks SET number = number + 1",
    "UPDATE webhooks SET enabled = false",
    "UPDATE webhooks SET due_at = now() WHERE url LIKE '%%'",
    "UPDATE webhooks SET due_at = failing_since",
    "UPDATE webhooks SET due_at = now() RETURNING secret",
    "UPDATE webhooks SET due_at = now() RETURNING *",
    "DELETE FROM webhooks",
    "TRUNCATE webhooks",
    "INSERT INTO webhooks DEFAULT VALUES",
    "INSERT INTO webhooks (user_id, url, secret, number) VALUES ('x', 'https://x.example', '', 0)",
    "LOCK TABLE webhooks IN ACCESS EXCLUSIVE MODE",
    # Writes of the log, and locks on it.
    *(f"UPDATE changes SET {name} = {name}" for name in columns(Change)),
    "DELETE FROM changes",
    "TRUNCATE changes",
    "INSERT INTO changes (user_id, number, task_id, at) VALUES ('x', 1, 0, now())",
    "SELECT number FROM changes FOR UPDATE",
    "SELECT number FROM changes FOR KEY SHARE",
    # Other tables.
    *(f"SELECT {name} FROM tasks" for name in hidden(Task)),
    *(f"SELECT user_id FROM tasks WHERE {name} IS NOT NULL" for name in ("id", "title", "due_date")),
    "SELECT * FROM tasks",
    "SELECT to_jsonb(t) FROM tasks t",
    "SELECT user_id FROM tasks FOR KEY SHARE",
    *(f"SELECT count(*) FROM {table}" for table in ("calendars", "idempotency_keys", "alembic_version")),
    "INSERT INTO tasks (user_id, title) VALUES ('x', 'x')",
    "UPDATE tasks SET title = 'x'",
    "UPDATE tasks SET reminded_at = now()",
    "SELECT user_id FROM tasks FOR UPDATE",
    "DELETE FROM tasks",
    "DELETE FROM calendars",
    "SELECT t.title FROM webhooks w JOIN tasks t ON t.user_id = w.user_id",
    # What an owner may.
    "ALTER TABLE webhooks DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE webhooks ADD COLUMN x integer",
    "DROP TABLE webhooks",
    "DROP POLICY courier ON changes",
    "CREATE POLICY mine ON webhooks USING (true)",
    "GRANT SELECT ON webhooks TO PUBLIC",
    "CREATE TRIGGER t BEFORE UPDATE ON webhooks FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE TABLE planted ()",
    "SELECT nextval(pg_get_serial_sequence('webhooks', 'id'))",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_statistic",
]


@pytest.fixture
def users(alice, bob):
    """Two users with a webhook each, and something in each table."""
    for user in (alice, bob):
        rotate(user, add(user))
        create_calendar(user)
        user.post(json={"title": "secret", "reminder": REMINDER}, headers={"Idempotency-Key": "k"})
    return [alice.user_id, bob.user_id]


@contextlib.contextmanager
def as_courier(url, user_id=""):
    """A cursor of the role, in a transaction that is rolled back, if needed with an acting user."""
    with contextlib.closing(connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        setup = "SELECT set_config('role', %s, true), set_config('app.user_id', %s, true)"
        cursor.execute(setup, [COURIER_ROLE, user_id])
        yield cursor
        connection.rollback()


@pytest.mark.usefixtures("users")
@pytest.mark.parametrize("statement", ALLOWED)
def test_courier_may(database_url, statement):
    with as_courier(database_url) as cursor:
        cursor.execute(statement)
        assert len(cursor.fetchall()) > 0


@pytest.mark.parametrize("statement", REFUSED)
def test_courier_may_not(database_url, users, statement):
    """Neither by itself, nor if it names a user."""
    for user_id in ("", users[0]):
        with as_courier(database_url, user_id) as cursor, pytest.raises(InsufficientPrivilege):
            cursor.execute(statement)


def test_courier_sees_no_task_but_those_with_a_pending_reminder(database_url, alice):
    alice.create()
    tasks = [alice.create(reminder=REMINDER) for _ in range(3)]
    alice.put(f"/{tasks[0]['id']}", json={"completed": True})
    alice.put(f"/{tasks[1]['id']}", json={"reminder": None})
    with as_courier(database_url) as cursor:
        cursor.execute("SELECT count(*), bool_or(completed) FROM tasks WHERE user_id = %s", [alice.user_id])
        assert cursor.fetchall() == [(1, False)]


def test_courier_sees_what_is_due_of_all_users(database_url, users):
    due = """
        SELECT user_id FROM webhooks w WHERE enabled AND due_at <= clock_timestamp() AND user_id = ANY(%s)
        AND EXISTS (SELECT FROM changes c WHERE c.user_id = w.user_id AND c.number > w.number)
    """
    with as_courier(database_url) as cursor:
        cursor.execute(due, [users])
        assert sorted(cursor.fetchall()) == sorted((user,) for user in users)


def test_no_policy_lets_the_courier_write(database_url):
    """Also if somebody grants it more."""
    policies = "SELECT tablename, cmd FROM pg_policies WHERE 'taskapp_courier' = ANY(roles)"
    assert set(run_sql(database_url, policies)) == {(table, "SELECT") for table in ("webhooks", "changes", "tasks")}


def test_courier_has_exactly_these_grants(database_url):
    """Also in tables of later migrations."""
    granted = run_sql(
        database_url,
        "SELECT table_name, privilege_type, column_name::text FROM information_schema.column_privileges"
        " WHERE grantee = %s",
        [COURIER_ROLE],
    )
    visible = {(model.__tablename__, "SELECT", name) for model in VISIBLE for name in VISIBLE[model]}
    assert set(granted) == visible
    tables = "SELECT table_name FROM information_schema.table_privileges WHERE grantee = %s"
    assert run_sql(database_url, tables, [COURIER_ROLE]) == []
    routines = "SELECT routine_name FROM information_schema.routine_privileges WHERE grantee = %s"
    assert run_sql(database_url, routines, [COURIER_ROLE]) == []


def test_courier_owns_nothing_and_is_nobody_else(database_url):
    role = run_sql(
        database_url,
        "SELECT rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication,"
        " (SELECT count(*) FROM pg_class WHERE relowner = pg_roles.oid),"
        " (SELECT count(*) FROM pg_auth_members WHERE member = pg_roles.oid) FROM pg_roles WHERE rolname = %s",
        [COURIER_ROLE],
    )
    assert role == [(False, False, False, False, False, False, 0, 0)]


@pytest.mark.usefixtures("users")
def test_statistics_show_nothing_of_what_is_hidden(database_url):
    """PostgreSQL keeps frequent values of each column. Its view shows those of columns that a role may read."""
    run_sql(database_url, "ANALYZE webhooks, changes, tasks")
    with as_courier(database_url) as cursor:
        cursor.execute("SELECT DISTINCT tablename, attname FROM pg_stats WHERE schemaname = 'public'")
        seen = {tuple(row) for row in cursor.fetchall()}
    assert seen <= {(model.__tablename__, name) for model in VISIBLE for name in VISIBLE[model]}


def test_every_column_is_decided_on():
    """A column that is added is hidden, and these statements try it."""
    for model, visible in VISIBLE.items():
        tried = {name for name in columns(model) if f"SELECT {name} FROM {model.__tablename__}" in REFUSED}
        assert tried == {*columns(model)} - {*visible}
