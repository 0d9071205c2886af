"""How long changes are kept, and how the numbers go on after a restore.

Both run as the login role, which must own the tables. Its policies show it the changes of all users if a transaction
asks for them (``app.backfill``), but let it delete only those that are older than 7 days.
"""

from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import Executable, text

from taskapp.db.errors import DatabaseNotSetUp
from taskapp.db.execute import execute_as_login_role

# Users and changes per statement. Each takes a fraction of a second.
USERS = 1_000
BATCH = 10_000

# Row-level security hides the rows of others from a role that the policies do not name, such as a new owner.
_SEES_ALL: Executable = text("""
SELECT NOT row_security_active('changes') OR 2 = (
    SELECT count(*) FROM pg_policy JOIN pg_roles ON pg_roles.oid = ANY (polroles)
    WHERE polrelid IN ('changes'::regclass, 'tasks'::regclass) AND polname = 'backfill_read' AND rolname = current_user
)
""")

# Each statement visits the next users by looking for the first change behind the user before. So its cost depends on
# their number and on what it deletes, not on the size of the log, and writes maintain no index for it. The times of a
# user's changes never go back, so the expired ones are at the beginning of the log. The lock lets purges of several
# workers take turns; the snapshot is taken after it.
#
# The newest change always stays, because the next number follows it. Once it is expired and alone, it becomes a marker.
# If it only lost its contents, it would pass for a change of nothing, and a merge would overwrite what it changed.
_PURGE: Executable = text("""
SELECT set_config('app.backfill', 'on', true), set_config('enable_seqscan', 'off', true),
    pg_advisory_xact_lock(7459003);
WITH RECURSIVE first AS (
    (SELECT user_id, number, at FROM changes WHERE user_id >= :user_id ORDER BY user_id, number LIMIT 1)
    UNION ALL
    SELECT next.* FROM first CROSS JOIN LATERAL (
        SELECT user_id, number, at FROM changes WHERE user_id > first.user_id ORDER BY user_id, number LIMIT 1
    ) AS next
), page AS MATERIALIZED (
    SELECT * FROM first LIMIT :users
), due AS MATERIALIZED (
    SELECT page.user_id, newest.number AS newest, newest.at < now() - :history AS all_expired,
        least(newest.number, page.number + :batch, (
            SELECT number FROM changes WHERE user_id = page.user_id AND at >= now() - :history ORDER BY number LIMIT 1
        )) AS first_kept
    FROM page CROSS JOIN LATERAL (
        SELECT number, at FROM changes WHERE user_id = page.user_id ORDER BY number DESC LIMIT 1
    ) AS newest
    WHERE page.at < now() - :history
), expired AS MATERIALIZED (
    SELECT change.* FROM due CROSS JOIN LATERAL (
        SELECT user_id, number FROM changes WHERE user_id = due.user_id AND number < due.first_kept ORDER BY number
    ) AS change
    LIMIT :batch
), progress AS MATERIALIZED (
    SELECT count(*) AS count, max(user_id) AS last_user FROM expired
), deleted AS (
    DELETE FROM changes USING expired
    WHERE changes.user_id = expired.user_id AND changes.number = expired.number
    RETURNING task_id
), emptied AS (
    UPDATE changes
    SET task_id = 0, operation = NULL, previous = NULL, previous_at = NULL, undoes = NULL, before = '{}', after = '{}'
    FROM due, progress
    WHERE changes.user_id = due.user_id AND changes.number = due.newest AND task_id <> 0
        AND all_expired AND first_kept = newest AND (count < :batch OR due.user_id < last_user)
    RETURNING 1
)
SELECT (SELECT count(*) FROM page), (SELECT max(user_id) FROM page), count, last_user,
    (SELECT count(*) FROM deleted WHERE task_id <> 0) + (SELECT count(*) FROM emptied)
FROM progress
""")

# The log is locked before it is read, so that no write takes a number in between. A transaction of a user who
# waits for the lock takes its snapshot afterwards. A user may have tasks but no log: if a release without the log
# created them. The time is that of the clock, even if it is before the newest change: nothing else would end the effect
# of a clock that was ahead.
_RESTART: Executable = text("""
SELECT set_config('app.backfill', 'on', true);
LOCK TABLE changes IN ACCESS EXCLUSIVE MODE;
CREATE TEMPORARY TABLE taskapp_markers ON COMMIT DROP AS
    SELECT user_id, max(number) + 1000000 AS number
    FROM (SELECT user_id, number FROM changes UNION ALL SELECT user_id, version FROM tasks) AS known
    GROUP BY user_id;
TRUNCATE changes;
INSERT INTO changes (user_id, number, task_id, at, before, after)
    SELECT user_id, number, 0, clock_timestamp(), '{}', '{}' FROM taskapp_markers
    RETURNING 1
""")


def purge() -> int:
    """Delete the changes of all users that are older than HISTORY_DAYS, in batches.

    After each batch, the log of a user has all changes after some number. A user who has not written for that long
    keeps a marker, without the change.

    Returns:
        The number of deleted changes, including those that became markers.

    Raises:
        DatabaseNotSetUp: the role does not own the tables, or their policies do not name it.
        DatabaseUnavailable, psycopg2.Error: as for :func:`taskapp.db.execute.execute`.
    """
    _check_role()
    values: dict[str, Any] = {
        "history": timedelta(days=current_app.config["HISTORY_DAYS"]),
        "users": USERS,
        "batch": BATCH,
        "user_id": "",
    }
    purged = 0
    while True:
        ((users, last_user, expired, last_purged, count),) = execute_as_login_role(_PURGE, values)
        purged += int(count)
        if users < USERS and expired < BATCH:
            return purged
        # Either the batch is full, and this user may have more, or all pages up to this user are done.
        values["user_id"] = last_purged if expired == BATCH else last_user


def restart() -> int:
    """Replace the log of each user by a marker, whose number is higher than any that was given before by 1,000,000.

    For a database that was restored to an earlier state, or written to by a release without the log. Clients then read
    all tasks again. No write runs in the meantime.

    Returns:
        The number of users.

    Raises:
        DatabaseNotSetUp, DatabaseUnavailable, psycopg2.Error: as for :func:`purge`. Nothing was changed.
    """
    _check_role()
    return len(execute_as_login_role(_RESTART))


def _check_role() -> None:
    """Refuse a role that would not see all changes. A purge would find nothing, and a restart would forget numbers."""
    if not execute_as_login_role(_SEES_ALL)[0][0]:
        raise DatabaseNotSetUp("the policies backfill_read of the tables changes and tasks are not for this role")
