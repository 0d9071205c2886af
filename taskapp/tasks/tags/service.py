"""The operations on tags, one function each. They are independent of HTTP."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from taskapp.db.errors import StatementTooSlow
from taskapp.db.execute import execute, execute_in_turn
from taskapp.db.idempotency import RequestKey, execute_idempotent
from taskapp.tasks.errors import OperationTooSlow, TagNotFound
from taskapp.tasks.service import COSTLY_SHARE
from taskapp.tasks.tags import queries

# The fraction of REQUEST_TIMEOUT for a write, which may change all tasks of its user. It is less than the deadline, so
# that the client is told that a retry would take as long.
_WRITE_SHARE = 0.8


class TagPage(NamedTuple):
    """A page of the list of tags.

    Attributes:
        tags: the name of each tag, and the numbers of pending and of all tasks that have it.
        next: the name of the last tag, after which the next page starts; None if this is the last page.
    """

    tags: Sequence[dict[str, Any]]
    next: str | None


class ChangedTasks(NamedTuple):
    """The result of a write.

    Attributes:
        tasks: the number of tasks that it changed.
        change: the number of the first change that it logged; None as in :class:`taskapp.tasks.writes.StoredTask`, or
            if no task changed.
        replayed: whether this is the stored result of an earlier request with the same idempotency key.
    """

    tasks: int
    change: int | None = None
    replayed: bool = False


def list_tags(user_id: str, *, limit: int, after: str | None = None) -> TagPage:
    """Return a page of the tags that tasks of the user have, by code point.

    Args:
        user_id: the acting user.
        limit: the maximum number of tags.
        after: the ``next`` of the previous page, or None for the first page.

    Raises:
        OperationTooSlow: it took longer than a costly read may take.
        DatabaseUnavailable: see :func:`taskapp.db.execute.execute`. All functions of this module may raise it.
    """
    statement = queries.list_tags(continued=after is not None)
    parameters = {"page_size": limit + 1, "after_name": after}
    try:
        rows = execute(statement, parameters, user_id=user_id, can_retry=True, share=COSTLY_SHARE)
    except StatementTooSlow:
        raise OperationTooSlow from None
    tags = [{"name": name, "pending": pending, "total": total} for name, pending, total in rows[:limit]]
    return TagPage(tags, tags[-1]["name"] if len(rows) > limit else None)


def rename_tag(user_id: str, name: str, new_name: str, *, key: RequestKey | None = None) -> ChangedTasks:
    """Rename a tag on all tasks of the user that have it. Tasks that have both lose the old one.

    If both names are equal, no task changes.

    Raises:
        TagNotFound: no task of the user has the tag.
        OperationTooSlow: it took too long. Nothing was changed.
        IdempotencyKeyInUse, IdempotencyKeyReused: see :func:`taskapp.db.idempotency.execute_idempotent`.
    """
    statement = queries.rename_tag(keyed=key is not None)
    return _write(statement, {"name": name, "new_name": new_name}, user_id, key)


def remove_tag(user_id: str, name: str, *, key: RequestKey | None = None) -> ChangedTasks:
    """Remove a tag from all tasks of the user that have it.

    Raises:
        TagNotFound, OperationTooSlow, IdempotencyKeyInUse, IdempotencyKeyReused: as :func:`rename_tag`.
    """
    return _write(queries.remove_tag(keyed=key is not None), {"name": name}, user_id, key)


def _write(statement: Any, parameters: Mapping[str, Any], user_id: str, key: RequestKey | None) -> ChangedTasks:
    try:
        if key is not None:
            outcome = execute_idempotent(statement, parameters, key, user_id=user_id, share=_WRITE_SHARE)
            result = outcome and ChangedTasks(outcome.result["tasks"], outcome.result.get("change"), outcome.replayed)
        else:
            rows = execute_in_turn(statement, parameters, user_id=user_id, share=_WRITE_SHARE)
            result = ChangedTasks(*rows[0]) if rows else None
    except StatementTooSlow:
        raise OperationTooSlow from None
    if result is None:
        raise TagNotFound
    return result
