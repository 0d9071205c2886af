"""Writes of the release before the log of changes (revision 0005), as statements.

Its messages began with AS_USER. The other settings of its prefix and most of the RETURNING are left out.
"""

import contextlib
import hashlib

from tests.support.postgres import connect

AS_USER = "SELECT set_config('role', 'taskapp_user', true), set_config('app.user_id', %(user_id)s, true);\n"
_ROW = " RETURNING tasks.id AS id, tasks.version AS version, tasks.title AS title, tasks.completed AS completed"

CREATE = f"INSERT INTO tasks (user_id, title) VALUES (%(user_id)s, %(title)s){_ROW}"
UPDATE = (
    "UPDATE tasks SET title=%(title)s, updated_at=now(), version=(tasks.version + 1)"
    f" WHERE tasks.user_id = %(user_id)s AND tasks.id = %(task_id)s{_ROW}"
)
TOGGLE = (
    "UPDATE tasks SET completed=NOT tasks.completed, completed_at=CASE WHEN NOT tasks.completed THEN CASE WHEN"
    " tasks.completed THEN tasks.completed_at ELSE now() END END, updated_at=now(), version=(tasks.version + 1)"
    f" WHERE tasks.user_id = %(user_id)s AND tasks.id = %(task_id)s{_ROW}"
)
DELETE = f"DELETE FROM tasks WHERE tasks.user_id = %(user_id)s AND tasks.id = %(task_id)s{_ROW}"
CREATE_ONCE = f"""
WITH lock AS
(SELECT pg_try_advisory_xact_lock(CAST(%(lock)s AS BIGINT)) AS acquired),
stored AS
(SELECT idempotency_keys.fingerprint AS fingerprint, idempotency_keys.result AS result
FROM idempotency_keys
WHERE idempotency_keys.user_id = %(user_id)s AND idempotency_keys.key = %(key)s),
written AS
(INSERT INTO tasks (user_id, title) SELECT %(user_id)s, %(title)s
WHERE (SELECT lock.acquired
FROM lock) AND NOT (EXISTS (SELECT stored.fingerprint
FROM stored)){_ROW}),
inserted AS
(INSERT INTO idempotency_keys (user_id, key, fingerprint, result)
SELECT %(user_id)s, %(key)s, %(fingerprint)s, to_jsonb(written)
FROM written)
SELECT lock.acquired, stored.fingerprint, stored.result, to_jsonb(written) AS written_now
FROM lock LEFT OUTER JOIN stored ON true LEFT OUTER JOIN written ON true
"""


def lock_of(user_id, key):
    """The number of the advisory lock of an idempotency key."""
    return int.from_bytes(hashlib.sha256(f"{user_id}\0{key}".encode()).digest()[:8], signed=True)


@contextlib.contextmanager
def old_worker(url, user_id):
    """A function that runs one of the statements as a user, and returns its row."""
    with contextlib.closing(connect(url)) as connection, connection.cursor() as cursor:

        def send(statement, **parameters):
            cursor.execute(AS_USER + statement, {"user_id": user_id, **parameters})
            return cursor.fetchone()

        yield send
