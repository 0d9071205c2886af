"""The operations on many tasks at once. They are independent of HTTP."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
import psycopg2

from taskapp.db.errors import StatementTooSlow
from taskapp.db.idempotency import RequestKey
from taskapp.tasks import filters
from taskapp.tasks.bulk import queries
from taskapp.tasks.bulk.bounds import bounded
from taskapp.tasks.bulk.operations import Operation, row_of
from taskapp.tasks.bulk.results import DAYS
from taskapp.tasks.changes.batch import MAXIMUM_OPERATIONS
from taskapp.tasks.changes.outcome import Outcome, run_batch
from taskapp.tasks.errors import Failure, InvalidChange, NotApplied, OperationTooSlow, TooManyAffected
from taskapp.tasks.recurrence.missing_days import missing_days
from taskapp.tasks.reminders.wake import wake_for
from taskapp.tasks.representation import from_json
from taskapp.tasks.rules import ZONE_UNKNOWN, explain_broken, names_zone

# The fraction of REQUEST_TIMEOUT for a write by filter. It is less than the deadline, so that the client is told that a
# retry would take as long. The work of a list is bounded: if it takes long, the database is busy, and a retry helps.
_FILTER_SHARE = 0.8
# Dates, times and times of day as text, for jsonb.
_UTC = orjson.OPT_NAIVE_UTC


class BulkWrite(NamedTuple):
    """The result of a write of many tasks.

    Attributes:
        tasks: the id of the task of each operation, None if it would be created, and its fields, None if it is deleted.
        change: the number of the first change that was logged; None if nothing was written.
        replayed: whether this is the stored result of an earlier request with the same idempotency key.
        following: the fields of the next occurrence, by the position of the operation that created it.
    """

    tasks: Sequence[tuple[int | None, dict[str, Any] | None]]
    change: int | None = None
    replayed: bool = False
    following: Mapping[int, dict[str, Any]] = MappingProxyType({})


def apply_operations(
    user_id: str, operations: Sequence[Operation], *, dry_run: bool = False, key: RequestKey | None = None
) -> BulkWrite:
    """Apply operations to different tasks of a user: all of them, or none.

    Args:
        user_id: the acting user.
        operations: 1 to :data:`MAXIMUM_OPERATIONS` of them; see :data:`taskapp.tasks.bulk.operations.Operation`.
            If a completed task recurs, and its stored days are used up, this takes another message.
        dry_run: whether to write nothing, and to return the result that the write would have.
        key: the idempotency key of the request, or None. Not used with ``dry_run``.

    Raises:
        NotApplied: some operations are impossible.
        InvalidChange: the database does not know a time zone, or the rules take too long; see :mod:`.bounds`.
        IdempotencyKeyInUse, IdempotencyKeyReused: see :func:`taskapp.db.idempotency.execute_idempotent`.
        UserBusy, DatabaseUnavailable: see :func:`taskapp.db.execute.execute_in_turn`.
    """
    placed = ((_place(index), operation) for index, operation in enumerate(operations))
    rows = [{"index": index, **row_of(operation)} for index, operation in enumerate(bounded(placed))]
    completed = {each["completed"] for each in operations if "completed" in each and each["op"] != "create"}
    statement = queries.apply_list(
        completes=True in completed,
        reopens=False in completed,
        dry_run=dry_run,
        keyed=key is not None and not dry_run,
    )
    zones = {f"operations.{index}.time_zone": each.get("time_zone") for index, each in enumerate(operations)}
    outcome = _run(
        statement,
        {"operations": _json(rows)},
        user_id,
        zones,
        _place,
        most=MAXIMUM_OPERATIONS,
        dry_run=dry_run,
        key=key,
    )
    return _result(outcome, operations)


def apply_to_matching(
    user_id: str,
    values: Mapping[str, Any],
    operation: Operation,
    *,
    max_affected: int,
    dry_run: bool = False,
    key: RequestKey | None = None,
) -> BulkWrite:
    """Apply one operation to all tasks of a user that match a filter: to all of them, or to none.

    Args:
        user_id: the acting user.
        values: the values of filters, as for :func:`taskapp.tasks.service.list_tasks`; may lack ``status``.
        operation: as for :func:`apply_operations`, but without the id and the version, and not ``create``. ``complete``
            leaves out tasks whose ``completed`` has its value already.
        max_affected: how many tasks may match.
        dry_run: as for :func:`apply_operations`.
        key: as for :func:`apply_operations`.

    Raises:
        TooManyAffected: more tasks match.
        OperationTooSlow: the write took too long. Nothing was written.
        NotApplied, InvalidChange, IdempotencyKeyInUse, IdempotencyKeyReused, UserBusy,
            DatabaseUnavailable: as for :func:`apply_operations`.
    """
    row, in_use = row_of(operation), {name: value for name, value in values.items() if name != "status"}
    statement = queries.apply_to_matching(
        row["type"],
        values.get("status", "all"),
        filters.filters_in_use(in_use),
        completes=operation.get("completed") is True,
        reopens=operation.get("completed") is False,
        sets_completed=operation["op"] == "complete",
        dry_run=dry_run,
        keyed=key is not None and not dry_run,
    )
    parameters = {
        **filters.filter_parameters(in_use),
        **{name: row.get(name) for name in ("add_tags", "remove_tags", "logged")},
        "put": _json(row["put"]) if "put" in row else None,
        "completed": operation.get("completed"),
        "max_affected": max_affected,
    }
    zones = {"time_zone": operation.get("time_zone"), "filter.time_zone": in_use.get("time_zone")}
    options: Any = {"dry_run": dry_run, "key": key, "share": _FILTER_SHARE}
    outcome = _run(statement, parameters, user_id, zones, lambda _: "filter", most=max_affected, **options)
    if outcome.found > max_affected:
        raise TooManyAffected(max_affected)
    return _result(outcome, [operation] * outcome.found)


def _place(index: int) -> str:
    return f"operations.{index}.recurrence"


def _json(value: Any) -> str:
    return orjson.dumps(value, option=_UTC).decode()


def _run(
    statement: Any,
    parameters: Mapping[str, Any],
    user_id: str,
    zones: Mapping[str, Any],
    place: Callable[[int], str],
    *,
    most: int,
    dry_run: bool,
    key: RequestKey | None,
    share: float = 1.0,
) -> Outcome:
    """Run a statement of :func:`taskapp.tasks.bulk.write.apply_operations`.

    Args:
        statement: the statement.
        parameters: its parameters.
        user_id: the acting user.
        zones: the time zones in the request, by their places in it.
        place: returns the place in the request that stands for the recurrence of an operation, by its position.
        most: how many operations there may be.
        dry_run: as for :func:`apply_operations`.
        key: as for :func:`apply_operations`.
        share: as for :func:`taskapp.db.execute.execute`.
    """
    run = partial(run_batch, statement, user_id=user_id, dry_run=dry_run, key=key, share=share)
    try:
        return _run_with_days(run, {**parameters, "days": None, "look_for_occurrences": dry_run}, most, place)
    except StatementTooSlow:
        raise OperationTooSlow from None
    except psycopg2.errors.InvalidParameterValue as error:
        unknown = [place for place, zone in zones.items() if zone and names_zone(str(error), zone)]
        if not unknown:  # That of a stored task, after a downgrade of the database.
            raise
        raise InvalidChange(dict.fromkeys(unknown, ZONE_UNKNOWN)) from None


def _run_with_days(
    run: Callable[[Mapping[str, Any]], Outcome],
    parameters: Mapping[str, Any],
    most: int,
    place: Callable[[int], str],
) -> Outcome:
    """Run a statement. If nothing but days of series is missing, run it again with them.

    It takes a third time only if another write gets in between. The deadline of the request ends this.
    """
    days: dict[str, Any] = {}
    while True:
        try:
            outcome = run(parameters)
        except psycopg2.errors.UniqueViolation:
            # A next occurrence exists. Or a release without the log, which takes no turn, has just taken a uid. The
            # statement finds it now.
            parameters = {**parameters, "look_for_occurrences": True}
            outcome = run(parameters)
        if outcome.found > most or not all(task.get("reason") == DAYS for task in outcome.tasks) or not outcome.tasks:
            return outcome
        used_up = ((place(task["index"]), (task["id"], task["series"], task["today"])) for task in outcome.tasks)
        days |= missing_days(bounded(used_up))
        parameters = {**parameters, "days": _json(days)}


def _explain(names: Sequence[str], operation: Operation) -> Mapping[str, str]:
    return {field: text for name in names for field, text in explain_broken(name, operation).items()}


def _result(outcome: Outcome, operations: Sequence[Operation]) -> BulkWrite:
    failed = [
        Failure(
            position=task["index"],
            task_id=task["id"],
            reason=task["reason"],
            details=_explain(task["names"] or (), operations[task["index"]]),
            current=task["task"] and from_json(task["task"]),
        )
        for task in outcome.tasks
        if task.get("reason", DAYS) != DAYS
    ]
    if failed:
        raise NotApplied(failed, outcome.found)
    tasks = [(task["id"], task["task"] and from_json(task["task"])) for task in outcome.tasks]
    # A release without recurrence stored no next ones.
    following = {place: from_json(each["next"]) for place, each in enumerate(outcome.tasks) if each.get("next")}
    if outcome.written:
        wake_for((*(task for _, task in tasks), *following.values()))
    return BulkWrite(tasks, outcome.change if outcome.written else None, outcome.replayed, following)
