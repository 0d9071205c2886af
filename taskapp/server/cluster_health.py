"""The readiness of a Citus cluster.

A dead node stops its own users only. If it made hosts report that they are not ready, a balancer would take all of them
out, and stop everybody. So nothing here needs every node.
"""

from taskapp.db import cluster
from taskapp.db.prefix import ACTING_ROLE

READ_ONLY = "The database is read-only."
CANNOT = f"The role {ACTING_ROLE} cannot read and write the tables."


def check_cluster(state: cluster.ClusterState) -> str | None:
    """Check whether a cluster serves users.

    Args:
        state: what the coordinator says. The tables are distributed.

    Returns:
        The problem, or None.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`taskapp.db.execute.execute`.
    """
    if state.local_tables:
        return f"Tables are not distributed: {', '.join(state.local_tables)}. Run 'flask shard --apply'."
    if state.read_only:
        return READ_ONLY
    if not state.granted:
        return f"{CANNOT} Run 'flask shard --apply'."
    enforced = cluster.probe_node()
    if enforced is None:
        return "No node of the cluster responds."
    return (
        None if enforced else "A node of the cluster does not get the acting user, or enforces no row-level security."
    )
