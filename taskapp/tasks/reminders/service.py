"""Reminds users of their tasks. It is independent of HTTP.

A reminder that is due becomes a change in the log of its user, which sets ``reminded_at``. So the log is the queue:
every webhook and every client that follows the log gets it once, in order, and again if it asks again.
"""

import logging
import time

import psycopg2

from taskapp.db.errors import DatabaseUnavailable, StatementTooSlow
from taskapp.db.execute import execute_as_courier, execute_in_turn
from taskapp.tasks.reminders import queries

# Of a user in one statement. The user's other writes wait meanwhile.
MOST = 100
_USERS = 100
# The seconds until the reminders of a user are tried again after their write has failed. Others wait as long at most.
_PAUSE = 5.0
_logger = logging.getLogger(__name__)


def next_reminder() -> float | None:
    """Return the seconds until the next reminder of any user is due, 0 if one is; None if no reminder is pending.

    Raises:
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`. All functions of this module may raise it.
    """
    ((seconds,),) = execute_as_courier(queries.SECONDS_LEFT, {})
    return None if seconds is None else max(0.0, float(seconds))


def users_with_due_reminders(limit: int, *, after: str = "") -> list[str]:
    """Return users of whose tasks a reminder is due, in the order of their ids.

    Args:
        limit: the maximum number of users.
        after: the last user of the previous call, or an empty string to begin.
    """
    rows = execute_as_courier(queries.USERS_WITH_DUE_REMINDERS, {"after": after, "page_size": limit})
    return [user_id for (user_id,) in rows]


def fire(user_id: str) -> int:
    """Remind of those tasks of a user whose reminders are due, and return their number, :data:`MOST` at the most.

    Each is an ordinary write of the user, in the order in which they were due. Of several processes that do this at
    the same time, the first one reminds of a task, and the others find it done.

    Args:
        user_id: the acting user.

    Raises:
        UserBusy: see :func:`taskapp.db.execute.execute_in_turn`.
    """
    ((number,),) = execute_in_turn(queries.REMIND, {"most": MOST}, user_id=user_id)
    return int(number)


def fire_due_reminders(failed: dict[str, float] | None = None) -> float | None:
    """Remind all users of their tasks whose reminders are due.

    Args:
        failed: the users whose writes have failed, and when they are tried again, on the clock of ``time.monotonic``.
            The next call needs it too. None for none.

    Returns:
        The seconds until the next reminder is due; None if no reminder is pending.
    """
    failed = {} if failed is None else failed
    for user_id in [each for each, retry_at in failed.items() if retry_at <= time.monotonic()]:
        del failed[user_id]
    seconds = next_reminder()
    while seconds == 0:
        if not _fire_once(failed):  # Only those of users whose writes fail are left, or others have done it.
            break
        seconds = next_reminder()
    return min(seconds or _PAUSE, _PAUSE) if failed else seconds


def _fire_once(failed: dict[str, float]) -> int:
    """Remind each user once, but for those whose writes have failed. Return the number of reminders."""
    number, after = 0, ""
    while users := users_with_due_reminders(_USERS, after=after):
        after = users[-1]
        for user_id in users:
            if user_id in failed:
                continue
            try:
                number += fire(user_id)
            except (DatabaseUnavailable, StatementTooSlow) as error:
                # The database may be unavailable, and then the next statement says so; or only this user is busy.
                _logger.warning("The reminders of a user wait for the database: %s", type(error).__name__)
                failed[user_id] = time.monotonic() + _PAUSE
            except psycopg2.Error:
                _logger.exception("The reminders of a user failed")
                failed[user_id] = time.monotonic() + _PAUSE
    return number
