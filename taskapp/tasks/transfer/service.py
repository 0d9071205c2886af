"""Imports of files of tasks. They are independent of HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import psycopg2

from taskapp.db.idempotency import RequestKey
from taskapp.tasks.bulk.bounds import bounded
from taskapp.tasks.changes.outcome import Outcome, run_batch
from taskapp.tasks.errors import LinesNotImported
from taskapp.tasks.reminders.wake import wake_for
from taskapp.tasks.rules import ZONE_UNKNOWN, explain_broken, names_zone
from taskapp.tasks.transfer import queries
from taskapp.tasks.transfer.checks import LINES, CheckedLine
from taskapp.tasks.transfer.rows import row_of
from taskapp.tasks.transfer.schemas import SKIP
from taskapp.tasks.transfer.write import EXISTS, OCCURS

RESULTS = ("created", "updated", "unchanged", "skipped")


class Import(NamedTuple):
    """The result of an import.

    Attributes:
        tasks: for each line, the id of the task, None if it would be created, and what happened: one of
            :data:`RESULTS`.
        change: the number of the write; None if nothing was written.
        replayed: whether this is the stored result of an earlier request with the same idempotency key.
    """

    tasks: Sequence[tuple[int | None, str]]
    change: int | None = None
    replayed: bool = False


def import_lines(
    user_id: str,
    lines: Sequence[CheckedLine],
    *,
    existing: str = SKIP,
    dry_run: bool = False,
    key: RequestKey | None = None,
) -> Import:
    """Import the lines of a file: all of them, or none. A task that exists is found by its uid.

    Args:
        user_id: the acting user.
        lines: at most :data:`taskapp.tasks.transfer.checks.MAXIMUM_LINES` of them, about different tasks.
        existing: what happens to tasks that exist and differ; see :mod:`taskapp.tasks.transfer.schemas`.
        dry_run: whether to write nothing, and to return the result that the import would have.
        key: the idempotency key of the request, or None. Not used with ``dry_run``.

    Raises:
        LinesNotImported: some lines are impossible.
        InvalidChange: the rules of the lines take too long.
        IdempotencyKeyInUse, IdempotencyKeyReused: see :func:`taskapp.db.idempotency.execute_idempotent`.
        UserBusy, DatabaseUnavailable: see :func:`taskapp.db.execute.execute_in_turn`.
    """
    costly = ((f"{LINES}.{line.number}.recurrence", line) for line in lines)
    rows = [{"index": index, **row_of(line)} for index, line in enumerate(bounded(costly))]
    recurring = any(line.fields.get("recurrence") for line in lines)
    keyed = key is not None and not dry_run
    statement = queries.import_lines(existing, recurring=recurring, dry_run=dry_run, keyed=keyed)
    parameters = {"lines": orjson.dumps(rows).decode(), "look_for_occurrences": dry_run}
    outcome = _run(statement, parameters, user_id, lines, dry_run=dry_run, key=key)
    failed = {
        lines[task["index"]].number: _explain(task, lines[task["index"]]) for task in outcome.tasks if "reason" in task
    }
    if failed:
        raise LinesNotImported(failed, outcome.found)
    tasks = [(task["id"], task["result"]) for task in outcome.tasks]
    has_written = outcome.written and any(result in ("created", "updated") for _, result in tasks)
    if has_written:
        wake_for(line.fields for line in lines)
    return Import(tasks, outcome.change if has_written else None, outcome.replayed)


def _run(
    statement: Any,
    parameters: Mapping[str, Any],
    user_id: str,
    lines: Sequence[CheckedLine],
    *,
    dry_run: bool,
    key: RequestKey | None,
) -> Outcome:
    try:
        try:
            return run_batch(statement, parameters, user_id, dry_run=dry_run, key=key)
        except psycopg2.errors.UniqueViolation:
            # Another task is the occurrence of a line. Or a release without the log, which takes no turn, has just
            # taken a uid. The statement finds it now.
            parameters = {**parameters, "look_for_occurrences": True}
            return run_batch(statement, parameters, user_id, dry_run=dry_run, key=key)
    except psycopg2.errors.InvalidParameterValue as error:
        zones = ((line.number, line.fields.get("time_zone")) for line in lines)
        unknown = [number for number, zone in zones if zone and names_zone(str(error), zone)]
        if not unknown:  # That of a stored task, after a downgrade of the database.
            raise
        raise LinesNotImported({number: {"time_zone": ZONE_UNKNOWN} for number in unknown}, len(lines)) from None


def _explain(task: Mapping[str, Any], line: CheckedLine) -> dict[str | None, str]:
    """Return what is wrong with a line, as a sentence by field; by None for the whole line."""
    if task["reason"] == EXISTS:
        return {None: f"Differs from task {task['id']}, which has its uid."}
    if task["reason"] == OCCURS:
        return {"recurrence": "Another task is this occurrence of the series."}
    return {field: text for name in task["names"] for field, text in explain_broken(name, line.fields).items()}
