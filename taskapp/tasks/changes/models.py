"""The table of changes."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Index, PrimaryKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taskapp.db import db
from taskapp.db.columns import UserId

# The largest number that clients may send, exact in every JSON reader (RFC 8259, section 6).
MAXIMUM_NUMBER = 2**53 - 1


class Change(db.Model):  # type: ignore[name-defined,misc] # Flask-SQLAlchemy creates this class at run time.
    """A change of one task. The log of a user is append-only, and its numbers have no gaps.

    The number of a change is the version of the task that it made. Two writes that take the same number violate the
    primary key, so numbers are in the order of commits whatever else goes wrong. The policies and the grants of the
    table are in its migration. Deleted tasks have changes, so there is no foreign key.

    A change of task 0 is a marker: changes before it are unknown. It is never shown.
    """

    __tablename__ = "changes"
    __table_args__ = (
        PrimaryKeyConstraint("user_id", "number"),
        Index("ix_changes_deleted", "user_id", "task_id", "number", postgresql_where=text("after IS NULL")),
    )

    user_id: Mapped[UserId]
    number: Mapped[int] = mapped_column(BigInteger)
    # The number of the first change of the same write. Null if the write made this change only.
    operation: Mapped[int | None] = mapped_column(BigInteger)
    task_id: Mapped[int] = mapped_column(BigInteger)
    # The version and updated_at that the task had before. Null if it did not exist.
    previous: Mapped[int | None] = mapped_column(BigInteger)
    previous_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    # The number of the write that this one takes back.
    undoes: Mapped[int | None] = mapped_column(BigInteger)
    # Never earlier than that of the change before, even if the clock goes back.
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    # The written columns of the task before and after, derived ones included. ``before`` is null if the task was
    # created or restored. ``after`` is null if it was deleted, and ``before`` then has the whole task.
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
