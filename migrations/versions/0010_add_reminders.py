"""Add the reminders of tasks, the index of those that are pending, and what the courier may see of them.

The previous release may read and write tasks during and after this migration. It does not rewrite the table or block
requests for long. Each step commits. After an interruption, run the migration again.
"""

import logging
import time

import sqlalchemy as sa
from alembic import op

from taskapp.settings import StartupError

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ROLE = "taskapp_user"
COURIER = "taskapp_courier"
logger = logging.getLogger("taskapp.migrations")

# As in 0007: how long each attempt waits for a lock, and the pause after it.
LOCK_TIMEOUTS = (*["200ms"] * 20, *["2s"] * 5)
PAUSE = 1
# https://www.postgresql.org/docs/current/errcodes-appendix.html
LOCK_NOT_AVAILABLE = "55P03"

CHECK = "ck_tasks_reminder"
INDEX = "ix_tasks_remind_at_user_id"
PENDING = "remind_at IS NOT NULL AND reminded_at IS NULL AND NOT completed"
COLUMNS = "reminder, remind_at, reminded_at"
# The release before writes neither column of the check, so it cannot break it.
ADD = f"""
ALTER TABLE tasks ADD COLUMN IF NOT EXISTS reminder jsonb, ADD COLUMN IF NOT EXISTS remind_at timestamptz,
    ADD COLUMN IF NOT EXISTS reminded_at timestamptz;
ALTER TABLE tasks DROP CONSTRAINT IF EXISTS {CHECK},
    ADD CONSTRAINT {CHECK} CHECK ((reminder IS NULL) = (remind_at IS NULL)) NOT VALID;
GRANT INSERT ({COLUMNS}), UPDATE ({COLUMNS}) ON tasks TO {ROLE};
GRANT SELECT (user_id, remind_at, reminded_at, completed) ON tasks TO {COURIER};
DROP POLICY IF EXISTS courier ON tasks;
CREATE POLICY courier ON tasks FOR SELECT TO {COURIER} USING (current_user = '{COURIER}' AND {PENDING})
"""


def upgrade() -> None:
    """Add the columns, their check, grants and policy, and create the index."""
    with op.get_context().autocommit_block():
        run(ADD)
        run(f"ALTER TABLE tasks VALIDATE CONSTRAINT {CHECK}")
        create_index()


def downgrade() -> None:
    """Drop the columns with their contents, and with everything that depends on them."""
    op.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUTS[-1]}'")
    op.execute("DROP POLICY courier ON tasks")
    op.execute(f"REVOKE ALL ON tasks FROM {COURIER}")
    op.execute("ALTER TABLE tasks DROP COLUMN reminder, DROP COLUMN remind_at, DROP COLUMN reminded_at")


def run(statements: str) -> None:
    """Run statements in one transaction. If they wait too long for a lock, wait without one, and try again.

    Raises:
        StartupError: others kept the lock during all attempts.
    """
    for timeout in LOCK_TIMEOUTS:
        # psycopg2 sends all statements in one message, which PostgreSQL runs as one transaction.
        try:
            op.get_bind().execute(sa.text(f"SET LOCAL lock_timeout = '{timeout}'; {statements}"))
        except sa.exc.DBAPIError as error:
            if error.orig.pgcode != LOCK_NOT_AVAILABLE:
                raise
            logger.info("The table tasks is locked by others. Trying again.")
            time.sleep(PAUSE)
        else:
            return
    raise StartupError("The table tasks is locked. End the transactions that use it, and migrate again.")


def create_index() -> None:
    """Create the index without blocking writes, unless it exists. Replace what an interrupted run has left."""
    is_valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"
    if op.get_bind().scalar(sa.text(is_valid), {"name": INDEX}) is False:
        op.drop_index(INDEX, postgresql_concurrently=True)
    op.create_index(
        INDEX,
        "tasks",
        ["remind_at", "user_id"],
        postgresql_where=sa.text(PENDING),
        postgresql_concurrently=True,
        if_not_exists=True,
    )
