"""Statements are compiled once, and their text is kept no longer than they are."""

import gc
import tracemalloc
import weakref

from taskapp.db import db
from taskapp.db.message import compile_statement
from taskapp.tasks.bulk import queries
from taskapp.tasks.models import Task


def test_text_of_a_statement_that_its_cache_has_dropped_is_not_kept():
    statement = db.select(Task.id)
    assert compile_statement(statement) is compile_statement(statement)
    dropped = weakref.ref(statement)
    del statement
    gc.collect()
    assert dropped() is None


def test_statements_of_many_writes_that_are_kept_fit_into_64_mib():
    def make(name):
        return queries.apply_to_matching(
            "updated",
            "all",
            frozenset([name]),
            completes=False,
            reopens=False,
            sets_completed=False,
            dry_run=False,
            keyed=True,
        )

    kept = [make("q")]
    compile_statement(kept[0])  # SQLAlchemy keeps more after the first one.
    tracemalloc.start()
    try:
        kept.append(make("tags_any"))
        compile_statement(kept[1])
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size * queries.apply_to_matching.cache_parameters()["maxsize"] < 64 * 2**20
