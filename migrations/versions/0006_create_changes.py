"""Create the log of changes, and let the versions of tasks be numbers of changes.

Stub of the base: a helper makes it online.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ROLE = "taskapp_user"
ERASER = "taskapp_eraser"
OWNER = "user_id = nullif(current_setting('app.user_id', true), '')"


def upgrade() -> None:
    """Create the table with a marker for each user."""
    op.execute("ALTER TABLE tasks ALTER version TYPE bigint")
    op.execute(f"GRANT INSERT (id, version, created_at, updated_at) ON tasks TO {ROLE}")
    op.create_table(
        "changes",
        sa.Column("user_id", sa.String(255, collation="C"), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("operation", sa.BigInteger),
        sa.Column("task_id", sa.BigInteger, nullable=False),
        sa.Column("previous", sa.BigInteger),
        sa.Column("previous_at", sa.DateTime(timezone=True)),
        sa.Column("undoes", sa.BigInteger),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB),
        sa.PrimaryKeyConstraint("user_id", "number", name="pk_changes"),
    )
    op.create_index(
        "ix_changes_deleted", "changes", ["user_id", "task_id", "number"], postgresql_where=sa.text("after IS NULL")
    )
    op.execute("SELECT set_config('app.backfill', 'on', true)")
    op.execute(
        "INSERT INTO changes (user_id, number, task_id, at, before, after)"
        " SELECT user_id, max(version), 0, now(), '{}', '{}' FROM tasks GROUP BY user_id"
    )
    op.execute("SELECT set_config('app.backfill', '', true)")
    op.execute(f"GRANT SELECT, INSERT ON changes TO {ROLE}")
    op.execute("ALTER TABLE changes ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE changes FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY owner ON changes USING ({OWNER}) WITH CHECK ({OWNER})")
    op.execute("CREATE POLICY purge ON changes TO CURRENT_USER USING (at < now() - interval '7 days')")
    op.execute(
        f"DO $$ BEGIN CREATE ROLE {ERASER} NOLOGIN;"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    op.execute(f"GRANT {ERASER} TO CURRENT_USER")
    op.execute(f"GRANT SELECT (user_id), DELETE ON tasks, idempotency_keys TO {ERASER}")
    op.execute(
        f"GRANT SELECT (user_id, number, at), DELETE, INSERT (user_id, number, task_id, at, before, after)"
        f" ON changes TO {ERASER}"
    )


def downgrade() -> None:
    """Drop the log. Versions must fit into an integer."""
    op.drop_table("changes")
    op.execute("ALTER TABLE tasks ALTER version TYPE integer")
    op.execute(f"REVOKE INSERT (id, version, created_at, updated_at) ON tasks FROM {ROLE}")
    op.execute(f"REVOKE ALL ON tasks, idempotency_keys FROM {ERASER}")
