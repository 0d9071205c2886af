"""Create the table of calendars: feeds of tasks with a secret URL, of which the table has only the hash."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ROLE = "taskapp_user"
ERASER = "taskapp_eraser"

FIELDS = 'name, time_zone, "as", alarm_minutes'


def upgrade() -> None:
    """Create the table, its grants and its policy."""
    op.create_table(
        "calendars",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.String(255, collation="C"), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("time_zone", sa.String(64, collation="C"), nullable=False),
        sa.Column("as", sa.String(6, collation="C"), nullable=False),
        sa.Column("alarm_minutes", sa.Integer),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_calendars"),
        sa.CheckConstraint("user_id <> ''", name=op.f("ck_calendars_user_id_not_empty")),
        sa.CheckConstraint("length(secret_hash) = 32", name=op.f("ck_calendars_secret_hash")),
        sa.CheckConstraint("name <> ''", name=op.f("ck_calendars_name_not_empty")),
        sa.CheckConstraint("\"as\" IN ('events', 'todos')", name=op.f("ck_calendars_as")),
        sa.CheckConstraint("alarm_minutes BETWEEN 0 AND 40320", name=op.f("ck_calendars_alarm_minutes")),
    )
    op.execute(f"GRANT SELECT, DELETE ON calendars TO {ROLE}")
    op.execute(f"GRANT INSERT (user_id, secret_hash, {FIELDS}), UPDATE ({FIELDS}) ON calendars TO {ROLE}")
    op.execute(f"GRANT SELECT (user_id), DELETE ON calendars TO {ERASER}")
    op.execute("ALTER TABLE calendars ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE calendars FORCE ROW LEVEL SECURITY")
    owner = "user_id = nullif(current_setting('app.user_id', true), '')"
    op.execute(f"CREATE POLICY owner ON calendars USING ({owner}) WITH CHECK ({owner})")


def downgrade() -> None:
    """Drop the table with its grants and its policy. The URLs of all calendars stop working."""
    op.drop_table("calendars")
