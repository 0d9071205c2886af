"""What the owner of the tables has to do on a Citus cluster, once and after each migration that adds a table.

Each step is made by PostgreSQL from its catalog, which also says whether it is done. So the steps can be repeated.
Citus refuses two DDL commands in one text, so each one is a message of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import URL, Connection, TextClause, text

from taskapp.db import db, prefix
from taskapp.db.engine import HAS_CITUS, unpooled_engine

ROLES = (prefix.ACTING_ROLE, prefix.ERASING_ROLE, prefix.COURIER_ROLE)
# The table that all others are stored next to: all rows of a user are on one node.
FIRST = "tasks"


class ShardingError(Exception):
    """The tables cannot be distributed; the message says why."""


class Step(NamedTuple):
    """A statement for the owner of the tables.

    Attributes:
        why: the reason, which several steps share.
        statement: the statement.
        done: whether the database is already as it would make it.
    """

    why: str
    statement: str
    done: bool


# Each query returns statements in order, and whether they are done. regclass and format() quote names.
_UNFORCE = text("""
    SELECT format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', oid::regclass), NOT relforcerowsecurity
    FROM pg_class WHERE oid = ANY (CAST(:tables AS regclass[])) ORDER BY oid <> CAST(:first AS regclass), relname
""")
_DISTRIBUTE = text("""
    SELECT CASE WHEN oid = CAST(:first AS regclass)
           THEN format('SELECT create_distributed_table(%L, %L)', oid::regclass, 'user_id')
           ELSE format('SELECT create_distributed_table(%L, %L, colocate_with => %L)', oid::regclass, 'user_id',
                       CAST(:first AS regclass)) END,
           coalesce(partmethod = 'h', false)
    FROM pg_class LEFT JOIN pg_dist_partition ON logicalrelid = oid
    WHERE oid = ANY (CAST(:tables AS regclass[])) ORDER BY oid <> CAST(:first AS regclass), relname
""")
_LOGIN = text("""
    SELECT format('ALTER ROLE %I LOGIN', rolname), rolcanlogin FROM pg_roles
    WHERE rolname = ANY (CAST(:roles AS text[])) ORDER BY array_position(CAST(:roles AS text[]), rolname::text)
""")
_GRANT = text("""
    SELECT format('GRANT INSERT ON %s TO %I', tables.oid::regclass, rolname),
           has_table_privilege(roles.oid, tables.oid, 'INSERT')
    FROM pg_class AS tables, pg_roles AS roles
    WHERE tables.oid = ANY (CAST(:tables AS regclass[])) AND rolname = ANY (CAST(:roles AS text[]))
    AND has_any_column_privilege(roles.oid, tables.oid, 'INSERT')
    ORDER BY tables.oid <> CAST(:first AS regclass), relname, array_position(CAST(:roles AS text[]), rolname::text)
""")
_NO_JIT = text("""
    SELECT format('ALTER DATABASE %I SET jit TO off', current_database()), current_setting('jit') = 'off'
""")
_STEPS = {
    "With FORCE, a filled table cannot be distributed by an owner who is no superuser, and an online move of a shard"
    " hangs. Do not restore it. Row-level security still confines the roles below, which own nothing.": _UNFORCE,
    "All rows of a user are on one node.": _DISTRIBUTE,
    "The coordinator connects to the nodes as these roles. In pg_hba.conf of every node, the coordinator included,"
    " admit them from the addresses of the nodes only.": _LOGIN,
    "An INSERT on a shard names every column, so grants on columns fail there.": _GRANT,
    "Statements with several parts on a cluster look costly, and would be compiled each time.": _NO_JIT,
}
_ELSEWHERE = text("""
    SELECT own.logicalrelid::text FROM pg_dist_partition AS own, pg_dist_partition AS first
    WHERE own.logicalrelid = ANY (CAST(:tables AS regclass[])) AND first.logicalrelid = CAST(:first AS regclass)
    AND own.partmethod = 'h' AND own.colocationid <> first.colocationid ORDER BY 1
""")
_MISSING = text("SELECT name FROM unnest(CAST(:tables AS text[])) AS named (name) WHERE to_regclass(name) IS NULL")
# The role or the database may have limits for requests. A large table takes longer.
_WITHOUT_TIMEOUTS = text(
    "SELECT set_config(name, '0', false) FROM pg_settings"
    " WHERE name IN ('statement_timeout', 'transaction_timeout', 'lock_timeout')"
)


def user_tables() -> list[str]:
    """Return the names of all tables with a user_id, the one that the others are stored next to first."""
    names = sorted(table.name for table in db.metadata.tables.values() if "user_id" in table.columns)
    return [FIRST, *(name for name in names if name != FIRST)]


@contextmanager
def connect_as_owner(url: URL) -> Iterator[Connection]:
    """Connect to the database, and check that its tables can be distributed.

    Raises:
        ShardingError: it is no Citus cluster, or a table is missing or in the wrong place.
    """
    with unpooled_engine(url).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.scalar(text(HAS_CITUS)):
            raise ShardingError(
                "The database is not Citus: it has no extension citus. Plain PostgreSQL needs none of this."
            )
        if missing := _names(connection, _MISSING):
            raise ShardingError(f"Tables are missing: {', '.join(missing)}. Run 'flask db upgrade' first.")
        if elsewhere := _names(connection, _ELSEWHERE):
            raise ShardingError(
                f"Tables are distributed, but not next to {FIRST}: {', '.join(elsewhere)}. Colocate them first."
            )
        connection.execute(_WITHOUT_TIMEOUTS)
        yield connection


def _names(connection: Connection, query: TextClause) -> list[str]:
    return [name for (name, *_) in _rows(connection, query)]


def _rows(connection: Connection, query: TextClause) -> list[tuple[str, bool]]:
    values = {"tables": user_tables(), "roles": list(ROLES), "first": FIRST}
    used = {name: value for name, value in values.items() if name in query.compile().params}
    return [tuple(row) for row in connection.execute(query, used)]


def find_steps(connection: Connection) -> list[Step]:
    """Return all steps in order, those that are done included."""
    return [Step(why, *row) for why, query in _STEPS.items() for row in _rows(connection, query)]


def apply(connection: Connection, step: Step) -> None:
    """Run a step, in a message of its own."""
    connection.exec_driver_sql(step.statement)
