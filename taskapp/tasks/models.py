"""The table of tasks, and everything derived from its columns."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Index, PrimaryKeyConstraint, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from taskapp.db import db
from taskapp.db.columns import InsertedAt, UserId
from taskapp.db.idempotency import time_from_json
from taskapp.http.json_provider import with_microseconds

TITLE_LENGTH = 255
DESCRIPTION_LENGTH = 1000

# A property of columns that clients may set.
WRITABLE = {"writable": True}


class Task(db.Model):  # type: ignore[name-defined] # Flask-SQLAlchemy creates this class at run time.
    """A task of a user. Responses contain its fields in the order of the columns.

    ``user_id`` comes first in the primary key. So the tasks of a user are stored together, and every statement needs a
    user id. The policy and the grants of the table are in its migration.
    """

    __tablename__ = "tasks"
    __table_args__ = (
        PrimaryKeyConstraint("user_id", "id"),
        Index("ix_tasks_user_id_created_at_id", "user_id", "created_at", "id"),
        Index("ix_tasks_user_id_updated_at_id", "user_id", "updated_at", "id"),
        Index("ix_tasks_user_id_title_id", "user_id", "title", "id"),
        CheckConstraint("user_id <> ''", name="user_id_not_empty"),
        # Only characters that both PostgreSQL and Python treat as white space, in any locale.
        CheckConstraint(r"btrim(title, E' \t\n\r\f\x0b') <> ''", name="title_not_blank"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    user_id: Mapped[UserId]
    # Sorted by code point, so that the order is the same in every database and no locale update breaks the index.
    title: Mapped[str] = mapped_column(String(TITLE_LENGTH, collation="C"), info=WRITABLE)
    description: Mapped[str | None] = mapped_column(String(DESCRIPTION_LENGTH), info=WRITABLE)
    completed: Mapped[bool] = mapped_column(server_default=false(), info=WRITABLE)
    created_at: Mapped[InsertedAt]
    updated_at: Mapped[InsertedAt]
    version: Mapped[int] = mapped_column(server_default=text("1"))


_COLUMNS = Task.__table__.columns
# The fields in responses, and those that clients may set.
FIELDS = tuple(column.key for column in _COLUMNS)
WRITABLE_FIELDS = tuple(column.key for column in _COLUMNS if column.info.get("writable"))
READ_ONLY_FIELDS = tuple(name for name in FIELDS if name not in {*WRITABLE_FIELDS, "user_id"})
_TIMES = frozenset(column.key for column in _COLUMNS if isinstance(column.type, DateTime))


def _make_to_dict() -> Callable[[Sequence[Any]], dict[str, Any]]:
    # Generated code, as in namedtuple. dict(zip(…)) takes three times as long, and a list has up to 1,000 rows.
    values = [f"time(row[{place}])" if name in _TIMES else f"row[{place}]" for place, name in enumerate(FIELDS)]
    items = ", ".join(f"{name!r}: {value}" for name, value in zip(FIELDS, values, strict=True))
    make = f"lambda row: {{{items}}}"
    to_dict: Callable[[Sequence[Any]], dict[str, Any]] = eval(make, {"time": with_microseconds})  # noqa: S307 # Our own names.
    return to_dict


# Converts a row of FIELDS into a dict of JSON values. Times are naive datetimes in UTC, or text.
to_dict = _make_to_dict()


def is_time(name: str) -> bool:
    """Return whether a field is a time."""
    return name in _TIMES


def is_unchanged(sent: Any, current: Any) -> bool:
    """Return whether a value that a client sent back is that of a task, as :func:`to_dict` returns it.

    JavaScript's ``Date`` has milliseconds, so a time without microseconds matches any time in its millisecond.
    """
    if not isinstance(sent, datetime):
        return bool(sent == current)
    current = time_from_json(current) if isinstance(current, str) else current
    precision = timedelta(milliseconds=1) if sent.microsecond % 1000 == 0 else timedelta(microseconds=1)
    return bool(sent <= current < sent + precision)


def from_json(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a task from a stored result. Fields that are newer than the result are None."""

    def read(name: str) -> Any:
        value = result.get(name)
        return with_microseconds(time_from_json(value)) if name in _TIMES and value is not None else value

    return {name: read(name) for name in FIELDS}
