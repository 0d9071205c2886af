"""Writes of the release before recurrence (revision 0006), as statements: each takes the turn of its user, and logs.

Their RETURNING for responses, and the savepoints and settings around them, are left out.
"""

import contextlib

from tests.support.postgres import connect

AS_USER = (
    "SELECT set_config('role', 'taskapp_user', true), set_config('app.user_id', %(user_id)s, true),"
    " pg_advisory_xact_lock(hashtextextended(%(user_id)s, 1953854062));\n"
)
_LAST = """
(SELECT max(newest.number) AS number, greatest(clock_timestamp(), max(newest.at)) AS now
FROM (SELECT changes.number AS number, changes.at AS at
FROM changes
WHERE changes.user_id = %(user_id)s ORDER BY changes.number DESC
 LIMIT 1) AS newest) AS last"""
CREATE = f"""
WITH created AS
(INSERT INTO tasks (user_id, title, version, created_at, updated_at)
SELECT %(user_id)s, %(title)s, coalesce(last.number, 0) + 1, last.now, last.now
FROM {_LAST} RETURNING tasks.*, to_jsonb(tasks) - CAST(ARRAY['user_id', 'id', 'version', 'updated_at', 'created_at']
AS TEXT[]) AS after),
logged AS
(INSERT INTO changes (user_id, number, task_id, at, after) SELECT created.user_id, created.version, created.id,
created.updated_at, created.after
FROM created)
SELECT created.id FROM created
"""
DELETE = f"""
WITH deleted AS
(DELETE FROM tasks WHERE tasks.user_id = %(user_id)s AND tasks.id = %(task_id)s
RETURNING tasks.*, to_jsonb(tasks) - CAST(ARRAY['user_id', 'id', 'version', 'updated_at'] AS TEXT[]) AS before),
logged AS
(INSERT INTO changes (user_id, number, task_id, previous, previous_at, at, before)
SELECT deleted.user_id, greatest(last.number, deleted.version) + 1, deleted.id, deleted.version, deleted.updated_at,
last.now, deleted.before
FROM deleted JOIN {_LAST} ON true RETURNING changes.number)
SELECT deleted.id FROM deleted JOIN logged ON true
"""


def _update(before, after, values):
    return f"""
WITH logged AS
(INSERT INTO changes (user_id, number, task_id, previous, previous_at, at, before, after)
SELECT tasks.user_id, greatest(last.number, tasks.version) + 1, tasks.id, tasks.version, tasks.updated_at, last.now,
jsonb_build_object({before}), jsonb_build_object({after})
FROM tasks JOIN {_LAST} ON true
WHERE tasks.user_id = %(user_id)s AND tasks.id = %(task_id)s FOR NO KEY UPDATE OF tasks
RETURNING changes.number, changes.task_id, changes.at)
UPDATE tasks SET {values}, updated_at=(SELECT logged.at
FROM logged), version=(SELECT logged.number
FROM logged) WHERE tasks.user_id = %(user_id)s AND tasks.id = (SELECT logged.task_id
FROM logged) RETURNING tasks.id
"""


UPDATE = _update("'title', tasks.title", "'title', CAST(%(title)s AS VARCHAR(255))", "title=%(title)s")
TOGGLE = _update(
    "'completed', tasks.completed, 'completed_at', tasks.completed_at",
    "'completed', NOT tasks.completed, 'completed_at', CASE WHEN NOT tasks.completed THEN last.now END",
    "completed=NOT tasks.completed, completed_at=CASE WHEN NOT tasks.completed THEN (SELECT logged.at FROM logged) END",
)
_DUE = "'due_date', {0}due_date, 'due_time', {0}due_time, 'time_zone', {0}time_zone, 'due_order', {0}due_order"
CLEAR_DAY = _update(
    _DUE.format("tasks."),
    "'due_date', null, 'due_time', null, 'time_zone', null, 'due_order', CAST('infinity' AS TIMESTAMP)",
    "due_date=NULL, due_time=NULL, time_zone=NULL, due_order='infinity'",
)


@contextlib.contextmanager
def old_worker(url, user_id):
    """A function that runs one of the statements as a user in the user's turn, and returns the id of the task."""
    with contextlib.closing(connect(url)) as connection, connection.cursor() as cursor:

        def send(statement, **parameters):
            cursor.execute(AS_USER + statement, {"user_id": user_id, **parameters})
            return cursor.fetchone()[0]

        yield send
