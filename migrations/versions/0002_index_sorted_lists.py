"""Create the indexes for sorted lists. The default order, by id, uses the primary key."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = ("created_at", "updated_at", "title")


def upgrade() -> None:
    """Create an index for each order. It starts with the user id and ends with the id, which breaks ties."""
    for column in COLUMNS:
        op.create_index(f"ix_tasks_user_id_{column}_id", "tasks", ["user_id", column, "id"])


def downgrade() -> None:
    """Drop the indexes."""
    for column in COLUMNS:
        op.drop_index(f"ix_tasks_user_id_{column}_id", "tasks")
