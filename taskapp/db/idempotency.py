"""Writes that happen once, however often they are asked for.

One statement does it all, and so one implicit transaction: it looks whether the key is known, writes the task if not,
and stores the result under the key. An advisory lock of the transaction tells a repetition that comes while the first
request is still running. One that comes in the moment between breaks the primary key of the keys, which undoes its
write; asked again, it finds the result.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import psycopg2
from flask import Response
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    Executable,
    Insert,
    Select,
    Update,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    literal_column,
    not_,
    select,
    text,
    true,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB

from taskapp.db.execute import ACTING_USER, execute, execute_as_login_role
from taskapp.http.context import this_app, this_request
from taskapp.http.errors import Conflict, DatabaseUnavailable, InvalidInput
from taskapp.http.terms import Terms
from taskapp.tasks.models import IdempotencyKey, TaskRow

keys = IdempotencyKey.__table__.c


class Replayed(TaskRow):
    """A task as the first request with the same key left it."""


_HELD = select(func.pg_try_advisory_xact_lock(cast(bindparam("lock"), BigInteger)).label("held")).cte("held")
_KNOWN = (
    select(keys.fingerprint, keys.result).where(keys.user_id == ACTING_USER, keys.key == bindparam("key")).cte("known")
)
# What a write of a keyed statement must ask in its WHERE.
MAY_WRITE: tuple[ColumnElement[bool], ...] = (
    select(_HELD.c.held).scalar_subquery(),
    not_(exists(select(_KNOWN.c.fingerprint))),
)


def once(write: Insert | Update | Delete) -> Select[Any]:
    """Make a write that returns its task into a statement that happens once; it must ask for :data:`MAY_WRITE`."""
    written = write.cte("written")
    result = type_coerce(func.to_jsonb(literal_column("written")), JSONB)
    kept = (
        insert(IdempotencyKey.__table__)
        .from_select(
            ["user_id", "key", "fingerprint", "result"],
            select(
                ACTING_USER, bindparam("key"), bindparam("fingerprint", type_=keys.fingerprint.type), result
            ).select_from(written),
        )
        .cte("kept")
    )
    return (
        select(_HELD.c.held, _KNOWN.c.fingerprint, _KNOWN.c.result, result.label("fresh"))
        .select_from(_HELD.outerjoin(_KNOWN, true()).outerjoin(written, true()))
        .add_cte(kept)
    )


def execute_once(
    statement: Select[Any], parameters: Mapping[str, Any], terms: Terms, *, user_id: str
) -> Sequence[TaskRow]:
    """Run a statement of :func:`once`.

    Returns:
        The task in a list, a :class:`Replayed` where it was written before; nothing where no task was found to write.

    Raises:
        Conflict: the first request with this key is still running.
        InvalidInput: the key was used for another request.
    """
    name = hashlib.sha256(f"{user_id}\0{terms.key}".encode()).digest()
    values = {
        **parameters,
        "key": terms.key,
        "fingerprint": terms.fingerprint,
        "lock": int.from_bytes(name[:8], signed=True),
    }
    try:
        ((held, fingerprint, result, fresh),) = execute(statement, values, user_id=user_id)
    except psycopg2.IntegrityError:
        ((held, fingerprint, result, fresh),) = execute(statement, values, user_id=user_id)
    if fingerprint is not None:
        if bytes(fingerprint) != terms.fingerprint:  # psycopg2 reads it as a memoryview.
            raise InvalidInput(details={"Idempotency-Key": ["Was used for another request."]})
        return [_task(Replayed, result)]
    if not held:
        raise Conflict
    return [_task(TaskRow, fresh)] if fresh else []


def _task(kind: type[TaskRow], result: Mapping[str, Any]) -> TaskRow:
    # By name, and what is not there as null: a result may have been stored when a task had other columns.
    values: dict[str, Any] = {name: result.get(name) for name in TaskRow._fields}
    times = {name: datetime.fromisoformat(result[name]).replace(tzinfo=None) for name in ("created_at", "updated_at")}
    return kind(**{**values, **times})


# Results are kept for a day at least; the policy of the table lets its owner see those that are older. So many at once
# as can be removed well before the deadline.
PURGE_BATCH = 10_000
_EXPIRED = (
    select(keys.user_id, keys.key).where(keys.created_at < func.now() - text("interval '24 hours'")).limit(PURGE_BATCH)
)
_PURGE: Executable = (
    delete(IdempotencyKey.__table__).where(tuple_(keys.user_id, keys.key).in_(_EXPIRED)).returning(literal_column("1"))
)
PURGE_SECONDS = 3600
_purge_at = 0.0


def purge() -> int:
    """Remove results of all users that have been kept for long enough; :data:`PURGE_BATCH` at the most.

    It runs as the role that the service logs in with, which must own the table.

    Returns:
        How many.
    """
    return len(execute_as_login_role(_PURGE))


def purge_now_and_then(response: Response) -> Response:
    """After a request with a key, and an hour after the last time at the earliest: purge, once the answer is sent."""
    global _purge_at  # noqa: PLW0603 # One clock for the process; two threads that read it at once purge twice.
    if "HTTP_IDEMPOTENCY_KEY" not in this_request().environ or time.monotonic() < _purge_at:
        return response
    _purge_at = time.monotonic() + PURGE_SECONDS
    app = this_app()

    @response.call_on_close
    def run() -> None:
        with app.app_context():
            try:
                while purge() == PURGE_BATCH:
                    pass
            except DatabaseUnavailable:
                app.logger.warning("Expired idempotency keys are purged later: the database is away")
            except psycopg2.Error:
                app.logger.warning("Expired idempotency keys could not be purged", exc_info=True)

    return response
