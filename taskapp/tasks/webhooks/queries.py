"""The statements on webhooks. Each names the acting user in every use of a table."""

from functools import cache
from typing import Any

from sqlalchemy import BigInteger, and_, bindparam, case, false, func, not_, null, or_, select, true

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.entries import MARKER
from taskapp.tasks.changes.models import Change
from taskapp.tasks.webhooks.models import Webhook

MAXIMUM_WEBHOOKS = 5

# The fields that clients may change.
CHANGEABLE = ("url", "enabled")
# What no response has.
HIDDEN = ("user_id", "secret", "previous_secret", "upto")

_table = Webhook.__table__.c
_owned = Webhook.user_id == ACTING_USER
_by_id = (_owned, Webhook.id == bindparam("webhook_id", type_=BigInteger))
_secret = bindparam("new_secret", type_=_table.secret.type)
_after = bindparam("after", type_=BigInteger)


def _newest() -> Any:
    """Return the number of the user's newest change, 0 if there is none."""
    newest = select(Change.number).where(Change.user_id == ACTING_USER).order_by(Change.number.desc()).limit(1)
    return func.coalesce(newest.scalar_subquery(), 0)


# It counts numbers, not rows: numbers have no gaps, and a count would read every row.
_behind = func.greatest(_newest() - _table.number, 0).label("behind")
_SELECTED = (*(column for column in _table if column.name not in HIDDEN), _behind)
# The names of the columns that each statement but the deletion returns.
COLUMNS = tuple(column.name for column in _SELECTED)

LIST_WEBHOOKS = select(*_SELECTED).where(_owned).order_by(Webhook.id)
GET_WEBHOOK = select(*_SELECTED).where(*_by_id)
DELETE_WEBHOOK = db.delete(Webhook).where(*_by_id).returning(Webhook.id)


def _creation() -> Any:
    values = {
        "user_id": ACTING_USER,
        "url": bindparam("new_url", type_=_table.url.type),
        "secret": _secret,
        "enabled": bindparam("new_enabled", type_=_table.enabled.type),
        "number": _newest(),
    }
    existing = select(func.count()).select_from(Webhook).where(_owned).scalar_subquery()
    new = select(*values.values()).where(existing < MAXIMUM_WEBHOOKS)
    return db.insert(Webhook).from_select(list(values), new).returning(*_SELECTED)


# Returns no row if there are too many webhooks. It runs in the user's turn, so that no other one is created meanwhile,
# and no change is made.
CREATE_WEBHOOK = _creation()


def _from_the_first_try(restarts: Any) -> dict[Any, Any]:
    """Return the values with which deliveries begin with their first try, at once.

    Args:
        restarts: the condition under which they do.
    """
    first = {
        _table.attempts: 0,
        _table.upto: null(),
        _table.failing_since: null(),
        _table.due_at: func.now(),
    }
    return {column: case((restarts, value), else_=column) for column, value in first.items()}


@cache
def update_webhook(fields: frozenset[str]) -> Any:
    """Return the statement that changes the webhook ``webhook_id``.

    Deliveries begin with their first try if the URL changes or the webhook becomes enabled. Values that are the same
    as before change nothing.

    Args:
        fields: the names of the fields to set, at least one; the parameters are ``new_`` and the name.
    """
    values = {_table[name]: bindparam(f"new_{name}", type_=_table[name].type) for name in sorted(fields)}
    moves = _table.url != values[_table.url] if "url" in fields else false()
    changes: dict[Any, Any] = dict(values)
    enables: Any = false()
    if "enabled" in fields:
        enables = and_(not_(_table.enabled), values[_table.enabled])
        changes[_table.disabled_at] = case((values[_table.enabled], null()), else_=_table.disabled_at)
    changes |= _from_the_first_try(or_(moves, enables))
    return db.update(Webhook).where(*_by_id).values(changes).returning(*_SELECTED)


ROTATE_SECRET = (
    db.update(Webhook)
    .where(*_by_id)
    .values({_table.previous_secret: _table.secret, _table.secret: _secret, _table.rotated_at: func.now()})
    .returning(*_SELECTED)
)


def _replay() -> Any:
    """Return the statement that lets deliveries begin with the change after the number ``after``.

    It returns one row: whether there is the webhook, whether the number is that of a change in the future, whether
    every change after it is known, as the feed of changes does it, and the webhook. Its columns are null if nothing was
    written.
    """
    log = (
        select(Change.number, Change.task_id)
        .where(Change.user_id == ACTING_USER, Change.number >= _after)
        .order_by(Change.number)
        .limit(2)
        .cte("log")
    )
    found = select(Webhook.id).where(*_by_id).exists()
    begins = select(log.c.number).where(log.c.number <= _after + 1).exists()
    is_hidden = select(log.c.number).where(log.c.number > _after, log.c.task_id == MARKER).exists()
    is_known = and_(or_(begins, and_(_after == 0, _newest() == 0)), not_(is_hidden))
    start = select(
        found.label("found"), (_after > _newest()).label("future"), is_known.label("known"), _newest().label("newest")
    ).cte("start")
    allowed = select(start.c.found).where(not_(start.c.future), start.c.known).exists()
    values = {_table.number: _after, **_from_the_first_try(true())}
    behind = select(start.c.newest - _after).scalar_subquery().label("behind")
    replayed = (
        db.update(Webhook).where(*_by_id, allowed).values(values).returning(*_SELECTED[:-1], behind).cte("replayed")
    )
    return select(start.c.found, start.c.future, start.c.known, *replayed.c).select_from(
        start.outerjoin(replayed, true())
    )


REPLAY = _replay()
