"""``flask shard``, with stand-ins on plain PostgreSQL for the catalog of Citus and for ``create_distributed_table``.

So these tests show which statements the command runs, in which order, and when it takes them for done. That Citus
accepts the statements is a test of ``tests/db/test_citus.py``.
"""

import itertools
import re

import pytest

from taskapp.db import sharding
from taskapp.tasks.users.tables import USER_TABLES
from tests.support.citus import pretend_citus
from tests.support.commands import flask
from tests.support.in_process import LocalUser
from tests.support.postgres import create_owner, run_sql

pytestmark = pytest.mark.slow

KEY = "x" * 32
_numbers = itertools.count(1)


@pytest.fixture
def make_url(postgres, new_database):
    """Makes databases whose owner is no superuser, as on most clusters."""

    def make():
        owner = f"sharder_{next(_numbers)}"
        create_owner(postgres.url, owner, "NOSUPERUSER CREATEROLE")
        run_sql(postgres.url, f"GRANT taskapp_user, taskapp_eraser, taskapp_courier TO {owner} WITH ADMIN OPTION")
        return new_database(owner=owner)

    return make


@pytest.fixture
def url(make_url):
    url = make_url()
    pretend_citus(superuser(url))
    yield url
    for role in sharding.ROLES:  # Roles belong to the whole server.
        run_sql(superuser(url), f"ALTER ROLE {role} NOLOGIN")


def superuser(url):
    return url.set(username="postgres")


def shard(url, *arguments, check=True):
    return flask("shard", *arguments, check=check, MIGRATION_DATABASE_URL=url, DATABASE_URL=url, JWT_SECRET=KEY)


def statements(text):
    return [line.rstrip(";") for line in text.splitlines() if not line.startswith("--")]


def already(text):
    return re.findall(r"^-- already so: (.*)", text, re.MULTILINE)


def test_every_table_with_a_user_id_is_distributed(app, url):
    found = run_sql(
        url,
        "SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid"
        " WHERE attname = 'user_id' AND relkind = 'r' AND relnamespace = 'public'::regnamespace",
    )
    with app.app_context():
        tables = sharding.user_tables()
    assert tables[0] == "tasks"
    assert sorted(tables) == sorted(name for (name,) in found)
    assert set(tables) == {table.model.__tablename__ for table in USER_TABLES.values()}


def test_statements_are_printed_in_order_and_not_run(url):
    printed = shard(url).stdout
    lines = statements(printed)
    kinds = ("ALTER TABLE", "SELECT create_distributed_table", "ALTER ROLE", "GRANT INSERT", "ALTER DATABASE")
    order = [next(number for number, kind in enumerate(kinds) if line.startswith(kind)) for line in lines]
    assert order == sorted(order)
    assert set(order) == set(range(5))
    assert lines[0] == "ALTER TABLE tasks NO FORCE ROW LEVEL SECURITY"
    assert "SELECT create_distributed_table('tasks', 'user_id')" in lines
    assert "SELECT create_distributed_table('changes', 'user_id', colocate_with => 'tasks')" in lines
    assert "GRANT INSERT ON tasks TO taskapp_user" in lines
    assert "GRANT INSERT ON changes TO taskapp_eraser" in lines
    assert f"ALTER DATABASE {url.database} SET jit TO off" in lines
    assert already(printed) == [
        "GRANT INSERT ON changes TO taskapp_user",
        "GRANT INSERT ON idempotency_keys TO taskapp_user",
    ]
    assert "pg_hba.conf" in printed
    assert statements(shard(url).stdout) == lines


def test_what_is_printed_can_be_run(url):
    for statement in statements(shard(url).stdout):
        run_sql(url, statement)
    assert statements(shard(url).stdout) == []


def test_applied_steps_are_done_and_can_be_repeated(url):
    printed = statements(shard(url).stdout)
    first = shard(url, "--apply").stdout
    assert statements(first) == printed
    assert f"-- {len(printed)} statements run, 2 already so." in first
    again = shard(url, "--apply").stdout
    assert statements(again) == []
    assert f"-- 0 statements run, {len(printed) + 2} already so." in again
    assert set(already(again)) == {*printed, *already(first)}
    assert run_sql(url, "SELECT count(*), count(DISTINCT colocationid) FROM pg_dist_partition") == [(5, 1)]


def test_a_new_table_is_the_only_step_of_a_later_run(url):
    shard(url, "--apply")
    run_sql(superuser(url), "DELETE FROM pg_dist_partition WHERE logicalrelid = 'webhooks'::regclass")
    run_sql(url, "ALTER TABLE webhooks FORCE ROW LEVEL SECURITY")
    assert statements(shard(url, "--apply").stdout) == [
        "ALTER TABLE webhooks NO FORCE ROW LEVEL SECURITY",
        "SELECT create_distributed_table('webhooks', 'user_id', colocate_with => 'tasks')",
    ]


def test_service_works_afterwards(url, make_app, secret):
    shard(url, "--apply")
    user, other = (LocalUser(make_app(DATABASE_URL=url), secret) for _ in range(2))
    assert user.write().status_code == 201
    assert user.ready() == "ok"
    assert other.read().json["data"] == []


def test_refused_statement_ends_in_a_sentence_and_the_rest_is_run_later(url):
    run_sql(superuser(url), "ALTER FUNCTION create_distributed_table RENAME TO gone")
    result = shard(url, "--apply", check=False)
    assert result.returncode == 1
    assert "Error: The database refused: function create_distributed_table" in result.stderr
    assert "Traceback" not in result.stderr
    assert statements(result.stdout)[-1].endswith("NO FORCE ROW LEVEL SECURITY")
    run_sql(superuser(url), "ALTER FUNCTION gone RENAME TO create_distributed_table")
    assert statements(shard(url, "--apply").stdout)[0] == "SELECT create_distributed_table('tasks', 'user_id')"


@pytest.mark.parametrize("arguments", [[], ["--apply"]])
def test_plain_postgresql_is_refused(make_url, arguments):
    url = make_url()
    state = "SELECT relname, relforcerowsecurity, relacl FROM pg_class ORDER BY 1"
    before = run_sql(url, state)
    result = shard(url, *arguments, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: The database is not Citus: it has no extension citus.")
    assert run_sql(url, state) == before


def test_embedded_postgresql_is_refused(tmp_path):
    result = flask("shard", check=False, INSTANCE_PATH=tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert "The embedded PostgreSQL is not Citus." in result.stderr


def test_database_that_is_not_migrated_is_refused(url):
    run_sql(url, "DROP TABLE webhooks, calendars")
    result = shard(url, check=False)
    assert "Tables are missing: calendars, webhooks. Run 'flask db upgrade' first." in result.stderr


def test_table_in_another_place_is_refused(url):
    shard(url, "--apply")
    run_sql(superuser(url), "UPDATE pg_dist_partition SET colocationid = 2 WHERE logicalrelid = 'changes'::regclass")
    result = shard(url, "--apply", check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert "Tables are distributed, but not next to tasks: changes." in result.stderr


def test_unreachable_database_ends_in_a_sentence(url):
    result = shard(url.set(host="127.0.0.1", port=1, query={}), check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
