"""Create the table of tasks, the acting role, and the row-level security policy for that role.

A role belongs to the whole cluster. It may already exist because of another database, and a downgrade keeps it.
"""

import sqlalchemy as sa
from alembic import op

from taskapp.settings import StartupError

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Not imported, because a migration must not change when the code does.
ROLE = "taskapp_user"

# https://www.postgresql.org/docs/current/errcodes-appendix.html
INSUFFICIENT_PRIVILEGE = "42501"
ALREADY_EXISTS = ("42710", "23505")


def upgrade() -> None:
    """Create the role if it does not exist, the table, the grants and the policy."""
    create_acting_role()
    op.create_table(
        "tasks",
        sa.Column("user_id", sa.String(255, collation="C"), nullable=False),
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        # Sorted by code point, so that the order is the same in every database and no locale update breaks an index.
        sa.Column("title", sa.String(255, collation="C"), nullable=False),
        sa.Column("description", sa.String(1000)),
        sa.Column("completed", sa.Boolean, server_default=sa.false(), nullable=False),
        sa.Column("version", sa.Integer, server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        # user_id comes first, so that the tasks of a user are stored together and the table can be sharded by user.
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_tasks"),
        sa.CheckConstraint("user_id <> ''", name=op.f("ck_tasks_user_id_not_empty")),
        sa.CheckConstraint(r"btrim(title, E' \t\n\r\f\v') <> ''", name=op.f("ck_tasks_title_not_blank")),
    )
    # No grant allows changes of id, user_id and created_at.
    op.execute(f"GRANT SELECT, DELETE ON tasks TO {ROLE}")
    op.execute(f"GRANT INSERT (user_id, title, description, completed) ON tasks TO {ROLE}")
    op.execute(f"GRANT UPDATE (title, description, completed, version, updated_at) ON tasks TO {ROLE}")
    op.execute("ALTER TABLE tasks ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE tasks FORCE ROW LEVEL SECURITY")
    # After the transaction that sets it, the setting is '' on that connection, which must not match any row. Without a
    # sub-select, PostgreSQL evaluates the expression once per scan. Citus does not support a sub-select here.
    owner = "user_id = nullif(current_setting('app.user_id', true), '')"
    op.execute(f"CREATE POLICY owner ON tasks USING ({owner}) WITH CHECK ({owner})")


def downgrade() -> None:
    """Drop the table with its grants and its policy."""
    op.drop_table("tasks")


def create_acting_role() -> None:
    """Create the acting role unless the cluster has it, and let the migrating role switch to it.

    Raises:
        StartupError: the migrating role lacks a privilege.
    """
    connection = op.get_bind()
    if not connection.scalar(sa.text("SELECT count(*) FROM pg_roles WHERE rolname = :role"), {"role": ROLE}):
        attempt(f"CREATE ROLE {ROLE} NOLOGIN")
    # Since PostgreSQL 16, membership and the permission to switch are separate
    # (https://www.postgresql.org/docs/current/sql-grant.html).
    right = "SET" if connection.dialect.server_version_info >= (16,) else "MEMBER"
    if not connection.scalar(sa.text("SELECT pg_has_role(:role, :right)"), {"role": ROLE, "right": right}):
        attempt(f"GRANT {ROLE} TO CURRENT_USER")
    if not connection.scalar(sa.text("SELECT has_schema_privilege(:role, current_schema(), 'USAGE')"), {"role": ROLE}):
        schema = connection.scalar(sa.text("SELECT quote_ident(current_schema())"))
        attempt(f"GRANT USAGE ON SCHEMA {schema} TO {ROLE}")


def attempt(statement: str) -> None:
    """Run a statement that may need an administrator, or that a migration of another database may have just run.

    Raises:
        StartupError: the statement needs an administrator; the message contains it.
    """
    connection = op.get_bind()
    try:
        with connection.begin_nested():
            op.execute(statement)
    except sa.exc.DBAPIError as error:
        if error.orig.pgcode in ALREADY_EXISTS:
            return
        if error.orig.pgcode != INSUFFICIENT_PRIVILEGE:
            raise
        user = connection.scalar(sa.text("SELECT quote_ident(current_user)"))
        raise StartupError(
            f"The role {user} lacks the privilege to create or use the role {ROLE}. As an administrator, run:"
            f" {statement.replace('CURRENT_USER', user)}; and migrate again."
        ) from None
