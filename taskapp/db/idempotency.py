"""Writes with an idempotency key, which happen once however often they are sent.

One statement does it all, and so one implicit transaction: it looks for the key, writes if there is none, and stores
the result under it. An advisory lock of the transaction detects a repetition that arrives while the first write is
still running. One that arrives in the moment between breaks the primary key of the table, which undoes its write. Sent
again, it finds the result.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import psycopg2
from blinker import Signal
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    Executable,
    Insert,
    PrimaryKeyConstraint,
    String,
    Update,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    not_,
    text,
    true,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from taskapp.db import db
from taskapp.db.columns import InsertedAt, UserId
from taskapp.db.errors import IdempotencyKeyInUse, IdempotencyKeyReused
from taskapp.db.execute import ACTING_USER, execute, execute_as_login_role

KEY_LENGTH = 255

# Sent by the service after it stored a result: there will be something to purge.
result_stored = Signal()


class IdempotencyKey(db.Model):  # type: ignore[name-defined] # Flask-SQLAlchemy makes this class at run time.
    """The result of a write that a client sent with a key, for when it sends the write again.

    Rows are written with the result, never changed, and purged after a day. The policies and grants that go with the
    table are in its migration.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (PrimaryKeyConstraint("user_id", "key"),)

    user_id: Mapped[UserId]
    key: Mapped[str] = mapped_column(String(KEY_LENGTH, collation="C"))
    fingerprint: Mapped[bytes]
    result: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[InsertedAt]


class RequestKey(NamedTuple):
    """The idempotency key of a request.

    Attributes:
        key: what the client chose.
        fingerprint: a hash of the request; repetitions have the same.
    """

    key: str
    fingerprint: bytes


class Outcome(NamedTuple):
    """What a write returned: its row as JSON.

    Attributes:
        result: from the name of each returned column to its value; times are text in UTC.
        replayed: whether the write happened before, and this is its stored result.
    """

    result: Mapping[str, Any]
    replayed: bool


_LOCK = db.select(func.pg_try_advisory_xact_lock(cast(bindparam("lock"), BigInteger)).label("acquired")).cte("lock")
_STORED = (
    db.select(IdempotencyKey.fingerprint, IdempotencyKey.result)
    .where(IdempotencyKey.user_id == ACTING_USER, IdempotencyKey.key == bindparam("key"))
    .cte("stored")
)
# The condition that a write needs in its WHERE to be given to :func:`idempotent`.
NOT_YET_WRITTEN: tuple[ColumnElement[bool], ...] = (
    db.select(_LOCK.c.acquired).scalar_subquery(),
    not_(exists(db.select(_STORED.c.fingerprint))),
)


def idempotent(write: Insert | Update | Delete) -> Any:
    """Make a write that returns its row into a statement that happens once.

    Args:
        write: it must have :data:`NOT_YET_WRITTEN` among its conditions.
    """
    written = write.cte("written")
    result = type_coerce(func.to_jsonb(literal_column("written")), JSONB)
    inserted = (
        db.insert(IdempotencyKey)
        .from_select(
            ["user_id", "key", "fingerprint", "result"],
            db.select(
                ACTING_USER,
                bindparam("key"),
                bindparam("fingerprint", type_=IdempotencyKey.__table__.c.fingerprint.type),
                result,
            ).select_from(written),
        )
        .cte("inserted")
    )
    return (
        db.select(_LOCK.c.acquired, _STORED.c.fingerprint, _STORED.c.result, result.label("written_now"))
        .select_from(_LOCK.outerjoin(_STORED, true()).outerjoin(written, true()))
        .add_cte(inserted)
    )


def execute_idempotent(
    statement: Executable, parameters: Mapping[str, Any], key: RequestKey, *, user_id: str
) -> Outcome | None:
    """Run a statement of :func:`idempotent`.

    Returns:
        What the write returned, now or when it happened; None if it found no row to write.

    Raises:
        IdempotencyKeyInUse: the first write with this key is still running.
        IdempotencyKeyReused: the key was used for another request.
    """
    name = hashlib.sha256(f"{user_id}\0{key.key}".encode()).digest()
    values = {**parameters, **key._asdict(), "lock": int.from_bytes(name[:8], signed=True)}
    try:
        ((acquired, fingerprint, result, written),) = execute(statement, values, user_id=user_id)
    except psycopg2.IntegrityError:
        ((acquired, fingerprint, result, written),) = execute(statement, values, user_id=user_id)
    if fingerprint is not None:
        if bytes(fingerprint) != key.fingerprint:  # psycopg2 reads it as a memoryview.
            raise IdempotencyKeyReused
        return Outcome(result, replayed=True)
    if not acquired:
        raise IdempotencyKeyInUse
    if not written:
        return None
    result_stored.send()
    return Outcome(written, replayed=False)


def time_from_json(value: str) -> datetime:
    """Read a time of a result as :func:`taskapp.db.execute.execute` returns times: in UTC, without a zone."""
    return datetime.fromisoformat(value).replace(tzinfo=None)


# Results are kept for a day at least; the policy of the table lets its owner see those that are older. A batch can be
# removed well before the deadline.
PURGE_BATCH = 10_000
_EXPIRED = (
    db.select(IdempotencyKey.user_id, IdempotencyKey.key)
    .where(IdempotencyKey.created_at < func.now() - text("interval '24 hours'"))
    .limit(PURGE_BATCH)
)
_PURGE: Executable = (
    db.delete(IdempotencyKey)
    .where(tuple_(IdempotencyKey.user_id, IdempotencyKey.key).in_(_EXPIRED))
    .returning(literal_column("1"))
)


def purge_expired() -> int:
    """Remove the results of all users that have been kept for long enough, in batches.

    It runs as the role that the service logs in with, which must own the table.

    Returns:
        How many were removed.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`taskapp.db.execute.execute`.
    """
    purged = batch = len(execute_as_login_role(_PURGE))
    while batch == PURGE_BATCH:
        batch = len(execute_as_login_role(_PURGE))
        purged += batch
    return purged
