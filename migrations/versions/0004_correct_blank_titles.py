r"""Allow titles of nothing but the letter v.

On PostgreSQL 15, ``\v`` in a string is the letter, so the constraint took it for white space. The new constraint is not
validated, which would read the whole table: every title satisfies it, because the previous one was the same or
stricter.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WHITE_SPACE = r"E' \t\n\r\f\x0b'"
PREVIOUS = r"E' \t\n\r\f\v'"


def upgrade() -> None:
    """Replace the constraint."""
    replace(WHITE_SPACE)


def downgrade() -> None:
    """Restore the previous constraint."""
    replace(PREVIOUS)


def replace(characters: str) -> None:
    """Replace the constraint by one that strips the given characters."""
    op.execute(
        "ALTER TABLE tasks DROP CONSTRAINT ck_tasks_title_not_blank, ADD CONSTRAINT ck_tasks_title_not_blank"
        f" CHECK (btrim(title, {characters}) <> '') NOT VALID"
    )
