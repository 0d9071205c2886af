"""Add the recurrence of tasks, and the index that keeps a series from having an occurrence twice.

The previous release may read and write tasks during and after this migration. It does not rewrite the table or block
requests for long. Each step commits. After an interruption, run the migration again.
"""

import logging
import time

import sqlalchemy as sa
from alembic import op

from taskapp.settings import StartupError

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ROLE = "taskapp_user"
logger = logging.getLogger("taskapp.migrations")

# How long each attempt waits for a lock. All later statements on the table queue behind the one that waits. So it soon
# gives up, lets them pass, and tries again. The last attempts wait longer than deadlock_timeout, after which a vacuum
# makes way.
LOCK_TIMEOUTS = (*["200ms"] * 20, *["2s"] * 5)
PAUSE = 1
# https://www.postgresql.org/docs/current/errcodes-appendix.html
LOCK_NOT_AVAILABLE = "55P03"

CHECK = "ck_tasks_recurrence"
INDEX = "uq_tasks_user_id_occurrence"
OCCURRENCE = ["user_id", sa.text("(recurrence ->> 'series_id')"), sa.text("(recurrence ->> 'occurrence')")]
ADD = f"""
ALTER TABLE tasks ADD COLUMN IF NOT EXISTS recurrence jsonb;
ALTER TABLE tasks DROP CONSTRAINT IF EXISTS {CHECK}, ADD CONSTRAINT {CHECK} CHECK (
    recurrence IS NULL OR (NOT recurrence ? 'invalid' AND due_date IS NOT NULL AND time_zone IS NOT NULL)) NOT VALID;
GRANT INSERT (recurrence), UPDATE (recurrence) ON tasks TO {ROLE}
"""


def upgrade() -> None:
    """Add the column, its check and its grants, and create the index."""
    with op.get_context().autocommit_block():
        run(ADD)
        run(f"ALTER TABLE tasks VALIDATE CONSTRAINT {CHECK}")
        create_index(INDEX, OCCURRENCE, "recurrence IS NOT NULL", unique=True)


def downgrade() -> None:
    """Drop the column with its contents, and with everything that depends on it."""
    op.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUTS[-1]}'")
    op.execute("ALTER TABLE tasks DROP COLUMN recurrence")


def run(statements: str, **parameters: object) -> sa.CursorResult:
    """Run statements in one transaction. If they wait too long for a lock, wait without one, and try again.

    Returns:
        The result of the last statement.

    Raises:
        StartupError: others kept the lock during all attempts.
    """
    for timeout in LOCK_TIMEOUTS:
        # psycopg2 sends all statements in one message, which PostgreSQL runs as one transaction.
        prefix = f"SET LOCAL lock_timeout = '{timeout}';"
        try:
            return op.get_bind().execute(sa.text(f"{prefix} {statements}"), parameters)
        except sa.exc.DBAPIError as error:
            if error.orig.pgcode != LOCK_NOT_AVAILABLE:
                raise
            logger.info("The table tasks is locked by others. Trying again.")
            time.sleep(PAUSE)
    raise StartupError("The table tasks is locked. End the transactions that use it, and migrate again.")


def create_index(name: str, columns: list[object], where: str | None = None, *, unique: bool = False) -> None:
    """Create an index without blocking writes, unless it exists. Replace what an interrupted run has left."""
    is_valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"
    if op.get_bind().scalar(sa.text(is_valid), {"name": name}) is False:
        op.drop_index(name, postgresql_concurrently=True)
    condition = sa.text(where) if where else None
    op.create_index(
        name,
        "tasks",
        columns,
        unique=unique,
        postgresql_where=condition,
        postgresql_concurrently=True,
        if_not_exists=True,
    )
