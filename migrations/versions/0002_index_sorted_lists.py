"""Index what lists are sorted by; newest first, the usual order, has the primary key."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = ("created_at", "updated_at", "title")


def upgrade() -> None:
    """Make one index for each order, behind the user, and with the id to break ties."""
    for column in COLUMNS:
        op.create_index(f"ix_tasks_user_id_{column}_id", "tasks", ["user_id", column, "id"])


def downgrade() -> None:
    """Drop them."""
    for column in COLUMNS:
        op.drop_index(f"ix_tasks_user_id_{column}_id", "tasks")
