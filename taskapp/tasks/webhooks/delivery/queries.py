"""The statements of a delivery, as the owner of the webhook. Each names the acting user, and the lease.

None of them waits for the user's turn. They write no task, and what they read of the log never changes.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import BigInteger, Boolean, DateTime, Integer, Text, bindparam, case, cast, func, or_, true

from taskapp.db import db
from taskapp.db.prefix import ACTING_USER
from taskapp.tasks.changes.entries import MARKER, entry_columns
from taskapp.tasks.changes.models import Change
from taskapp.tasks.webhooks.models import Webhook

# How long no other process takes a webhook. Longer than all that a delivery does: two statements, and a call of at most
# 10 seconds.
LEASE_SECONDS = 60
LEASE = timedelta(seconds=LEASE_SECONDS)
# Of one delivery. The bytes are those of the values in the log; the JSON is larger by its names.
MAXIMUM_CHANGES = 100
MAXIMUM_BYTES = 20_000
# After a rotation, signatures are also made with the previous secret.
BOTH_SIGN = timedelta(hours=24)
MAXIMUM_ATTEMPTS = 10
_LAST = 2**63 - 1
# The columns of BEGIN before those of an entry.
ABOUT = ("due_at", "url", "secret", "previous_secret", "attempts", "number", "range_end", "end_at", "known")

_lease = bindparam("lease", type_=DateTime(timezone=True))
_leased = (
    Webhook.user_id == ACTING_USER,
    Webhook.id == bindparam("webhook_id", type_=BigInteger),
    Webhook.due_at == _lease,
)


def _is_reminder(change: Any) -> Any:
    """Return whether the service reminded of the task by this change.

    Then ``reminded_at`` is the time of the change. Undo and an import only write down that it was done before.
    """
    before, after = (image.op("->>")("reminded_at") for image in (change.before, change.after))
    was_null = func.jsonb_exists(change.before, "reminded_at", type_=Boolean) & before.is_(None)
    is_now = cast(after, DateTime(timezone=True)) == change.at
    return func.coalesce(was_null & is_now & change.undoes.is_(None), False)


def _next_changes(hook: Any) -> Any:
    """Return the changes that follow the last delivered one, up to the end of the current delivery if it has one.

    Each has its position, and the sizes and the reminders up to it.
    """
    page = (
        db.select(Change)
        .where(Change.user_id == ACTING_USER, Change.number > hook.c.number, Change.number <= hook.c.last)
        .order_by(Change.number)
        .limit(MAXIMUM_CHANGES)
        .lateral("page")
    )
    # Not pg_column_size, which returns the compressed size.
    sizes = (func.coalesce(func.octet_length(cast(image, Text)), 0) for image in (page.c.before, page.c.after))
    reminder = _is_reminder(page.c)
    return (
        db.select(
            *entry_columns(page.c),
            reminder.label("reminder"),
            func.row_number().over(order_by=page.c.number).label("position"),
            func.sum(sum(sizes)).over(order_by=page.c.number).label("bytes"),
            func.sum(cast(reminder, Integer)).over(order_by=page.c.number).label("reminders"),
        )
        .select_from(hook.join(page, true()))
        .cte("next_changes")
        .prefix_with("MATERIALIZED")
    )


def _end_of_log(hook: Any) -> Any:
    """Return the newest change, or the end of the current delivery if that is still in the log."""
    own = db.select(Change.number, Change.at).where(Change.user_id == ACTING_USER).order_by(Change.number.desc())
    newest = own.limit(1).lateral("newest")
    pinned = own.where(Change.number == hook.c.upto).limit(1).lateral("pinned")
    columns = (func.coalesce(pinned.c[name], newest.c[name]).label(name) for name in ("number", "at"))
    source = hook.join(newest, true()).outerjoin(pinned, true())
    return db.select(*columns).select_from(source).cte("end_of_log").prefix_with("MATERIALIZED")


def _hook() -> Any:
    """Return the webhook, if no other process has it."""
    secret = case((Webhook.rotated_at > func.now() - BOTH_SIGN, Webhook.previous_secret)).label("previous_secret")
    last = func.coalesce(Webhook.upto, _LAST).label("last")
    columns = (Webhook.url, Webhook.secret, secret, Webhook.attempts, Webhook.number, Webhook.upto, last)
    # Of several processes, one gets the row, and the others need not wait for it.
    free = db.select(*columns).where(*_leased, Webhook.enabled).with_for_update(key_share=True, skip_locked=True)
    return free.cte("hook").prefix_with("MATERIALIZED")


def _chosen(hook: Any, following: Any, batch: Any) -> Any:
    """Return the webhook with the end of the delivery, and whether all changes up to it are known."""
    # As in the feed: the first change must be the next number, and no marker.
    first = db.select(following.c.number).where(following.c.position == 1, following.c.task_id != MARKER)
    known = func.coalesce(first.scalar_subquery() == hook.c.number + 1, False).label("known")
    checked = db.select(*hook.c, known).cte("checked").prefix_with("MATERIALIZED")
    end = _end_of_log(hook)
    last_of_batch = db.select(func.max(batch.c.number)).scalar_subquery()
    range_end = case((checked.c.known, last_of_batch), else_=end.c.number).label("range_end")
    return (
        db.select(*checked.c, range_end, end.c.at.label("end_at"))
        .select_from(checked.join(end, true()))
        .where(range_end > checked.c.number)
        .cte("chosen")
        .prefix_with("MATERIALIZED")
    )


def _begin() -> Any:
    hook = _hook()
    following = _next_changes(hook)
    fits = (following.c.bytes <= MAXIMUM_BYTES) & (following.c.reminders == 0)
    in_batch = or_(hook.c.upto.is_not(None), following.c.position == 1, fits)
    batch = db.select(*following.c).select_from(following.join(hook, true())).where(in_batch).cte("batch")
    chosen = _chosen(hook, following, batch)
    taken = (
        db.update(Webhook)
        .where(*_leased)
        .values(due_at=func.now() + LEASE, upto=chosen.c.range_end)
        .returning(Webhook.due_at, *(chosen.c[name] for name in ABOUT[1:]))
        .cte("taken")
    )
    entry = [column for column in batch.c if column.name not in {"position", "bytes", "reminders"}]
    # The table is there for Citus only: without it, the statement would commit in two phases.
    return (
        db.select(*(taken.c[name] for name in ABOUT), *entry)
        .select_from(db.join(Webhook, taken, true()).outerjoin(batch, taken.c.known))
        .where(*_leased)
        .order_by(batch.c.number)
    )


def _more() -> Any:
    later = db.select(Change.number).where(
        Change.user_id == ACTING_USER, Change.number > bindparam("range_end", type_=BigInteger)
    )
    return later.order_by(Change.number).limit(1).scalar_subquery().is_not(None)


# Takes a lease, and fixes the range of the delivery at its first try. A row for each of its changes: the lease, the
# webhook, then the columns of an entry, which are null if changes are missing in the log. No row, and no lease, if
# another process was faster, the webhook has changed or is changing, or nothing is to be delivered.
BEGIN = _begin()

# A delivery succeeded. If changes follow, the lease is renewed if ``renew`` is set. Returns it, and whether it was
# renewed; no row if it was lost.
RECORD_SUCCESS = (
    db.update(Webhook)
    .where(*_leased, Webhook.upto == bindparam("range_end", type_=BigInteger))
    .values(
        number=Webhook.upto,
        upto=None,
        attempts=0,
        failing_since=None,
        last_status=bindparam("status", type_=Integer),
        due_at=case((bindparam("renew", type_=Boolean) & _more(), func.now() + LEASE), else_=func.now()),
    )
    .returning(Webhook.due_at, Webhook.due_at > func.now())
)


def _record_failure() -> Any:
    disabled = or_(bindparam("disable", type_=Boolean), Webhook.attempts + 1 >= MAXIMUM_ATTEMPTS)
    return (
        db.update(Webhook)
        .where(*_leased, Webhook.upto == bindparam("range_end", type_=BigInteger), Webhook.enabled)
        .values(
            attempts=Webhook.attempts + 1,
            failing_since=func.coalesce(Webhook.failing_since, func.now()),
            last_status=bindparam("status", type_=Integer),
            due_at=func.now() + bindparam("wait"),
            enabled=~disabled,
            disabled_at=case((disabled, func.now())),
        )
        .returning(Webhook.enabled)
    )


# A delivery failed. Returns whether the webhook is still enabled; no row if the lease was lost.
RECORD_FAILURE = _record_failure()

# Nothing was delivered: another process may take the webhook at once.
RELEASE = db.update(Webhook).where(*_leased).values(due_at=func.now()).returning(Webhook.id)
