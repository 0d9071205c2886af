"""The statements of imports. Each names the acting user in every use of a table."""

from functools import lru_cache
from typing import Any

from sqlalchemy import literal

from taskapp.db.idempotency import NOT_YET_WRITTEN, idempotent
from taskapp.tasks.changes.batch import joined_by_hash
from taskapp.tasks.transfer import found
from taskapp.tasks.transfer.checks import MAXIMUM_LINES
from taskapp.tasks.transfer.write import import_lines as write_lines


@lru_cache
def import_lines(existing: str, *, recurring: bool, dry_run: bool, keyed: bool) -> Any:
    """Return the statement that imports the JSON array ``lines``; see :mod:`taskapp.tasks.transfer.write`.

    Args:
        existing: as there.
        recurring: as there.
        dry_run: as there.
        keyed: whether the request has an idempotency key. Not with ``dry_run``.
    """
    lines = found.lines(*(NOT_YET_WRITTEN if keyed else ()), lock=not dry_run)
    statement = write_lines(lines, existing, literal(MAXIMUM_LINES), recurring=recurring, dry_run=dry_run)
    return joined_by_hash(idempotent(statement) if keyed else statement)
