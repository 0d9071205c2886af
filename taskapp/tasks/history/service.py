"""The operation that reads the history of a task. It is independent of HTTP."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from taskapp.db.execute import execute
from taskapp.tasks.changes.entries import Entry, entry_to_dict
from taskapp.tasks.errors import TaskNotFound
from taskapp.tasks.history import queries


class HistoryPage(NamedTuple):
    """A page of the history of a task.

    Attributes:
        entries: each change.
        next: the number of the change that the next page starts with, or None if no page follows.
        complete: False if the task has older changes than those of this page, but they are no longer known.
    """

    entries: Sequence[dict[str, Any]]
    next: int | None
    complete: bool


def get_history(user_id: str, task_id: int, *, limit: int, start: int | None = None) -> HistoryPage:
    """Return a page of the changes of a task, the newest first. The task may have been deleted.

    Args:
        user_id: the acting user.
        task_id: the id of the task.
        limit: the maximum number of changes.
        start: the ``next`` of the previous page, or None for the first page.

    Raises:
        TaskNotFound: the user has no task with this id, and no deletion of one is known.
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`.
    """
    # One more shows whether a page follows.
    parameters = {"task_id": task_id, "start": start, "page_size": limit + 1}
    rows = execute(queries.GET_HISTORY, parameters, user_id=user_id, can_retry=True)
    if rows[0][0] is None:
        raise TaskNotFound
    fields = len(Entry._fields)
    known = [(Entry(*row[1 : fields + 1]), row[fields + 1]) for row in rows if row[1] is not None]
    following = known[limit][0].number if len(known) > limit else None
    complete = following is not None or (bool(known) and known[-1][1] is None)
    return HistoryPage([entry_to_dict(entry) for entry, _ in known[:limit]], following, complete)
