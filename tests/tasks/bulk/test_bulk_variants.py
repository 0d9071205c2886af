"""The statements of writes by filter that a worker keeps. There is one for each set of filters."""

import gc
import weakref
from itertools import combinations, islice

from taskapp.db.message import compile_statement
from taskapp.tasks.bulk import queries
from taskapp.tasks.filters import FILTERS

KEPT = 64


def test_a_worker_keeps_few_statements_whichever_filters_are_sent():
    made = []
    for filters in islice(combinations(sorted(FILTERS), 3), KEPT + 4):
        statement = queries.apply_to_matching(
            "deleted",
            "all",
            frozenset(filters),
            completes=False,
            reopens=False,
            sets_completed=False,
            dry_run=True,
            keyed=False,
        )
        if len(made) < 4:
            assert compile_statement(statement) is compile_statement(statement)
        made.append(weakref.ref(statement))
    del statement
    gc.collect()
    assert [reference() for reference in made[:4]] == [None] * 4
    assert None not in [reference() for reference in made[4:]]
