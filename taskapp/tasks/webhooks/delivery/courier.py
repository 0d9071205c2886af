"""Finds the webhooks of all users that are due, as a role that sees neither what is due nor where to.

The processes that deliver share the webhooks by leases: a process moves ``due_at`` ahead, and no other one takes the
webhook until then. So a webhook has one delivery at a time, and after a crash another process takes over.
"""

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Integer, bindparam, func, true

from taskapp.db import db
from taskapp.db.execute import execute_as_courier
from taskapp.tasks.changes.models import Change
from taskapp.tasks.webhooks.models import Webhook

# Longer than all that a delivery does: two statements, and a call of at most 10 seconds.
LEASE_SECONDS = 60
LEASE = timedelta(seconds=LEASE_SECONDS)


class Lease(NamedTuple):
    """The permission of this process to deliver to a webhook.

    Attributes:
        user_id: the owner of the webhook.
        webhook_id: its id.
        due_at: its ``due_at``, which identifies the lease. If it is another one, the lease is lost.
        ends_at: when other processes may take the webhook, on the clock of ``time.monotonic``.
    """

    user_id: str
    webhook_id: int
    due_at: datetime
    ends_at: float


class Look(NamedTuple):
    """What a look at all webhooks found.

    Attributes:
        enabled: whether any webhook is enabled.
        leases: the webhooks that are due, those that have waited longest first.
    """

    enabled: bool
    leases: Sequence[Lease]


def _next_change(webhook: Any) -> Any:
    """Return the number of the change to deliver next; null if there is none.

    A scalar subquery is evaluated for each webhook by the key of the log. PostgreSQL could turn EXISTS into a join that
    reads the log of all users.
    """
    later = db.select(Change.number).where(Change.user_id == webhook.user_id, Change.number > webhook.number)
    return later.order_by(Change.number).limit(1).scalar_subquery()


def _look() -> Any:
    due = (
        db.select(Webhook.user_id, Webhook.id)
        .where(Webhook.enabled, Webhook.due_at <= func.now(), _next_change(Webhook).is_not(None))
        .order_by(Webhook.due_at)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True)
        # If a nested loop read the rows again, it would lock and lease other ones each time.
        .cte("due")
        .prefix_with("MATERIALIZED")
    )
    leased = (
        db.update(Webhook)
        .where(Webhook.user_id == due.c.user_id, Webhook.id == due.c.id)
        .values(due_at=func.now() + LEASE)
        .returning(Webhook.user_id, Webhook.id, Webhook.due_at)
        .cte("leased")
    )
    enabled = db.select(db.select(Webhook.id).where(Webhook.enabled).exists().label("enabled")).subquery("any")
    return db.select(enabled.c.enabled, *leased.c).select_from(enabled.outerjoin(leased, true()))


def _count() -> Any:
    behind = (
        db.select((Webhook.due_at <= func.now()).label("due"))
        .where(Webhook.enabled, _next_change(Webhook).is_not(None))
        .subquery("behind")
    )
    counts = (func.count().filter(behind.c.due), func.count().filter(~behind.c.due))
    return db.select(*counts).select_from(behind)


# At least one row: whether any webhook is enabled, and a lease or nulls.
LOOK = _look()
# The number of webhooks with undelivered changes that are due, and of those that wait for a retry or are being called.
COUNT = _count()


def look(most: int) -> Look:
    """Take leases of webhooks that are due.

    Args:
        most: the maximum number of leases.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`taskapp.db.execute.execute`.
    """
    started = time.monotonic()
    rows = execute_as_courier(LOOK, {"most": most})
    ends_at = started + LEASE_SECONDS
    leases = [Lease(user_id, number, due_at, ends_at) for _, user_id, number, due_at in rows if user_id is not None]
    return Look(bool(rows[0][0]), leases)


def count_behind() -> tuple[int, int]:
    """Return how many webhooks with undelivered changes are due, and how many are not due yet.

    Raises:
        DatabaseUnavailable, psycopg2.Error: as for :func:`taskapp.db.execute.execute`.
    """
    ((due, waiting),) = execute_as_courier(COUNT, {})
    return due, waiting
