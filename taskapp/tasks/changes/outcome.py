"""Runs statements that write many tasks, all of them or none, and return one row about it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from taskapp.db.execute import execute, execute_in_turn
from taskapp.db.idempotency import DONE, RequestKey, execute_idempotent


class Outcome(NamedTuple):
    """What became of the changes of a statement.

    Attributes:
        written: whether they were made.
        found: the number of changes.
        change: the number of the write that made them.
        tasks: a dict for each task, or for each that is in the way; the statement says what it has.
        replayed: whether this is the stored result of an earlier request with the same idempotency key.
    """

    written: bool
    found: int
    change: int
    tasks: Sequence[Mapping[str, Any]]
    replayed: bool = False


def run_batch(
    statement: Any,
    parameters: Mapping[str, Any],
    user_id: str,
    *,
    dry_run: bool = False,
    key: RequestKey | None = None,
    share: float = 1.0,
) -> Outcome:
    """Run a statement that returns ``done``, ``found``, ``change`` and ``tasks``.

    Args:
        statement: the statement.
        parameters: its parameters.
        user_id: the acting user.
        dry_run: whether it writes nothing.
        key: the idempotency key of the request, or None. Not used with ``dry_run``.
        share: as for :func:`taskapp.db.execute.execute`.

    Raises:
        IdempotencyKeyInUse, IdempotencyKeyReused: see :func:`taskapp.db.idempotency.execute_idempotent`.
        UserBusy, DatabaseUnavailable, StatementTooSlow: see :func:`taskapp.db.execute.execute_in_turn`.
        psycopg2.IntegrityError, psycopg2.DataError: the tasks would break a rule of the table.
    """
    if key is not None and not dry_run:
        outcome = execute_idempotent(statement, parameters, key, user_id=user_id, share=share)
        assert outcome is not None  # noqa: S101 # The statement returns a row, whatever happens.
        result = outcome.result
        return Outcome(result[DONE], result["found"], result["change"], result["tasks"] or (), outcome.replayed)
    if dry_run:
        rows = execute(statement, parameters, user_id=user_id, can_retry=True, share=share)
    else:
        rows = execute_in_turn(statement, parameters, user_id=user_id, share=share)
    ((written, found, change, tasks),) = rows
    return Outcome(written, found, change, tasks or ())
