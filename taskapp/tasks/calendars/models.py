"""The table of calendars."""

from sqlalchemy import BigInteger, CheckConstraint, Identity, Integer, PrimaryKeyConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from taskapp.db import db
from taskapp.db.columns import InsertedAt, UserId
from taskapp.tasks.models import ZONE_LENGTH

NAME_LENGTH = 100
# What the tasks are in a calendar.
EVENTS, TODOS = "events", "todos"
# Four weeks. More than that calendar applications do not offer.
MAXIMUM_ALARM = 40_320


class Calendar(db.Model):  # type: ignore[name-defined] # Flask-SQLAlchemy creates this class at run time.
    """A calendar of a user. The policy and the grants of the table are in its migration."""

    __tablename__ = "calendars"
    __table_args__ = (
        PrimaryKeyConstraint("user_id", "id"),
        CheckConstraint("user_id <> ''", name="user_id_not_empty"),
        CheckConstraint("length(secret_hash) = 32", name="secret_hash"),
        CheckConstraint("name <> ''", name="name_not_empty"),
        CheckConstraint(f"\"as\" IN ('{EVENTS}', '{TODOS}')", name="as"),
        CheckConstraint(f"alarm_minutes BETWEEN 0 AND {MAXIMUM_ALARM}", name="alarm_minutes"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    user_id: Mapped[UserId]
    # Only the URL has the secret. Nobody can read it from the database.
    secret_hash: Mapped[bytes]
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    time_zone: Mapped[str] = mapped_column(String(ZONE_LENGTH, collation="C"))
    # The name of the column is a word of Python.
    as_: Mapped[str] = mapped_column("as", String(6, collation="C"))
    alarm_minutes: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[InsertedAt]
