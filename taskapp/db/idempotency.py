"""Writes with an idempotency key, which take effect once even if they are sent several times.

A single statement, and so a single implicit transaction, looks up the key, writes if there is none, and stores the
result. An advisory lock of the transaction detects a retry that arrives while the first write is in progress. The lock
is taken before the statement, which therefore sees the result of every earlier write with the key.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Delete,
    Executable,
    Insert,
    PrimaryKeyConstraint,
    Select,
    String,
    Update,
    bindparam,
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
from taskapp.db.execute import execute_as_login_role, execute_in_turn
from taskapp.db.one_node import ON_ONE_NODE
from taskapp.db.prefix import ACTING_USER

KEY_LENGTH = 255


class IdempotencyKey(db.Model):  # type: ignore[name-defined] # Flask-SQLAlchemy makes this class at run time.
    """The stored result of a write with an idempotency key.

    A row is inserted together with the write, never updated, and purged after 24 hours. The policies and grants of the
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
        key: the key that the client chose.
        fingerprint: a hash of the request, to detect a key that is reused for a different one.
    """

    key: str
    fingerprint: bytes


class Outcome(NamedTuple):
    """The result of an idempotent write.

    Attributes:
        result: the returned row as a map from column names to JSON values; times are text in UTC.
        replayed: whether this is the stored result of an earlier write.
    """

    result: Mapping[str, Any]
    replayed: bool


_ACQUIRED: ColumnElement[bool] = func.current_setting("app.key_acquired") == "true"
_LOCK = db.select(_ACQUIRED.label("acquired")).where(ON_ONE_NODE).cte("lock")
_STORED = (
    db.select(IdempotencyKey.fingerprint, IdempotencyKey.result)
    .where(IdempotencyKey.user_id == ACTING_USER, IdempotencyKey.key == bindparam("key"))
    .cte("stored")
)
# The name of a column of writes that always return a row: whether they wrote. If not, the row says why. It
# must differ from "written", because to_jsonb would take that for the column.
DONE = "done"
# The conditions that the WHERE of a write must include before it is passed to :func:`idempotent`.
NOT_YET_WRITTEN: tuple[ColumnElement[bool], ...] = (
    _ACQUIRED,
    not_(exists(db.select(_STORED.c.fingerprint))),
)


def idempotent(write: Insert | Update | Delete | Select[Any]) -> Any:
    """Turn a write into a statement that takes effect once per idempotency key.

    Args:
        write: a write of at most one row, with RETURNING, or a query of at most one row about a write in its WITH.
            :data:`NOT_YET_WRITTEN` must be among the conditions of the write. If it has a column :data:`DONE`, its
            row is stored only if that is true.

    Returns:
        A statement for :func:`execute_idempotent`.
    """
    written = write.cte("written")
    is_done = [written.c[DONE]] if DONE in written.c else []
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
            )
            .select_from(written)
            .where(*is_done, ON_ONE_NODE),
        )
        .returning(IdempotencyKey.key)
        .cte("inserted")
    )
    return (
        db.select(_LOCK.c.acquired, _STORED.c.fingerprint, _STORED.c.result, result.label("written_now"))
        .select_from(_LOCK.outerjoin(_STORED, true()).outerjoin(written, true()))
        .where(ON_ONE_NODE)
        .add_cte(inserted)
    )


def execute_idempotent(
    statement: Executable, parameters: Mapping[str, Any], key: RequestKey, *, user_id: str, share: float = 1.0
) -> Outcome | None:
    """Run a statement that :func:`idempotent` returned.

    Args:
        statement: the statement.
        parameters: the values of the write's bind parameters.
        key: the idempotency key of the request.
        user_id: the acting user.
        share: as for :func:`taskapp.db.execute.execute`.

    Returns:
        The result of the write, new or stored; None if no row matched. If it has :data:`DONE`, that may be false.

    Raises:
        IdempotencyKeyInUse: the first write with this key is still in progress.
        IdempotencyKeyReused: the key was used for a different request.
        UserBusy, DatabaseUnavailable, StatementTooSlow, psycopg2.Error: as for
            :func:`taskapp.db.execute.execute_in_turn`.
    """
    name = hashlib.sha256(f"{user_id}\0{key.key}".encode()).digest()
    lock = int.from_bytes(name[:8], signed=True)
    values = {**parameters, **key._asdict()}
    rows = execute_in_turn(statement, values, user_id=user_id, lock=lock, share=share)
    ((acquired, fingerprint, result, written),) = rows
    if fingerprint is not None:
        if bytes(fingerprint) != key.fingerprint:  # psycopg2 returns a memoryview.
            raise IdempotencyKeyReused
        return Outcome(result, replayed=True)
    if not acquired:
        raise IdempotencyKeyInUse
    if not written:
        return None
    return Outcome(written, replayed=False)


def time_from_json(value: str) -> datetime:
    """Parse a time of a stored result into a naive datetime in UTC, as ``taskapp.db.execute.execute`` returns it."""
    return datetime.fromisoformat(value).replace(tzinfo=None)


# Results are kept for at least 24 hours. A policy lets the owner of the table see only those that are older. A batch of
# this size can be deleted well before the deadline.
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
    """Delete the results of all users that are older than 24 hours, in batches.

    This runs as the login role, which must own the table.

    Returns:
        The number of deleted results.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`taskapp.db.execute.execute`.
    """
    purged = batch = len(execute_as_login_role(_PURGE))
    while batch == PURGE_BATCH:
        batch = len(execute_as_login_role(_PURGE))
        purged += batch
    return purged
