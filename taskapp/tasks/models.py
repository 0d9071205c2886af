"""The table of tasks."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    Identity,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    false,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIME, TIMESTAMP, UUID
from sqlalchemy.orm import Mapped, mapped_column

from taskapp.db import db
from taskapp.db.columns import InsertedAt, UserId

TITLE_LENGTH = 255
DESCRIPTION_LENGTH = 1000

TAG_LENGTH = 50
MAXIMUM_TAGS = 20
ZONE_LENGTH = 64
# The most urgent comes first. The database has the position, so that an index can sort by it.
PRIORITIES = ("urgent", "high", "medium", "low", None)
NO_PRIORITY = PRIORITIES.index(None)

# Properties of columns: clients may set a writable one at any time, a creatable one in a new task, and never see an
# internal one.
WRITABLE = {"writable": True}
CREATABLE = {"creatable": True}
INTERNAL = {"internal": True}


class Task(db.Model):  # type: ignore[name-defined] # Flask-SQLAlchemy creates this class at run time.
    """A task of a user.

    ``user_id`` comes first in the primary key. So the tasks of a user are stored together, and every statement needs a
    user id. The policy and the grants of the table are in its migration.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        PrimaryKeyConstraint("user_id", "id"),
        Index("ix_tasks_user_id_created_at_id", "user_id", "created_at", "id"),
        Index("ix_tasks_user_id_updated_at_id", "user_id", "updated_at", "id"),
        Index("ix_tasks_user_id_title_id", "user_id", "title", "id"),
        # The first pages that every client shows. Completing a task writes no entry into the first of these indexes.
        Index("ix_tasks_user_id_due_order_id", "user_id", "due_order", "id", postgresql_where=text("NOT completed")),
        Index("ix_tasks_user_id_completed_at_id", "user_id", "completed_at", "id", postgresql_where=text("completed")),
        Index("uq_tasks_user_id_uid", "user_id", "uid", unique=True),
        # A series has each of its occurrences once.
        Index(
            "uq_tasks_user_id_occurrence",
            "user_id",
            text("(recurrence ->> 'series_id')"),
            text("(recurrence ->> 'occurrence')"),
            unique=True,
            postgresql_where=text("recurrence IS NOT NULL"),
        ),
        # The reminders of all users that are pending, and whose they are.
        Index(
            "ix_tasks_remind_at_user_id",
            "remind_at",
            "user_id",
            postgresql_where=text("remind_at IS NOT NULL AND reminded_at IS NULL AND NOT completed"),
        ),
        CheckConstraint("user_id <> ''", name="user_id_not_empty"),
        # Only characters that both PostgreSQL and Python treat as white space, in any locale.
        CheckConstraint(r"btrim(title, E' \t\n\r\f\x0b') <> ''", name="title_not_blank"),
        CheckConstraint(
            "(due_time IS NULL OR due_date IS NOT NULL AND time_zone IS NOT NULL)"
            " AND (time_zone IS NULL OR due_date IS NOT NULL)",
            name="due",
        ),
        CheckConstraint(
            "due_order = coalesce(due_date + coalesce(due_time, time '24:00'), 'infinity')", name="due_order"
        ),
        CheckConstraint("due_date BETWEEN '1900-01-01' AND '2999-12-31'", name="due_years"),
        CheckConstraint(
            "recurrence IS NULL OR (NOT recurrence ? 'invalid' AND due_date IS NOT NULL AND time_zone IS NOT NULL)",
            name="recurrence",
        ),
        # A reminder without a time is one of minutes before a time that the task has not. A release that knows neither
        # column cannot break this.
        CheckConstraint("(reminder IS NULL) = (remind_at IS NULL)", name="reminder"),
        CheckConstraint(f"priority BETWEEN 0 AND {NO_PRIORITY}", name="priority"),
        CheckConstraint(f"cardinality(tags) <= {MAXIMUM_TAGS} AND array_position(tags, NULL) IS NULL", name="tags"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    uid: Mapped[str] = mapped_column(UUID(as_uuid=False), server_default=func.gen_random_uuid(), info=CREATABLE)
    user_id: Mapped[UserId]
    # Sorted by code point, so that the order is the same in every database and no locale update breaks the index.
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH, collation="C"), info=WRITABLE)
    description: Mapped[str | None] = mapped_column(String(DESCRIPTION_LENGTH), info=WRITABLE)
    completed: Mapped[bool] = mapped_column(server_default=false(), info=WRITABLE)
    completed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text(f"{NO_PRIORITY}"), info=WRITABLE)
    tags: Mapped[list[str]] = mapped_column(
        ARRAY(String(TAG_LENGTH, collation="C")), server_default=text("'{}'"), info=WRITABLE
    )
    # A day, not an instant, so that no time zone changes it.
    due_date: Mapped[date | None] = mapped_column(info=WRITABLE)
    due_time: Mapped[time | None] = mapped_column(TIME(precision=0), info=WRITABLE)
    time_zone: Mapped[str | None] = mapped_column(String(ZONE_LENGTH, collation="C"), info=WRITABLE)
    # The rule by which the task recurs, and what follows from it; see taskapp.tasks.recurrence.documents.
    recurrence: Mapped[dict[str, Any] | None] = mapped_column(JSONB, info=WRITABLE)
    # When to remind of the task, as clients set it; see taskapp.tasks.reminders.documents.
    reminder: Mapped[dict[str, Any] | None] = mapped_column(JSONB, info=WRITABLE)
    # When the service has reminded of the task. Null while the reminder is pending, and if there is none.
    reminded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    # The instant of the reminder. Only for finding those that are due.
    remind_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), info=INTERNAL)
    # When the task is due on the clock of its time zone: the end of a day without a time, and last without a day. Not
    # null, because an index cannot look up a row comparison with an expression.
    due_order: Mapped[datetime] = mapped_column(
        TIMESTAMP(timezone=False), server_default=text("'infinity'"), info=INTERNAL
    )
    created_at: Mapped[InsertedAt]
    updated_at: Mapped[InsertedAt]
    # The number of the change that made the task what it is; see taskapp.tasks.changes.models.
    version: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
