"""Query plans of imports: tasks are looked up by their uids, whatever the statistics."""

import time

import pytest

from tests.support.importing import NDJSON, ndjson
from tests.support.recurring import recurs
from tests.tasks.bulk.test_bulk_plans import (  # noqa: F401 # Fixtures.
    assert_reads_each_once,
    filled,
    is_known,
    scans_of_tasks,
    user,
)
from tests.tasks.changes.test_plans import explain, sent  # noqa: F401 # A fixture.

pytestmark = pytest.mark.slow

NEW = [{"uid": f"0b9e6f0e-6c0e-4b57-9d0a-6a4d1c0e{n:04}", "title": "x"} for n in range(100)]
QUERIES = {
    "new": ("", NEW, None),
    "again": ("?existing=refuse", NEW, None),
    "update": ("?existing=update", [{**task, "title": "y"} for task in NEW], None),
    "with a key": ("?existing=update", [{**task, "title": "z"} for task in NEW], "key"),
    "try": ("?existing=update&dry_run=true", [{**task, "title": "y"} for task in NEW], None),
    "series": ("", [{**task, "uid": None, **recurs("FREQ=DAILY")} for task in NEW], None),
}


def send(user, query, tasks, key=None):  # noqa: F811 # The fixture.
    options = {"data": ndjson(*tasks), "headers": {"Content-Type": NDJSON}, "key": key}
    return user.send("POST", f"/import{query}", **options)


@pytest.mark.parametrize("name", QUERIES)
def test_tasks_are_looked_up_by_their_uids(request, filled, user, sent, name):  # noqa: F811 # The fixtures.
    response = send(user, *QUERIES[name])
    assert response.status_code == 200, response.json
    plan = explain(filled, sent[-1])
    assert_reads_each_once(plan)
    assert all(scans_of_tasks(plan)) or not is_known(request)


def test_occurrences_that_are_in_the_way_are_found_at_once(user):  # noqa: F811 # The fixture.
    """By one scan of the tasks that recur, and not one for each line."""
    lines = [{"title": f"s{n}", **recurs("FREQ=DAILY")} for n in range(1000)]
    assert send(user, "", lines).status_code == 200
    tasks = user.send("GET", "?sort=-id&limit=1000").json["data"]
    copies = [{**task, "uid": None, "title": "copy"} for task in tasks]
    start = time.perf_counter()
    response = send(user, "", copies)
    seconds = time.perf_counter() - start
    assert (response.status_code, len(response.json["error"]["details"])) == (409, 1000)
    assert seconds < 5
