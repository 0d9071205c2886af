"""Databases of the release before a migration, and what interrupts the migration."""

import itertools

from tests.support.commands import upgrade
from tests.support.postgres import create_owner, run_sql

_names = itertools.count(1)
_FAIL = "RAISE query_canceled USING MESSAGE = 'canceling statement, as the test asks'"
# Fails a migration at a command, or at a row, of the step whose text is like this.
_FAULTS = f"""
CREATE FUNCTION fail_command() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    IF tg_tag = %(tag)s AND current_query() LIKE %(step)s THEN {_FAIL}; END IF; END $$;
CREATE EVENT TRIGGER fail_command ON ddl_command_start EXECUTE FUNCTION fail_command();
CREATE FUNCTION fail_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF current_query() LIKE %(step)s THEN {_FAIL}; END IF; RETURN NEW; END $$;
CREATE TRIGGER fail_revision BEFORE UPDATE ON alembic_version FOR EACH ROW EXECUTE FUNCTION fail_row();
"""
_NO_FAULTS = "DROP EVENT TRIGGER fail_command; DROP FUNCTION fail_command(); DROP FUNCTION fail_row() CASCADE"


def as_admin(url):
    return url.set(username="postgres")


def database_before(postgres, revision, insert, tasks, attributes="NOSUPERUSER"):
    """Create a database of a release, with tasks and an owner of its own, and return its URL.

    Args:
        postgres: the server.
        revision: the newest migration of the release.
        insert: the statement that inserts tasks; its parameter is their number.
        tasks: the number of tasks.
        attributes: those of the owner's role.
    """
    number = next(_names)
    owner, name = f"owner_of_{revision}_{number}", f"before_{revision}_{number}"
    create_owner(postgres.url, owner, attributes)
    run_sql(postgres.url, f"CREATE DATABASE {name} OWNER {owner}")
    url = postgres.url.set(username=owner, database=name)
    upgrade(url, revision)
    run_sql(as_admin(url), insert, [tasks])
    return url


def add_faults(url, tag, step, triggers=""):
    """Let a migration fail at a step.

    Args:
        url: the database.
        tag: the command tag at which the step fails.
        step: a LIKE pattern of the text of the step.
        triggers: statements that call ``fail_row()`` for rows of further tables.
    """
    run_sql(as_admin(url), _FAULTS + triggers, {"tag": tag, "step": step})


def remove_faults(url):
    run_sql(as_admin(url), _NO_FAULTS)


def waiting_backend(url, query):
    """The process id of the backend that waits with a query like this, or None."""
    rows = run_sql(
        as_admin(url),
        "SELECT pid FROM pg_stat_activity WHERE query LIKE %s AND datname = %s AND wait_event IS NOT NULL"
        " AND state = 'active'",
        [query, url.database],
    )
    return rows[0][0] if rows else None
