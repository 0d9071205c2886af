"""Finds the webhooks of all users that are due, as a role that sees neither what is due nor where to, and cannot write.

The processes that deliver share the webhooks by leases. A look takes none: :data:`~.queries.BEGIN` does, as the owner
of the webhook, by moving ``due_at`` ahead if it is still the one that the look saw. So a webhook has one delivery at a
time, and after a crash another process takes over.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Integer, bindparam, func, true

from taskapp.db import db
from taskapp.db.execute import execute_as_courier
from taskapp.tasks.changes.models import Change
from taskapp.tasks.webhooks.models import Webhook


class Due(NamedTuple):
    """A webhook that is due, or that this process is to go on with.

    Attributes:
        user_id: the owner of the webhook.
        webhook_id: its id.
        due_at: its ``due_at``. If it is another one meanwhile, the webhook is no longer this process's to take.
    """

    user_id: str
    webhook_id: int
    due_at: datetime


class Look(NamedTuple):
    """What a look at all webhooks found.

    Attributes:
        enabled: whether any webhook is enabled.
        due: the webhooks that are due, those that have waited longest first.
    """

    enabled: bool
    due: Sequence[Due]


def _has_more(webhook: Any) -> Any:
    """Return whether the log has changes to deliver.

    As an operand of IS, the subquery is evaluated for each webhook by the key of the log. PostgreSQL could turn a mere
    EXISTS into a join that reads the log of all users. Citus refuses a LIMIT in its place.
    """
    later = db.select(Change.number).where(Change.user_id == webhook.user_id, Change.number > webhook.number)
    return later.exists().is_(true())


def _look() -> Any:
    due = (
        db.select(Webhook.user_id, Webhook.id, Webhook.due_at)
        .where(Webhook.enabled, Webhook.due_at <= func.now(), _has_more(Webhook))
        .order_by(Webhook.due_at)
        .limit(bindparam("most", type_=Integer))
        .subquery("due")
    )
    enabled = db.select(Webhook.id).where(Webhook.enabled).limit(1).subquery("enabled")
    return db.select(*due.c).select_from(enabled.outerjoin(due, true())).order_by(due.c.due_at)


def _count() -> Any:
    behind = (
        db.select((Webhook.due_at <= func.now()).label("due"))
        .where(Webhook.enabled, _has_more(Webhook))
        .subquery("behind")
    )
    counts = (func.count().filter(behind.c.due), func.count().filter(~behind.c.due))
    return db.select(*counts).select_from(behind)


# No row if no webhook is enabled. One with nulls if none is due.
LOOK = _look()
# The number of webhooks with undelivered changes that are due, and of those that wait for a retry or are being called.
COUNT = _count()


def look(most: int) -> Look:
    """Return webhooks that are due. Other processes may be about to take them too.

    Args:
        most: their maximum number.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`taskapp.db.execute.execute`.
    """
    rows = execute_as_courier(LOOK, {"most": most})
    return Look(bool(rows), [Due(*row) for row in rows if row[0] is not None])


def count_behind() -> tuple[int, int]:
    """Return how many webhooks with undelivered changes are due, and how many are not due yet.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`taskapp.db.execute.execute`.
    """
    ((due, waiting),) = execute_as_courier(COUNT, {})
    return due, waiting
