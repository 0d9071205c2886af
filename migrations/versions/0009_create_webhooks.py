"""Create the table of webhooks, and the role that finds those that have something to deliver.

The role sees of all users that something is due, but not what, nor where to. Each step commits. After an interruption,
run the migration again.
"""

import logging
import time

import sqlalchemy as sa
from alembic import op

from taskapp.settings import StartupError

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROLE = "taskapp_user"
ERASER = "taskapp_eraser"
COURIER = "taskapp_courier"
logger = logging.getLogger("taskapp.migrations")

# As in 0006: how long each attempt waits for a lock, and the pause after it.
LOCK_TIMEOUTS = (*["200ms"] * 20, *["2s"] * 5)
PAUSE = 1
# https://www.postgresql.org/docs/current/errcodes-appendix.html
INSUFFICIENT_PRIVILEGE = "42501"
ALREADY_EXISTS = ("42710", "23505")
LOCK_NOT_AVAILABLE = "55P03"

# What a user may set, and what deliveries write.
INSERTED = "user_id, url, secret, enabled, number"
UPDATED = (
    "url, secret, previous_secret, rotated_at, enabled, number, upto, due_at, attempts, failing_since, last_status,"
    " disabled_at"
)
OWNER = "user_id = nullif(current_setting('app.user_id', true), '')"
# A policy for a role also applies to its members, such as the login role.
IS_COURIER = f"current_user = '{COURIER}'"
WEBHOOKS = f"""
CREATE TABLE webhooks (
    id bigint GENERATED ALWAYS AS IDENTITY,
    user_id varchar(255) COLLATE "C" NOT NULL,
    url varchar(2048) COLLATE "C" NOT NULL,
    secret bytea NOT NULL,
    previous_secret bytea,
    rotated_at timestamptz,
    enabled boolean NOT NULL DEFAULT true,
    disabled_at timestamptz,
    number bigint NOT NULL,
    upto bigint,
    due_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    failing_since timestamptz,
    last_status integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pk_webhooks PRIMARY KEY (user_id, id),
    CONSTRAINT ck_webhooks_user_id_not_empty CHECK (user_id <> ''),
    CONSTRAINT ck_webhooks_url CHECK (url ~ '^https?://'),
    CONSTRAINT ck_webhooks_secret CHECK (length(secret) = 32),
    CONSTRAINT ck_webhooks_previous_secret CHECK ((previous_secret IS NULL) = (rotated_at IS NULL)),
    CONSTRAINT ck_webhooks_upto CHECK (upto > number)
);
CREATE INDEX ix_webhooks_due_at ON webhooks (due_at) WHERE enabled;
ALTER TABLE webhooks ENABLE ROW LEVEL SECURITY;
ALTER TABLE webhooks FORCE ROW LEVEL SECURITY;
CREATE POLICY owner ON webhooks USING ({OWNER}) WITH CHECK ({OWNER});
CREATE POLICY courier ON webhooks FOR SELECT TO {COURIER} USING ({IS_COURIER});
GRANT SELECT, DELETE, INSERT ({INSERTED}), UPDATE ({UPDATED}) ON webhooks TO {ROLE};
GRANT SELECT (user_id), DELETE ON webhooks TO {ERASER};
GRANT SELECT (user_id, id, number, due_at, enabled) ON webhooks TO {COURIER}
"""
CHANGES = f"""
CREATE POLICY courier ON changes FOR SELECT TO {COURIER} USING ({IS_COURIER});
GRANT SELECT (user_id, number) ON changes TO {COURIER}
"""


def upgrade() -> None:
    """Create the courier's role, the table, and the courier's view of the log."""
    create_courier()
    with op.get_context().autocommit_block():
        if not sa.inspect(op.get_bind()).has_table("webhooks"):
            run(f"{WEBHOOKS}; {CHANGES}")


def downgrade() -> None:
    """Drop the table with its grants and policies. All webhooks are lost. The role stays, without privileges."""
    op.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUTS[-1]}'")
    op.execute("DROP TABLE webhooks")
    op.execute("DROP POLICY courier ON changes")
    op.execute(f"REVOKE ALL ON changes FROM {COURIER}")


def create_courier() -> None:
    """Create the courier's role unless the cluster has it, and let the migrating role switch to it.

    Raises:
        StartupError: the migrating role lacks a privilege.
    """
    connection = op.get_bind()
    grant = f"GRANT {COURIER} TO CURRENT_USER"
    if not connection.scalar(sa.text("SELECT count(*) FROM pg_roles WHERE rolname = :role"), {"role": COURIER}):
        attempt(f"CREATE ROLE {COURIER} NOLOGIN; {grant}")
    # As in 0006: since PostgreSQL 16, membership and the permission to switch are separate.
    right = "SET" if connection.dialect.server_version_info >= (16,) else "MEMBER"
    if not connection.scalar(sa.text("SELECT pg_has_role(:role, :right)"), {"role": COURIER, "right": right}):
        attempt(grant)
    usage = sa.text("SELECT has_schema_privilege(:role, current_schema(), 'USAGE')")
    if not connection.scalar(usage, {"role": COURIER}):
        schema = connection.scalar(sa.text("SELECT quote_ident(current_schema())"))
        attempt(f"GRANT USAGE ON SCHEMA {schema} TO {COURIER}")


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
            f"The role {user} lacks the privilege to create or use the role {COURIER}, which finds the webhooks that"
            f" are due. As an administrator, run: {statements.replace('CURRENT_USER', user)}; and migrate again."
        ) from None


def run(statements: str) -> None:
    """Run statements in one transaction. If they wait too long for a lock, wait without one, and try again.

    Raises:
        StartupError: others kept the lock during all attempts.
    """
    for timeout in LOCK_TIMEOUTS:
        try:
            op.get_bind().execute(sa.text(f"SET LOCAL lock_timeout = '{timeout}'; {statements}"))
        except sa.exc.DBAPIError as error:
            if error.orig.pgcode != LOCK_NOT_AVAILABLE:
                raise
            logger.info("The table changes is locked by others. Trying again.")
            time.sleep(PAUSE)
        else:
            return
    raise StartupError("The table changes is locked. End the transactions that use it, and migrate again.")
