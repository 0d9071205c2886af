"""Keeps the parts of a write on one node of a Citus cluster.

Citus plans each query of a WITH by itself. If a query reads other parts only, Citus does not know that it belongs to
one user, and runs the write on all nodes, with a two-phase commit. So each part of a write has to use a table with the
condition ``user_id = <the acting user>``. A part that has no other reason to do so has :data:`ON_ONE_NODE` among its
conditions. ``tests/db/test_statement_rules.py`` finds parts without either.

A condition that looks up a row takes PostgreSQL 0.08 ms to plan, a tenth of the creation of a task. So on PostgreSQL it
is just true, and is dropped while the statement is planned.
"""

from typing import Any

from sqlalchemy import literal_column

from taskapp.db.prefix import ACTING_USER

TRUE = "/* on one node */ true"
# Among the conditions of a part.
ON_ONE_NODE: Any = literal_column(TRUE)
# What it is on Citus. It is also true, because no change has this number. Each role that writes may read these columns.
_ON_CITUS = f"NOT EXISTS (SELECT FROM changes WHERE changes.user_id = %({ACTING_USER.key})s AND changes.number = -1)"


def keep_on_one_node(text: str) -> str:
    """Return the text of a statement for Citus, of which each part names the acting user.

    Args:
        text: the compiled statement, with parameters in psycopg2's format.
    """
    return text.replace(TRUE, _ON_CITUS)
