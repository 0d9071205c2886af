"""Create the log of changes, and let the versions of tasks be numbers of changes, which are of the type bigint.

The previous release may read and write tasks during and after this migration. To change the type of a column,
PostgreSQL would rewrite the table and all of its indexes under an exclusive lock. So a new column takes the place of
``version``: a trigger keeps it in step while the existing tasks are copied, and then it gets the name. Each step
commits. After an interruption, run the migration again.
"""

import logging
import time

import sqlalchemy as sa
from alembic import op

from taskapp.settings import StartupError

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ROLE = "taskapp_user"
# Removes all data of one user. It cannot log in, and the policy `owner` of each table applies to it.
ERASER = "taskapp_eraser"
logger = logging.getLogger("taskapp.migrations")

# As in 0005: how long each attempt waits for a lock, and the pause after it.
LOCK_TIMEOUTS = (*["200ms"] * 20, *["2s"] * 5)
PAUSE = 1
# https://www.postgresql.org/docs/current/errcodes-appendix.html
INSUFFICIENT_PRIVILEGE = "42501"
ALREADY_EXISTS = ("42710", "23505")
LOCK_NOT_AVAILABLE = "55P03"

# Tasks per transaction. A writer of one of them waits for its end.
BATCH = 1_000

# PostgreSQL stores the default once for all existing tasks. Only those that have ever changed must be copied. The table
# may have got another owner since the policies were created.
NEW_COLUMN = """
ALTER TABLE tasks ADD COLUMN number bigint NOT NULL DEFAULT 1;
CREATE FUNCTION taskapp_copy_version() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN NEW.number := NEW.version; RETURN NEW; END';
CREATE TRIGGER copy_version BEFORE INSERT OR UPDATE ON tasks FOR EACH ROW EXECUTE FUNCTION taskapp_copy_version();
ALTER POLICY backfill_read ON tasks TO CURRENT_USER;
ALTER POLICY backfill_write ON tasks TO CURRENT_USER
"""

# As in 0005: copies the next tasks in the order of the primary key, and returns the last of them.
BACKFILL = """
SELECT set_config('app.backfill', 'on', true), set_config('enable_seqscan', 'off', true),
    set_config('enable_bitmapscan', 'off', true), set_config('jit', 'off', true);
WITH page AS (
    SELECT user_id, id FROM tasks WHERE (user_id, id) > (:user_id, :id) ORDER BY user_id, id LIMIT :batch
), last AS (
    SELECT user_id, id FROM page ORDER BY user_id DESC, id DESC LIMIT 1
), copied AS (
    UPDATE tasks SET number = version
    FROM last
    WHERE (tasks.user_id, tasks.id) > (:user_id, :id) AND (tasks.user_id, tasks.id) <= (last.user_id, last.id)
        AND number <> version
)
SELECT user_id, id FROM last
"""

# Proves that every version was copied, without an exclusive lock during the scan.
COPIED_CHECK = "ck_tasks_version_copied"

# Dropping the column also drops the check. No scan and no rewrite: the lock is held for milliseconds.
SWAP = f"""
DROP TRIGGER copy_version ON tasks;
DROP FUNCTION taskapp_copy_version();
ALTER TABLE tasks DROP COLUMN version;
ALTER TABLE tasks RENAME number TO version;
GRANT UPDATE (version) ON tasks TO {ROLE}
"""
# Since PostgreSQL 18, a NOT NULL has a name, made of that of its column.
RENAME_NOT_NULL = "ALTER TABLE tasks RENAME CONSTRAINT tasks_number_not_null TO tasks_version_not_null"

# With these columns, a deleted task can be restored as it was.
RESTORABLE = "id, version, created_at, updated_at"
# The markers are made before row-level security, in the same transaction. They say where the numbers of each user
# begin, so that no later one equals the version of a task.
CHANGES = """
CREATE TABLE changes (
    user_id varchar(255) COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    operation bigint,
    task_id bigint NOT NULL,
    previous bigint,
    previous_at timestamptz,
    undoes bigint,
    at timestamptz NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT pk_changes PRIMARY KEY (user_id, number)
);
CREATE INDEX ix_changes_deleted ON changes (user_id, task_id, number) WHERE after IS NULL;
SELECT set_config('app.backfill', 'on', true);
INSERT INTO changes (user_id, number, task_id, at, before, after)
    SELECT user_id, max(version), 0, now(), '{}', '{}' FROM tasks GROUP BY user_id
"""
# The other policies are for the owner: it may delete what is old, and in a transaction that asks for it, see everything
# and insert markers.
OWNER = "user_id = nullif(current_setting('app.user_id', true), '')"
SECURITY = f"""
ALTER TABLE changes ENABLE ROW LEVEL SECURITY;
ALTER TABLE changes FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON changes USING ({OWNER}) WITH CHECK ({OWNER});
CREATE POLICY purge ON changes TO CURRENT_USER USING (at < now() - interval '7 days');
CREATE POLICY backfill_read ON changes FOR SELECT TO CURRENT_USER
    USING (current_setting('app.backfill', true) = 'on');
CREATE POLICY backfill_insert ON changes FOR INSERT TO CURRENT_USER
    WITH CHECK (current_setting('app.backfill', true) = 'on');
GRANT SELECT, INSERT ON changes TO {ROLE};
GRANT INSERT ({RESTORABLE}) ON tasks TO {ROLE};
GRANT SELECT (user_id), DELETE ON tasks, idempotency_keys TO {ERASER};
GRANT SELECT (user_id, number, at), INSERT (user_id, number, task_id, at, before, after), DELETE ON changes TO {ERASER}
"""

INTEGER_MAXIMUM = 2**31 - 1


def upgrade() -> None:
    """Create the eraser's role, widen the versions, and create the table with a marker for each user with tasks."""
    create_eraser()
    with op.get_context().autocommit_block():
        widen_versions()
        if not sa.inspect(op.get_bind()).has_table("changes"):
            run(f"{CHANGES}; {SECURITY}")


def downgrade() -> None:
    """Drop the log. The tasks keep their versions, from which the previous release counts on.

    This rewrites the table of tasks under an exclusive lock.

    Raises:
        StartupError: a version is above the maximum of an integer.
    """
    op.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUTS[-1]}'")
    op.execute("SELECT set_config('app.backfill', 'on', true)")
    newest = op.get_bind().scalar(sa.text("SELECT max(version) FROM tasks"))
    if newest is not None and newest > INTEGER_MAXIMUM:
        raise StartupError(
            f"A task has the version {newest}, and the previous release supports versions up to {INTEGER_MAXIMUM}."
            " The database was not changed."
        )
    op.execute("DROP TABLE changes")
    op.execute("ALTER TABLE tasks ALTER version TYPE integer")
    op.execute(f"REVOKE INSERT ({RESTORABLE}) ON tasks FROM {ROLE}")
    op.execute(f"REVOKE ALL ON tasks, idempotency_keys FROM {ERASER}")


def create_eraser() -> None:
    """Create the eraser's role unless the cluster has it, and let the migrating role switch to it.

    Raises:
        StartupError: the migrating role lacks a privilege.
    """
    connection = op.get_bind()
    grant = f"GRANT {ERASER} TO CURRENT_USER"
    if not connection.scalar(sa.text("SELECT count(*) FROM pg_roles WHERE rolname = :role"), {"role": ERASER}):
        attempt(f"CREATE ROLE {ERASER} NOLOGIN; {grant}")
    # Since PostgreSQL 16, membership and the permission to switch are separate
    # (https://www.postgresql.org/docs/current/sql-grant.html).
    right = "SET" if connection.dialect.server_version_info >= (16,) else "MEMBER"
    if not connection.scalar(sa.text("SELECT pg_has_role(:role, :right)"), {"role": ERASER, "right": right}):
        attempt(grant)
    usage = sa.text("SELECT has_schema_privilege(:role, current_schema(), 'USAGE')")
    if not connection.scalar(usage, {"role": ERASER}):
        schema = connection.scalar(sa.text("SELECT quote_ident(current_schema())"))
        attempt(f"GRANT USAGE ON SCHEMA {schema} TO {ERASER}")


def attempt(statements: str) -> None:
    """Run statements that may need an administrator, or that a migration of another database may have just run.

    Raises:
        StartupError: the statements need an administrator; the message contains them.
    """
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            op.execute(statements)
    except sa.exc.DBAPIError as error:
        if error.orig.pgcode in ALREADY_EXISTS:
            return
        if error.orig.pgcode != INSUFFICIENT_PRIVILEGE:
            raise
        user = connection.scalar(sa.text("SELECT quote_ident(current_user)"))
        raise StartupError(
            f"The role {user} lacks the privilege to create or use the role {ERASER}, which erases the data of a user."
            f" As an administrator, run: {statements.replace('CURRENT_USER', user)}; and migrate again."
        ) from None


def widen_versions() -> None:
    """Let the column version be of the type bigint, unless it is."""
    columns = {column["name"]: column["type"] for column in sa.inspect(op.get_bind()).get_columns("tasks")}
    if isinstance(columns["version"], sa.BigInteger):
        return
    if "number" not in columns:
        run(NEW_COLUMN)
    last = {"user_id": "", "id": 0}
    while row := run(BACKFILL, **last, batch=BATCH).one_or_none():
        last = row._asdict()
    run(
        f"ALTER TABLE tasks DROP CONSTRAINT IF EXISTS {COPIED_CHECK},"
        f" ADD CONSTRAINT {COPIED_CHECK} CHECK (number = version) NOT VALID"
    )
    run(f"ALTER TABLE tasks VALIDATE CONSTRAINT {COPIED_CHECK}")
    run(f"{SWAP}; {RENAME_NOT_NULL}" if op.get_bind().dialect.server_version_info >= (18,) else SWAP)


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
