"""Create the table with the stored results of writes with an Idempotency-Key."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROLE = "taskapp_user"


def upgrade() -> None:
    """Create the table, its grants and its policies."""
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.String(255, collation="C"), nullable=False),
        sa.Column("key", sa.String(255, collation="C"), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("result", JSONB, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name="pk_idempotency_keys"),
    )
    op.execute(f"GRANT SELECT, INSERT ON idempotency_keys TO {ROLE}")
    op.execute("ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY")
    owner = "user_id = nullif(current_setting('app.user_id', true), '')"
    op.execute(f"CREATE POLICY owner ON idempotency_keys USING ({owner}) WITH CHECK ({owner})")
    # The owner of the table purges the keys of all users. It sees only those that have expired.
    op.execute(
        "CREATE POLICY purge ON idempotency_keys TO CURRENT_USER USING (created_at < now() - interval '24 hours')"
    )


def downgrade() -> None:
    """Drop the table with its grants and its policies."""
    op.drop_table("idempotency_keys")
