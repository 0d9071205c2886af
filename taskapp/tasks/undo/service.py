"""The operations on single writes. They are independent of HTTP."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg2

from taskapp.db.execute import execute
from taskapp.db.idempotency import RequestKey
from taskapp.tasks.changes.batch import MAXIMUM_CHANGES
from taskapp.tasks.changes.entries import COMPARED_FIELDS, Entry, entry_to_dict
from taskapp.tasks.changes.outcome import Outcome, run_batch
from taskapp.tasks.errors import ChangeNotFound, TooManyAffected, UndoConflict
from taskapp.tasks.reminders.wake import wake_for
from taskapp.tasks.representation import from_json
from taskapp.tasks.rules import explain_no_return
from taskapp.tasks.undo import queries

# What changes of a task may be in the way of undo: its fields, and whether it exists.
_NAMES = ("id", *COMPARED_FIELDS)


class WritePage(NamedTuple):
    """A page of the changes of a write.

    Attributes:
        entries: each change.
        next: the number of the last change, or None if no page follows.
    """

    entries: Sequence[dict[str, Any]]
    next: int | None


class Undo(NamedTuple):
    """The result of an undo.

    Attributes:
        results: the ``task_id`` of each task, what happened to it, ``type``, and its fields, ``task``, or None.
        change: the number of the write; None if nothing was written.
        replayed: whether this is the stored result of an earlier request with the same idempotency key.
    """

    results: Sequence[dict[str, Any]]
    change: int | None = None
    replayed: bool = False


def get_write(user_id: str, number: int, *, limit: int, after: int | None = None) -> WritePage:
    """Return a page of the changes of a write.

    Args:
        user_id: the acting user.
        number: the number of the write.
        limit: the maximum number of changes.
        after: the ``next`` of the previous page, or None for the first page.

    Raises:
        ChangeNotFound: the user has no such write, or it is no longer known.
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`.
    """
    after = number - 1 if after is None else after
    parameters = {"number": number, "after": after, "page_size": limit + 1, "most": after - number + limit + 1}
    rows = execute(queries.GET_WRITE, parameters, user_id=user_id, can_retry=True)
    if not rows:
        raise ChangeNotFound
    entries = [entry_to_dict(Entry(*row)) for row in rows[:limit]]
    return WritePage(entries, entries[-1]["number"] if len(rows) > limit else None)


def conflicts_of(outcome: Outcome) -> list[dict[str, Any]]:
    """Return the tasks that are in the way of a reversal, as in the response."""
    return [
        {
            "task_id": task["task_id"],
            "changed": [name for name in _NAMES if name in task["changed"]],
            "current": task["task"] and from_json(task["task"]),
        }
        for task in outcome.tasks
        if task["changed"]
    ]


def undo_write(user_id: str, number: int, *, dry_run: bool = False, key: RequestKey | None = None) -> Undo:
    """Undo a write: take all its changes back, or none.

    Args:
        user_id: the acting user.
        number: the number of the write.
        dry_run: whether to write nothing, and to return the result that the undo would have.
        key: the idempotency key of the request, or None. Not used with ``dry_run``.

    Raises:
        ChangeNotFound: the user has no such write, or it is no longer known.
        UndoConflict: a task was changed since, or its values from before are not possible now.
        TooManyAffected: the write made more than :data:`MAXIMUM_CHANGES` changes.
        IdempotencyKeyInUse, IdempotencyKeyReused, UserBusy, DatabaseUnavailable: see
            :func:`taskapp.tasks.changes.outcome.run_batch`.
    """
    statement = queries.undo_write(dry_run=dry_run, keyed=key is not None and not dry_run)
    parameters = {"number": number, "most": MAXIMUM_CHANGES}
    try:
        outcome = run_batch(statement, parameters, user_id, dry_run=dry_run, key=key)
    except (psycopg2.IntegrityError, psycopg2.DataError) as error:
        # A rule is newer than the values, or about more than they are; or a release without the log has just taken a
        # uid.
        raise UndoConflict([], changes=0, reason=explain_no_return(error)) from None
    if not outcome.found:
        raise ChangeNotFound
    if outcome.found > MAXIMUM_CHANGES:
        raise TooManyAffected(MAXIMUM_CHANGES)
    if conflicts := conflicts_of(outcome):
        raise UndoConflict(conflicts, outcome.found)
    results = [
        {"task_id": task["task_id"], "type": task["type"], "task": task["task"] and from_json(task["task"])}
        for task in outcome.tasks
    ]
    if outcome.written:
        wake_for(result["task"] for result in results)
    return Undo(results, outcome.change if outcome.written else None, outcome.replayed)
