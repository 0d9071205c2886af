"""Create the table of tasks, the role that acts on it, and the policy that confines that role.

The role is one of the whole cluster: it may exist already, made for another database, and downgrading leaves it.
"""

import sqlalchemy as sa
from alembic import op

from config import StartupError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Written out, not imported: what a migration did must not change with the code.
ROLE = "taskapp_user"

# https://www.postgresql.org/docs/current/errcodes-appendix.html
INSUFFICIENT_PRIVILEGE = "42501"
ALREADY_THERE = ("42710", "23505")


def upgrade() -> None:
    """Make the role where there is none, the table, the grants and the policy."""
    create_acting_role()
    op.create_table(
        "tasks",
        sa.Column("user_id", sa.String(255, collation="C"), nullable=False),
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        # By code point, so that titles sort alike in every database, and no update of a locale breaks an index.
        sa.Column("title", sa.String(255, collation="C"), nullable=False),
        sa.Column("description", sa.String(1000)),
        sa.Column("completed", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("version", sa.Integer, server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        # user_id leads: a user's tasks lie together, and the table shards by user.
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_tasks"),
        sa.CheckConstraint("user_id <> ''", name=op.f("ck_tasks_user_id_not_empty")),
        sa.CheckConstraint(r"btrim(title, E' \t\n\r\f\v') <> ''", name=op.f("ck_tasks_title_not_blank")),
    )
    # What may never change cannot be changed: no grant names id, user_id or created_at.
    op.execute(f"GRANT SELECT, DELETE ON tasks TO {ROLE}")
    op.execute(f"GRANT INSERT (user_id, title, description, completed) ON tasks TO {ROLE}")
    op.execute(f"GRANT UPDATE (title, description, completed, version, updated_at) ON tasks TO {ROLE}")
    op.execute("ALTER TABLE tasks ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE tasks FORCE ROW LEVEL SECURITY")
    # Once set, the setting reads as '' outside of the transaction that set it: that is nobody too. Written plainly,
    # because PostgreSQL then checks it once for the whole scan, and Citus takes no sub-select here.
    owner = "user_id = nullif(current_setting('app.user_id', true), '')"
    op.execute(f"CREATE POLICY owner ON tasks USING ({owner}) WITH CHECK ({owner})")


def downgrade() -> None:
    """Drop the table, and with it its grants and its policy."""
    op.drop_table("tasks")


def create_acting_role() -> None:
    """Make the acting role where the cluster has none, and let the migrating role switch to it.

    Raises:
        StartupError: this role has not the right to, and an administrator must help.
    """
    connection = op.get_bind()
    if not connection.scalar(sa.text("SELECT count(*) FROM pg_roles WHERE rolname = :role"), {"role": ROLE}):
        attempt(f"CREATE ROLE {ROLE} NOLOGIN")
    # Since PostgreSQL 16 being a member and being allowed to switch are two things.
    right = "SET" if connection.dialect.server_version_info >= (16,) else "MEMBER"
    if not connection.scalar(sa.text("SELECT pg_has_role(:role, :right)"), {"role": ROLE, "right": right}):
        attempt(f"GRANT {ROLE} TO CURRENT_USER")
    if not connection.scalar(sa.text("SELECT has_schema_privilege(:role, current_schema(), 'USAGE')"), {"role": ROLE}):
        schema = connection.scalar(sa.text("SELECT quote_ident(current_schema())"))
        attempt(f"GRANT USAGE ON SCHEMA {schema} TO {ROLE}")


def attempt(statement: str) -> None:
    """Run a statement that may need an administrator, or that another migration of the cluster may have just run.

    Raises:
        StartupError: it needs an administrator; the message has what to run.
    """
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            op.execute(statement)
    except sa.exc.DBAPIError as error:
        if error.orig.pgcode in ALREADY_THERE:
            return
        if error.orig.pgcode != INSUFFICIENT_PRIVILEGE:
            raise
        user = connection.scalar(sa.text("SELECT quote_ident(current_user)"))
        raise StartupError(
            f"{user} has not the right to make or use the role {ROLE}. Let an administrator run:"
            f" {statement.replace('CURRENT_USER', user)}; and then migrate again."
        ) from None
