"""Whether the database is a Citus cluster, and whether its nodes serve users."""

import secrets
import time
from typing import NamedTuple

from flask import current_app
from sqlalchemy import text

from taskapp.db.database import Database
from taskapp.db.deadline import wait_until
from taskapp.db.engine import connection_of, is_citus
from taskapp.db.errors import NodeUnavailable, StatementTooSlow
from taskapp.db.execute import execute, execute_as_nobody
from taskapp.db.prefix import ACTING_ROLE
from taskapp.db.retry import OperationFailed
from taskapp.db.sharding import user_tables

# Users that do not exist, on as many shards. With one of two nodes dead, all are on it once in 65,536 times.
_PROBES = 16
# The fraction of the timeout that a probe may take. A node without power refuses nothing, it is silent.
_SHARE = 0.15
# What the catalog of the coordinator says. It asks no node.
_STATE = text("""
    SELECT current_setting('transaction_read_only') = 'on',
           array_remove(array_agg(CASE WHEN partmethod IS DISTINCT FROM 'h' THEN name END), NULL),
           bool_and(has_table_privilege(to_regclass(name), 'SELECT'))
           AND bool_and(has_table_privilege(to_regclass(name), 'INSERT'))
           AND has_any_column_privilege('tasks', 'UPDATE') AND has_table_privilege('tasks', 'DELETE')
    FROM unnest(CAST(:tables AS text[])) AS named (name)
    LEFT JOIN pg_dist_partition ON logicalrelid = to_regclass(name)
""")
# Runs on the shard of the acting user, where it returns a row even if the user has none. Citus evaluates no function of
# a read on the coordinator, so this is what the policies of the shard see.
_PROBE = text("""
    SELECT current_user = :acting_role AND current_setting('app.user_id', true) = :acting_user
           AND row_security_active(CAST('tasks' AS regclass))
    FROM (SELECT count(*) FROM tasks WHERE user_id = :acting_user) AS counted
""")


class ClusterState(NamedTuple):
    """What the coordinator says about the tables of users.

    Attributes:
        read_only: whether it accepts no writes.
        local_tables: the tables that are not distributed.
        granted: whether the acting role has the privileges that shards require.
    """

    read_only: bool
    local_tables: list[str]
    granted: bool

    @property
    def is_distributed(self) -> bool:
        """Whether tasks are distributed. Without that, a coordinator is like any other PostgreSQL."""
        return "tasks" not in self.local_tables


def uses_citus() -> bool:
    """Return whether the database is Citus. Sends nothing, unless it has to open a connection.

    Raises:
        DatabaseUnavailable: there is no connection.
    """
    database: Database = current_app.extensions["database"]
    try:
        with wait_until(time.monotonic() + database.timeout), connection_of(database.engine) as connection:
            return is_citus(connection)
    except OperationFailed as failure:
        raise failure.error(str(failure)) from failure


def read_state() -> ClusterState:
    """Return what the coordinator says.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`taskapp.db.execute.execute`.
    """
    ((read_only, local_tables, granted),) = execute_as_nobody(_STATE, {"tables": user_tables()})
    return ClusterState(read_only, local_tables, bool(granted))


def probe_node() -> bool | None:
    """Read as a user, on a node that responds.

    Returns:
        Whether the node has the acting role and user, and enforces row-level security; None if no node responds.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`taskapp.db.execute.execute`.
    """
    for _ in range(_PROBES):
        user_id = f"readiness-{secrets.token_hex(8)}"
        try:
            ((enforced,),) = execute(_PROBE, {"acting_role": ACTING_ROLE}, user_id=user_id, share=_SHARE)
        except (NodeUnavailable, StatementTooSlow):
            continue
        return bool(enforced)
    return None
