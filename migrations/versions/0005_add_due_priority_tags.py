"""Add due dates, priority, tags, completed_at and uid to tasks, and the indexes for lists by due date and completion.

It also validates the constraint on titles, which 0004 replaced without a check of the existing ones.

The previous release may read and write tasks during and after this migration. It does not rewrite the table or block
requests for long. Each step commits. After an interruption, run the migration again.
"""

import logging
import time

import sqlalchemy as sa
from alembic import op

from taskapp.settings import StartupError

revision = "0005"
down_revision = "0004"
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

# Tasks per transaction. A writer of one of them waits for its end.
BATCH = 1_000

# PostgreSQL stores a constant default once for all existing rows. It would rewrite the table for a volatile one, so uid
# gets its default afterwards, for new rows only.
COLUMNS = """
ALTER TABLE tasks
    ADD COLUMN completed_at timestamptz,
    ADD COLUMN due_date date,
    ADD COLUMN due_time time(0),
    ADD COLUMN time_zone varchar(64) COLLATE "C",
    ADD COLUMN due_order timestamp NOT NULL DEFAULT 'infinity',
    ADD COLUMN priority smallint NOT NULL DEFAULT 4,
    ADD COLUMN tags varchar(50)[] COLLATE "C" NOT NULL DEFAULT '{}',
    ADD COLUMN uid uuid;
ALTER TABLE tasks ALTER uid SET DEFAULT gen_random_uuid()
"""
CHECKS = {
    "ck_tasks_due": "(due_time IS NULL OR (due_date IS NOT NULL AND time_zone IS NOT NULL))"
    " AND (time_zone IS NULL OR due_date IS NOT NULL)",
    # Lists sort by this column. A day is over at its end, and a task without a day comes last.
    "ck_tasks_due_order": "due_order = coalesce(due_date + coalesce(due_time, time '24:00'), 'infinity')",
    "ck_tasks_due_years": "due_date BETWEEN '1900-01-01' AND '2999-12-31'",
    "ck_tasks_priority": "priority BETWEEN 0 AND 4",
    "ck_tasks_tags": "cardinality(tags) <= 20 AND array_position(tags, NULL) IS NULL",
}
# The check that the previous migration replaced.
TITLE_CHECK = "ck_tasks_title_not_blank"
# No grant allows changes of uid.
CHANGEABLE = "completed_at, due_date, due_time, time_zone, due_order, priority, tags"
GRANTS = f"GRANT INSERT ({CHANGEABLE}, uid), UPDATE ({CHANGEABLE}) ON tasks TO {ROLE}"
# Row-level security applies to the owner of the table too. These policies show it the tasks of all users, but only in a
# transaction that asks for them. The service never does, and the policies do not apply to the acting role.
POLICIES = """
CREATE POLICY backfill_read ON tasks FOR SELECT TO CURRENT_USER
    USING (current_setting('app.backfill', true) = 'on');
CREATE POLICY backfill_write ON tasks FOR UPDATE TO CURRENT_USER
    USING (current_setting('app.backfill', true) = 'on')
"""

# Fills the next tasks in the order of the primary key, in one transaction. Returns the last of them. If a task changes
# at the same time, PostgreSQL evaluates both the condition and the new values again, with the changed task.
# It cannot estimate what a policy lets through. Without the other settings it would scan the whole table every time.
BACKFILL = """
SELECT set_config('app.backfill', 'on', true), set_config('enable_seqscan', 'off', true),
    set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true);
WITH page AS (
    SELECT user_id, id FROM tasks WHERE (user_id, id) > (:user_id, :id) ORDER BY user_id, id LIMIT :batch
), last AS (
    SELECT user_id, id FROM page ORDER BY user_id DESC, id DESC LIMIT 1
), filled AS (
    UPDATE tasks
    SET uid = coalesce(uid, gen_random_uuid()),
        completed_at = CASE WHEN completed THEN coalesce(completed_at, updated_at) END
    FROM last
    WHERE (tasks.user_id, tasks.id) > (:user_id, :id) AND (tasks.user_id, tasks.id) <= (last.user_id, last.id)
        AND (uid IS NULL OR completed = (completed_at IS NULL))
    RETURNING 1
)
SELECT user_id, id, (SELECT count(*) FROM filled) AS filled FROM last
"""

# With a valid check, SET NOT NULL does not scan the table under its exclusive lock
# (https://www.postgresql.org/docs/current/sql-altertable.html).
UID_CHECK = "ck_tasks_uid_not_null"

INDEXES = {
    "ix_tasks_user_id_due_order_id": {"columns": ["user_id", "due_order", "id"], "where": "NOT completed"},
    "ix_tasks_user_id_completed_at_id": {"columns": ["user_id", "completed_at", "id"], "where": "completed"},
    "uq_tasks_user_id_uid": {"columns": ["user_id", "uid"], "unique": True},
}


def upgrade() -> None:
    """Add the columns with their defaults, checks and grants, fill uid and completed_at, and create the indexes."""
    with op.get_context().autocommit_block():
        if not has_columns():
            checks = ", ".join(f"ADD CONSTRAINT {name} CHECK ({check}) NOT VALID" for name, check in CHECKS.items())
            run(f"{COLUMNS}; ALTER TABLE tasks {checks}; {GRANTS}; {POLICIES}")
        filled = backfill()
        run(
            f"ALTER TABLE tasks DROP CONSTRAINT IF EXISTS {UID_CHECK},"
            f" ADD CONSTRAINT {UID_CHECK} CHECK (uid IS NOT NULL) NOT VALID"
        )
        run(
            "ALTER TABLE tasks "
            + ", ".join(f"VALIDATE CONSTRAINT {name}" for name in (TITLE_CHECK, *CHECKS, UID_CHECK))
        )
        run(f"ALTER TABLE tasks ALTER uid SET NOT NULL; ALTER TABLE tasks DROP CONSTRAINT {UID_CHECK}")
        if filled:
            logger.info("%d existing tasks were filled. Creating indexes, after all older transactions.", filled)
        for name, index in INDEXES.items():
            create_index(name, **index)
        if filled:
            op.execute("ANALYZE tasks")


def downgrade() -> None:
    """Drop the columns with their contents, and with everything that depends on them."""
    op.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUTS[-1]}'")
    op.execute("DROP POLICY backfill_read ON tasks")
    op.execute("DROP POLICY backfill_write ON tasks")
    op.execute("ALTER TABLE tasks " + ", ".join(f"DROP COLUMN {name}" for name in f"{CHANGEABLE}, uid".split(", ")))


def has_columns() -> bool:
    """Return whether an interrupted run has added the columns."""
    return any(column["name"] == "uid" for column in sa.inspect(op.get_bind()).get_columns("tasks"))


def run(statements: str, **parameters: object) -> sa.CursorResult:
    """Run statements in one transaction. If they wait too long for a lock, wait without one, and try again.

    Returns:
        The result of the last statement.

    Raises:
        StartupError: others kept the lock during all attempts.
    """
    for timeout in LOCK_TIMEOUTS:
        # psycopg2 sends all statements in one message, which PostgreSQL runs as one transaction. Under a stricter
        # isolation level, the backfill would fail if a task changes at the same time.
        prefix = f"SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '{timeout}';"
        try:
            return op.get_bind().execute(sa.text(f"{prefix} {statements}"), parameters)
        except sa.exc.DBAPIError as error:
            if error.orig.pgcode != LOCK_NOT_AVAILABLE:
                raise
            logger.info("The table tasks is locked by others. Trying again.")
            time.sleep(PAUSE)
    raise StartupError("The table tasks is locked. End the transactions that use it, and migrate again.")


def backfill() -> int:
    """Set uid where it is missing, and completed_at where it contradicts completed. The versions do not change.

    The time of the last change is the best that is known about when a task was completed.

    Returns:
        The number of changed tasks.
    """
    filled = 0
    last = {"user_id": "", "id": 0}
    while row := run(BACKFILL, **last, batch=BATCH).one_or_none():
        last = {"user_id": row.user_id, "id": row.id}
        filled += row.filled
    return filled


def create_index(name: str, columns: list[str], where: str | None = None, *, unique: bool = False) -> None:
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
