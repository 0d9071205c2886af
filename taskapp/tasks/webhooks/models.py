"""The table of webhooks."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Index, PrimaryKeyConstraint, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from taskapp.db import db
from taskapp.db.columns import InsertedAt, UserId

URL_LENGTH = 2048
SECRET_BYTES = 32
_INSTANT = DateTime(timezone=True)


class Webhook(db.Model):  # type: ignore[name-defined,misc] # Flask-SQLAlchemy creates this class at run time.
    """A webhook of a user: a URL, and a position in the log of changes up to which it has received everything.

    There is no queue of deliveries. The next delivery begins with the change after ``number``. The policies and the
    grants of the table are in its migration.
    """

    __tablename__ = "webhooks"
    __table_args__ = (
        PrimaryKeyConstraint("user_id", "id"),
        Index("ix_webhooks_due_at", "due_at", postgresql_where=text("enabled")),
        CheckConstraint("user_id <> ''", name="user_id_not_empty"),
        CheckConstraint("url ~ '^https?://'", name="url"),
        CheckConstraint(f"length(secret) = {SECRET_BYTES}", name="secret"),
        CheckConstraint("(previous_secret IS NULL) = (rotated_at IS NULL)", name="previous_secret"),
        CheckConstraint("upto > number", name="upto"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    user_id: Mapped[UserId]
    url: Mapped[str] = mapped_column(String(URL_LENGTH, collation="C"))
    # Signatures need the secret itself. No response has it again.
    secret: Mapped[bytes]
    # Also signs, for some time after the rotation.
    previous_secret: Mapped[bytes | None]
    rotated_at: Mapped[datetime | None] = mapped_column(_INSTANT)
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    # When the service disabled it. Null if the user did, or if it is enabled.
    disabled_at: Mapped[datetime | None] = mapped_column(_INSTANT)
    # The last change that was delivered.
    number: Mapped[int] = mapped_column(BigInteger)
    # The last change of the delivery that is being tried, so that each try has the same bytes.
    upto: Mapped[int | None] = mapped_column(BigInteger)
    # When the next try may begin. A process that tries moves it ahead, as its lease.
    due_at: Mapped[datetime] = mapped_column(_INSTANT, server_default=func.now())
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    failing_since: Mapped[datetime | None] = mapped_column(_INSTANT)
    # The status of the last response; null before the first, and if there was none.
    last_status: Mapped[int | None]
    created_at: Mapped[InsertedAt]
