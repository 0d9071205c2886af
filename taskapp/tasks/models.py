"""The tables of tasks, and of the results that writes of them are repeated with."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

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
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taskapp.db import db

USER_ID_LENGTH = 255
TITLE_LENGTH = 255
DESCRIPTION_LENGTH = 1000
KEY_LENGTH = 255
# The largest bigint, and so the largest id a task can have.
MAXIMUM_ID = 2**63 - 1


class TaskRow(NamedTuple):
    """A task by value: the fields that clients see, in the order they see them, and its version. Times are in UTC."""

    id: int
    user_id: str
    title: str
    description: str | None
    completed: bool
    created_at: datetime
    updated_at: datetime
    version: int


FIELDS = TaskRow._fields[:-1]


def fields_of(task: Sequence[Any]) -> dict[str, Any]:
    """Return the fields of a task that clients see, of a row of :data:`FIELDS` or one that goes on behind them."""
    # Each by its place: zip() takes three times as long, and some are in lists of hundreds.
    return {
        "id": task[0],
        "user_id": task[1],
        "title": task[2],
        "description": task[3],
        "completed": task[4],
        "created_at": task[5],
        "updated_at": task[6],
    }


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


class IdempotencyKey(db.Model):  # type: ignore[name-defined] # As above.
    """The result of a write that a client gave a key to, for the case that it asks again.

    Rows are written with the task, never changed, and purged after a day; see ``taskapp/db/idempotency.py``.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (PrimaryKeyConstraint("user_id", "key"),)

    user_id: Mapped[str] = mapped_column(String(USER_ID_LENGTH, collation="C"))
    key: Mapped[str] = mapped_column(String(KEY_LENGTH, collation="C"))
    fingerprint: Mapped[bytes]
    result: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
