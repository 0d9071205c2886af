"""Migrations, on every version of PostgreSQL at hand and for every kind of owner."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import NullPool, create_engine, text

from taskapp.db import db
from taskapp.db.idempotency import RequestKey
from taskapp.settings import StartupError
from taskapp.tasks import service
from tests.support.commands import HEAD, downgrade, flask, load_app, upgrade
from tests.support.postgres import debian_versions, make_postgres, run_sql
from tests.support.time_zones import assert_unknown_time_zone_is_refused

_names = itertools.count(1)

# What an owner may be: the kinds of role that people deploy with. Neon's console makes the second.
OWNERS = {
    "superuser": "SUPERUSER",
    "as on Neon": "NOSUPERUSER CREATEROLE CREATEDB BYPASSRLS",
    "no superuser": "NOSUPERUSER CREATEROLE",
}


@pytest.fixture(scope="module", params=["embedded", *debian_versions()])
def cluster(request, tmp_path_factory):
    """A server of its own for each version, because roles belong to the whole server."""
    server = make_postgres(tmp_path_factory.mktemp(f"postgres-{request.param}"), request.param)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make_database(cluster):
    """Makes databases, each with an owner of its own."""

    def make(attributes="SUPERUSER"):
        number = next(_names)
        run_sql(cluster.url, f"CREATE ROLE owner_{number} LOGIN {attributes}")
        run_sql(cluster.url, f"CREATE DATABASE database_{number} OWNER owner_{number}")
        return cluster.url.set(username=f"owner_{number}", database=f"database_{number}")

    return make


@pytest.fixture
def _without_roles(cluster):
    """The roles that migrations create are not there, nor any database that uses them."""
    for (name,) in run_sql(cluster.url, "SELECT datname FROM pg_database WHERE datname LIKE 'database%'"):
        run_sql(cluster.url, f"DROP DATABASE {name} WITH (FORCE)")
    run_sql(cluster.url, "DROP ROLE IF EXISTS taskapp_user, taskapp_eraser, taskapp_courier")


def revision(url):
    return run_sql(url, "SELECT version_num FROM alembic_version")


def use(url):
    """The service works on the database, as its owner, with both layers of isolation."""
    run_sql(url.set(username="postgres"), "TRUNCATE tasks, idempotency_keys, changes, calendars, webhooks")
    app = load_app(DATABASE_URL=url, JWT_SECRET="x" * 32)
    with app.app_context():
        task_id = service.create_task("alice", title="t").fields["id"]
        service.create_task("bob", title="t")
        page = service.list_tasks("alice", status="all", sort="id", limit=9)
        assert [task["id"] for task in page.tasks] == [task_id]
        assert service.update_task("alice", task_id, completed=True).fields["completed"]
        delete = RequestKey("delete", b"x")
        assert not service.delete_task("alice", task_id, versions=(2,), key=delete).replayed
        assert service.delete_task("alice", task_id, key=delete).replayed
        for title in ("b", "a", "v"):
            service.create_task("alice", title=title, key=RequestKey(title, b"x"))
        found = service.list_tasks("alice", status="pending", sort="title", q="A", limit=9, after=("A", 0))
        assert [task["title"] for task in found.tasks] == ["a"]
        assert_unknown_time_zone_is_refused()
        assert app.test_client().get("/health/ready").json["status"] == "ok"
        db.engine.dispose()


@pytest.mark.parametrize("owner", OWNERS)
@pytest.mark.usefixtures("_without_roles")
def test_up_down_up(make_database, owner):
    url = make_database(OWNERS[owner])
    upgrade(url)
    assert revision(url) == [(HEAD,)]
    use(url)
    downgrade(url)
    assert revision(url) == []
    assert run_sql(url, "SELECT to_regclass('tasks')") == [(None,)]
    upgrade(url)  # The acting role exists already.
    use(url)
    upgrade(url)  # There is nothing to do.
    use(url)


@pytest.mark.slow
def test_roles_of_another_owner_are_used_if_granted(make_database):
    upgrade(make_database())
    url = make_database("NOSUPERUSER NOCREATEROLE")
    roles = [("taskapp_user", "tasks"), ("taskapp_eraser", "changes"), ("taskapp_courier", "webhooks")]
    for role, table in roles:
        result = flask("db", "upgrade", MIGRATION_DATABASE_URL=url, check=False)
        grant = f"GRANT {role} TO {url.username};"
        assert result.returncode != 0
        assert f"run: {grant} and migrate again." in result.stderr
        assert "Traceback" not in result.stderr
        assert run_sql(url, f"SELECT to_regclass('{table}')") == [(None,)]
        run_sql(url.set(username="postgres"), grant)
    upgrade(url)
    use(url)


@pytest.mark.usefixtures("_without_roles")
def test_owner_without_the_right_to_make_roles_is_told_how(make_database, cluster):
    url = make_database("NOSUPERUSER NOCREATEROLE")
    with pytest.raises(StartupError, match=r"run: CREATE ROLE taskapp_user NOLOGIN;"):
        upgrade(url)
    run_sql(cluster.url, f"CREATE ROLE taskapp_user NOLOGIN; GRANT taskapp_user TO {url.username}")
    for role in ("taskapp_eraser", "taskapp_courier"):
        create = f"CREATE ROLE {role} NOLOGIN; GRANT {role} TO {url.username};"
        with pytest.raises(StartupError, match=f"run: {create} and migrate again."):
            upgrade(url)
        run_sql(cluster.url, create)
    upgrade(url)
    use(url)


def test_schema_without_rights_ends_in_a_sentence(make_database):
    url = make_database("NOSUPERUSER CREATEROLE")
    run_sql(
        url.set(username="postgres"), f"GRANT taskapp_user TO {url.username}; ALTER SCHEMA public OWNER TO postgres"
    )
    run_sql(url.set(username="postgres"), "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    with pytest.raises(StartupError, match=r"Cannot migrate the database: no schema has been selected"):
        upgrade(url)


def test_schema_of_another_name_works(make_database):
    url = make_database()
    run_sql(url, f"CREATE SCHEMA app; ALTER DATABASE {url.database} SET search_path = app")
    upgrade(url)
    use(url)


@pytest.mark.slow
def test_databases_of_one_cluster_may_be_migrated_at_once(make_database):
    urls = [make_database() for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda url: flask("db", "upgrade", MIGRATION_DATABASE_URL=url), urls))


def test_login_role_that_owns_nothing_is_enough_for_the_service(make_database, cluster):
    url = make_database()
    upgrade(url)
    run_sql(cluster.url, "DROP ROLE IF EXISTS service")
    run_sql(cluster.url, "CREATE ROLE service LOGIN NOINHERIT")
    run_sql(url, "GRANT taskapp_user TO service; GRANT SELECT ON alembic_version TO service")
    use(url.set(username="service"))


def test_models_and_head_agree(make_database):
    url = make_database()
    upgrade(url)
    check = flask("db", "check", MIGRATION_DATABASE_URL=url)
    assert "No new upgrade operations detected" in check.stdout + check.stderr
    run_sql(url, "ALTER TABLE tasks ADD COLUMN surprise integer")
    assert flask("db", "check", MIGRATION_DATABASE_URL=url, check=False).returncode != 0


def test_constraints_of_models_and_head_agree(make_database):
    """What Alembic does not compare: checks, defaults and conditions of indexes, by making both and looking."""

    def shape(url, table):
        checks = run_sql(
            url,
            "SELECT conname, replace(pg_get_constraintdef(oid), ' NOT VALID', '') FROM pg_constraint"
            " WHERE conrelid = %s::regclass ORDER BY conname",
            [table],
        )
        columns = run_sql(
            url,
            "SELECT attname, format_type(atttypid, atttypmod), collname, attnotnull, attidentity,"
            " pg_get_expr(adbin, adrelid) FROM pg_attribute"
            " LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
            " LEFT JOIN pg_collation c ON c.oid = attcollation"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY 1",
            [table],
        )
        indexes = run_sql(url, "SELECT indexdef FROM pg_indexes WHERE tablename = %s ORDER BY 1", [table])
        return checks, columns, indexes

    migrated, modelled = make_database(), make_database()
    upgrade(migrated)
    engine = create_engine(modelled, poolclass=NullPool)
    db.Model.metadata.create_all(engine)
    for table in ("tasks", "changes", "calendars", "webhooks"):
        assert shape(migrated, table) == shape(modelled, table)


@pytest.mark.parametrize(
    "values",
    [
        "('', 'x', null)",
        "('u', '', null)",
        "('u', E' \t\n ', null)",
        "('u', repeat('x', 256), null)",
        "('u', 'x', repeat('x', 1001))",
        "(repeat('u', 256), 'x', null)",
        "('u', null, null)",
        "(null, 'x', null)",
    ],
)
def test_database_refuses_what_the_contract_refuses(database_url, values):
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as connection, pytest.raises(Exception, match=r"violates|too long"):
        connection.execute(text(f"INSERT INTO tasks (user_id, title, description) VALUES {values}"))


@pytest.mark.slow
def test_upgrades_at_once_all_succeed(make_database):
    url = make_database()

    def run(_):
        return flask("db", "upgrade", MIGRATION_DATABASE_URL=url)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(run, range(3)))
    use(url)


def test_migrate_makes_no_revision_where_nothing_changed(database_url):
    result = flask("db", "migrate", "-m", "nothing", MIGRATION_DATABASE_URL=database_url)
    assert "No changes between the models and the database" in result.stdout + result.stderr


def test_migrations_as_a_script_are_refused_in_a_sentence(database_url):
    result = flask("db", "upgrade", "--sql", MIGRATION_DATABASE_URL=database_url, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: The option --sql is not supported, because migrations query the database.")
