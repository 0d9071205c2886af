"""The operations on deleted tasks. They are independent of HTTP."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg2

from taskapp.db.errors import StatementTooSlow
from taskapp.db.execute import execute
from taskapp.db.idempotency import RequestKey
from taskapp.http.json_provider import with_microseconds
from taskapp.tasks.changes.outcome import run_batch
from taskapp.tasks.errors import OperationTooSlow, TaskExists, TaskNotFound
from taskapp.tasks.reminders.wake import wake_for
from taskapp.tasks.representation import from_json, to_dict
from taskapp.tasks.rules import explain_no_return
from taskapp.tasks.service import COSTLY_SHARE
from taskapp.tasks.trash import queries
from taskapp.tasks.undo.service import conflicts_of
from taskapp.tasks.writes import StoredTask


class TrashPage(NamedTuple):
    """A page of the trash.

    Attributes:
        tasks: the fields of each task as it was, with ``deleted_at`` and ``change``, the number of the deletion.
        next: the id of the last task, or None if no page follows.
    """

    tasks: Sequence[dict[str, Any]]
    next: int | None


def list_deleted(user_id: str, *, limit: int, below: int | None = None) -> TrashPage:
    """Return a page of the user's deleted tasks whose deletions are still known, by descending id.

    Args:
        user_id: the acting user.
        limit: the maximum number of tasks.
        below: the ``next`` of the previous page, or None for the first page.

    Raises:
        OperationTooSlow: it took longer than a costly read may take.
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`.
    """
    statement = queries.list_deleted(continued=below is not None)
    parameters = {"page_size": limit + 1, "below": below}
    try:
        rows = execute(statement, parameters, user_id=user_id, can_retry=True, share=COSTLY_SHARE)
    except StatementTooSlow:
        raise OperationTooSlow from None
    tasks = [{**to_dict(row), "deleted_at": with_microseconds(row[-2]), "change": row[-1]} for row in rows[:limit]]
    return TrashPage(tasks, tasks[-1]["id"] if len(rows) > limit else None)


def restore_task(user_id: str, task_id: int, *, key: RequestKey | None = None) -> StoredTask:
    """Restore a deleted task as it was, with the same id, and return it.

    Raises:
        TaskNotFound: no deletion of such a task is known.
        TaskExists: the task exists, or another task has its uid, or its values are not possible now.
        IdempotencyKeyInUse, IdempotencyKeyReused, UserBusy, DatabaseUnavailable: see
            :func:`taskapp.tasks.changes.outcome.run_batch`.
    """
    statement = queries.restore_task(keyed=key is not None)
    try:
        outcome = run_batch(statement, {"task_id": task_id}, user_id, key=key)
    except (psycopg2.IntegrityError, psycopg2.DataError) as error:
        raise TaskExists(None, explain_no_return(error)) from None  # As for undo.
    for conflict in conflicts_of(outcome):
        raise TaskExists(conflict["current"])
    if not outcome.found:
        raise TaskNotFound
    (restored,) = outcome.tasks
    task = StoredTask(from_json(restored["task"]), outcome.change, outcome.replayed)
    wake_for((task.fields,))
    return task
