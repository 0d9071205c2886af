"""The table of tasks."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Identity,
    Index,
    PrimaryKeyConstraint,
    String,
    false,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from taskapp.extensions import db

USER_ID_LENGTH = 255
TITLE_LENGTH = 255
DESCRIPTION_LENGTH = 1000
# The largest bigint, and so the largest id a task can have.
MAXIMUM_ID = 2**63 - 1


class Task(db.Model):  # type: ignore[name-defined] # Flask-SQLAlchemy makes this class at run time.
    """A task of one user.

    ``user_id`` leads the only key, so that the tasks of a user lie together and every statement names one user. The
    policy and the grants that go with the table are in its migration.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        PrimaryKeyConstraint("user_id", "id"),
        Index("ix_tasks_user_id_created_at_id", "user_id", "created_at", "id"),
        Index("ix_tasks_user_id_updated_at_id", "user_id", "updated_at", "id"),
        Index("ix_tasks_user_id_title_id", "user_id", "title", "id"),
        CheckConstraint("user_id <> ''", name="user_id_not_empty"),
        # Only what PostgreSQL and Python both take for white space, whatever the locale of the database.
        CheckConstraint(r"btrim(title, E' \t\n\r\f\v') <> ''", name="title_not_blank"),
    )

    user_id: Mapped[str] = mapped_column(String(USER_ID_LENGTH, collation="C"))
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    # By code point, so that titles sort alike in every database, and no update of a locale breaks the index.
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH, collation="C"))
    description: Mapped[str | None] = mapped_column(String(DESCRIPTION_LENGTH))
    completed: Mapped[bool] = mapped_column(server_default=false())
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
